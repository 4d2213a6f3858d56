/**
 * Waits until `probe` gives something other than undefined or false; rejects after `timeoutMs`, default 120 s: on a
 * busy machine a process can take a minute to start. It is asked again after `intervalMs`, default 2 ms: give more for one that costs a
 * call.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 120_000,
  intervalMs = 2,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
