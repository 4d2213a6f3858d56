/** Settings that belong to the data in a folder: with others the data would be lost, or what was promised for it. */

/** Where data is kept, and what its acknowledged writes survive. */
export interface DataSettings {
  readonly engine: "log" | "lmdb" | "memory";
  readonly durability: "commit" | "fsync";
}

/** Those of some settings that are known. */
export type Known<T> = { readonly [K in keyof T]?: T[K] | undefined };

/**
 * What a folder's data is to be used with: what is given, else what is recorded, else the defaults; or why the given does
 * not fit, naming both values. Durability may become stronger, never weaker.
 *
 * @param recorded of the folder; empty: it is new
 * @param given what the operator asked for, and nothing that is a default
 * @param folder for the message
 */
export function decideDataSettings(
  recorded: Known<DataSettings>,
  given: Known<DataSettings>,
  folder: string,
): DataSettings | { readonly refusal: string } {
  const { engine = given.engine ?? "lmdb", durability = given.durability ?? "commit" } = recorded;
  if (given.engine !== undefined && given.engine !== engine) {
    return {
      refusal:
        `the data in ${folder} is kept with --engine ${engine}, and --engine ${given.engine} was given: ` +
        "leave --engine out, or choose another folder with --data",
    };
  }
  if (given.durability === "commit" && durability === "fsync") {
    return {
      refusal:
        `writes to the data in ${folder} were acknowledged with --durability fsync, and --durability commit was given: ` +
        "leave --durability out, or choose another folder with --data",
    };
  }
  return { engine, durability: given.durability ?? durability };
}
