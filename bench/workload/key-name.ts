const firstNumber = 10_000_000;

/** Most keys of a data set. */
export const keysMax = 89_999_999;

/** The name of the `index`th key. Twelve characters: V8 makes longer ones as ropes, to be flattened by every client. */
export function keyName(index: number): string {
  return `user${firstNumber + index}`;
}
