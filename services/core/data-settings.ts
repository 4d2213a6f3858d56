/** Settings that belong to the data in a folder: with others the data would be lost, or what was promised for it. */

/** Where a store can keep its data, as `--engine` names it. */
export const engineNames = ["log", "memory"] as const;
export type EngineName = (typeof engineNames)[number];

/** The engine on disk of former versions. */
const formerEngine = "lmdb";

/** Where data is kept, and what its acknowledged writes survive. */
export interface DataSettings {
  readonly engine: EngineName;
  readonly durability: "commit" | "fsync";
}

/** Those of some settings that are known. */
export type Known<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The engine that keeps the data now which was recorded as kept with `recorded`: `log` takes over what LMDB held. */
export function presentEngine(recorded: string): string {
  return recorded === formerEngine ? "log" : recorded;
}

/** Why `--engine` does not take a name, for people; undefined: it does. */
export function engineViolation(name: string): string | undefined {
  if (name === formerEngine) {
    return (
      "lmdb was the engine of former versions; its successor is log, which takes over the data in such a folder: " +
      "give log, or leave --engine out"
    );
  }
  return engineNames.some((known) => known === name) ? undefined : `give one of: ${engineNames.join(", ")}`;
}

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
  const { engine = given.engine ?? "log", durability = given.durability ?? "commit" } = recorded;
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
