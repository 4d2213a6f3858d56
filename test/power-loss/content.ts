/** What a store holds: names of records, counters and metas, each with its bytes as latin1 text. */
export type Content = ReadonlyMap<string, string>;

/** A name that a batch changed, and its new value; undefined: it is gone. */
export interface Change {
  readonly name: string;
  readonly value: string | undefined;
}

export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** Where the names of a generation begin. */
export const generationName = (partition: number, generation: number): string =>
  `${partition}/${generation} `;

export const recordName = (partition: number, generation: number, key: Uint8Array): string =>
  `${generationName(partition, generation)}record ${Buffer.from(key).toString("hex")}`;

export const countersName = (partition: number, generation: number): string =>
  `${generationName(partition, generation)}counters`;

export const metaName = (name: string): string => `meta ${name}`;

/** What is different between two contents, in words, at most `most` names. */
export function differencesOf(actual: Content, expected: Content, most = 8): string[] {
  const names = [...new Set([...actual.keys(), ...expected.keys()])].filter(
    (name) => actual.get(name) !== expected.get(name),
  );
  const inWords = (value: string | undefined): string =>
    value === undefined
      ? "nothing"
      : `${value.length} bytes ${Buffer.from(value.slice(0, 24), "latin1").toString("hex")}`;
  return names
    .slice(0, most)
    .map(
      (name) =>
        `${name.slice(0, 60)}: ${inWords(actual.get(name))} instead of ${inWords(expected.get(name))}`,
    )
    .concat(names.length > most ? [`and ${names.length - most} more`] : []);
}
