/** `1 move`, `12 moves`, `1,234 keys`: a count with its noun, whose plural takes an s. For every text that counts things. */
export function formatNoun(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
