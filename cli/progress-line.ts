import type { Output } from "./output.js";
import { formatProgress, type ProgressView } from "./progress.js";

/** Shows how far something is: a line that redraws itself on a terminal, a line now and then elsewhere. */
export interface ProgressLine {
  update(view: ProgressView): void;
  /** Prints a line of its own above the progress. */
  note(text: string): void;
  /** Takes the line away: whoever stops it prints what came of the work. */
  stop(): void;
}

/** Milliseconds between two lines where there is no terminal. */
const lineIntervalMs = 2000;

/** A progress line on `output`; with `quiet` nothing but notes. Loads cli-progress only where there is a terminal. */
export async function startProgress(
  output: Output,
  options: { readonly quiet: boolean },
): Promise<ProgressLine> {
  const print = (text: string): void => void output.stream.write(`${text}\n`);
  if (options.quiet) return { update: () => undefined, note: print, stop: () => undefined };
  return output.isTerminal ? await terminalLine(output, print) : plainLines(output, print);
}

async function terminalLine(output: Output, print: (text: string) => void): Promise<ProgressLine> {
  const { default: cliProgress } = await import("cli-progress");
  let view: ProgressView = { title: "", fraction: undefined, parts: [] };
  const draw = (): string => formatProgress(view, output.columns, output.unicode);
  const bar = new cliProgress.SingleBar({
    format: draw,
    stream: output.stream,
    fps: 10,
    hideCursor: true,
    forceRedraw: true,
    gracefulExit: false,
    clearOnComplete: true,
  });
  let started = false;
  const stop = (): void => {
    if (started) bar.stop();
    started = false;
  };
  return {
    update(next) {
      view = next;
      if (!started) bar.start(1, 0);
      started = true;
      bar.update(Math.min(next.fraction ?? 0, 0.999));
    },
    note(text) {
      stop();
      print(text);
    },
    stop,
  };
}

function plainLines(output: Output, print: (text: string) => void): ProgressLine {
  // Work that is over sooner needs no progress.
  let shownAtMs = performance.now();
  let shown = "";
  return {
    update(view) {
      const nowMs = performance.now();
      if (nowMs - shownAtMs < lineIntervalMs) return;
      shownAtMs = nowMs;
      const latest = formatProgress(
        { ...view, fraction: undefined },
        Number.MAX_SAFE_INTEGER,
        output.unicode,
      );
      if (latest !== shown) print(latest);
      shown = latest;
    },
    note: print,
    stop: () => undefined,
  };
}
