import type { Edit } from "../../support/compiled-copy.js";

/** A small change for the worse to the compiled engine. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** A seed that finds it, or the first of a few. */
  readonly seed: number;
}

const log = "services/store/engine/log";

/** Bugs of the engine that power cuts have to bring out: a checker that cannot fail is a defect. */
export const mutants: readonly Mutant[] = [
  {
    name: "index before the sync",
    edits: [
      {
        file: `${log}/log-engine.js`,
        find: "const written = this.#write(group);\n",
        replace:
          "const written = this.#write(group);\n this.#takeUp(written); Object.assign(written, { runs: [], made: [], cleaned: undefined });\n",
      },
    ],
    seed: 2,
  },
  {
    name: "index before the write",
    edits: [
      {
        file: `${log}/log-writer.js`,
        find: "                if (at > from)\n                    segment.file?.write(segment.memory.bytes, from, from, at);\n",
        replace:
          "                const { bytes } = segment.memory;\n" +
          "                if (at > from)\n                    setImmediate(() => segment.file?.write(bytes, from, from, at));\n",
      },
    ],
    seed: 1,
  },
  {
    name: "a checkpoint of what is not durable",
    edits: [
      {
        file: `${log}/checkpoints.js`,
        find: "        await sync();\n        await writeCheckpoint(",
        replace: "        await writeCheckpoint(",
      },
    ],
    seed: 1,
  },
  {
    name: "a checkpoint renamed before it is durable",
    edits: [{ file: `${log}/checkpoint.js`, find: "        await file.sync();\n", replace: "" }],
    seed: 1,
  },
  {
    name: "a checkpoint believed unchecked, of a log that is not there",
    edits: [
      {
        file: `${log}/checkpoints.js`,
        find: "        await sync();\n        await writeCheckpoint(",
        replace: "        await writeCheckpoint(",
      },
      {
        file: `${log}/open-log.js`,
        find: "if (header?.salt !== salt || file.size() < end) {",
        replace: "if (false) {",
      },
    ],
    seed: 1,
  },
  {
    name: "a segment removed before what replaced it is durable",
    edits: [
      {
        file: `${log}/retired-segments.js`,
        find: "if (next === undefined || next.batch > this.#durableBatch())",
        replace: "if (next === undefined)",
      },
    ],
    seed: 1,
  },
  {
    name: "a tombstone gone before what it deletes: a removal that is not durable when the next begins",
    edits: [
      {
        file: `${log}/retired-segments.js`,
        find: "                await this.#folder.sync();\n",
        replace: "",
      },
    ],
    seed: 1,
  },
  {
    name: "a torn tail taken: records whose checksums are not compared",
    edits: [
      {
        file: `${log}/replay.js`,
        find: "if (!isEntryWithin(words, at, end) || !isEntryIntact(words, at, salt))\n            return at;",
        replace: "if (!isEntryWithin(words, at, end))\n            return at;",
      },
    ],
    seed: 1,
  },
  {
    name: "half a batch taken",
    edits: [
      { file: `${log}/replay.js`, find: "        if (!frame.isLast)\n            return;\n", replace: "" },
    ],
    seed: 1,
  },
  {
    name: "a new segment whose name is not synced",
    edits: [
      {
        file: `${log}/log-syncs.js`,
        find: "const folder = this.#isFolderDirty ? this.#folder : undefined;",
        replace: "const folder = undefined;",
      },
    ],
    seed: 1,
  },
  {
    name: "a first segment whose name is not synced",
    edits: [
      { file: `${log}/log-writer.js`, find: "        await this.#options.folder?.sync();\n", replace: "" },
    ],
    seed: 3,
  },
  {
    name: "what a killed process wrote, never synced",
    edits: [
      {
        file: `${log}/open-log.js`,
        find: "    await Promise.all(touched.map((segment) => segment.sync()));\n",
        replace: "",
      },
    ],
    seed: 2,
  },
  {
    name: "a batch cut off behind its header",
    edits: [
      {
        file: `${log}/replay.js`,
        find: "            this.#torn = this.#pendingStart ?? place;\n",
        replace:
          "            this.#torn = this.#pendingStart ?? { ...place, offset: bad?.entry ?? place.offset };\n",
      },
    ],
    seed: 1,
  },
];
