import type { Edit } from "../../support/compiled-copy.js";

/** A small change for the worse to the compiled engine. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** A seed that finds it, or the first of a few. */
  readonly seed: number;
  /** Disks that refuse calls, or bits that are turned over. Default: power cuts. */
  readonly foundBy?: "failing" | "damage";
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
  {
    name: "a later segment removed before an earlier one",
    edits: [
      {
        file: `${log}/retired-segments.js`,
        find: "const next = this.#waiting[0];",
        replace: "const next = this.#waiting.findLast(({ batch }) => batch <= this.#durableBatch());",
      },
      {
        file: `${log}/retired-segments.js`,
        find: "this.#waiting.shift();",
        replace: "this.#waiting.splice(this.#waiting.indexOf(next), 1);",
      },
    ],
    seed: 1,
  },
  {
    name: "a segment cleaned before an older one, by a replay that takes any next segment",
    edits: [
      {
        file: `${log}/log-engine.js`,
        find: "const first = this.#segments[0];\n        if (first === undefined || first === this.#writer.tail",
        replace:
          "const first = this.#segments[1];\n        if (first === undefined || first === this.#writer.tail",
      },
      {
        file: `${log}/log-engine.js`,
        find: "this.#segments.shift();",
        replace: "this.#segments.splice(this.#segments.indexOf(segment), 1);",
      },
      {
        file: `${log}/replay.js`,
        find: "        if (wrong !== undefined) {",
        replace:
          "        if (header !== undefined) this.#expected = { ...header, link: undefined };\n        if (header === undefined) {",
      },
      { file: `${log}/open-log.js`, find: 'return "a segment is missing";', replace: "{}" },
    ],
    seed: 1,
  },
  {
    name: "a checkpoint's section whose checksum is not compared",
    edits: [
      {
        file: `${log}/sections.js`,
        find: "if (words[(start >> 2) + 1] !== checksumOf(words, (start >> 2) + 2, end >> 2, length)) {",
        replace: "if (false) {",
      },
    ],
    seed: 1,
    foundBy: "damage",
  },
  {
    name: "a record whose checksum is not compared when it is read from memory",
    edits: [
      {
        file: `${log}/segment.js`,
        find: "if (this.isVerified || memory === undefined)\n            return true;",
        replace: "return true;",
      },
    ],
    seed: 1,
    foundBy: "damage",
  },
  {
    name: "what follows a damaged record is lost",
    edits: [
      {
        file: `${log}/replay.js`,
        find: "            at += 8;\n            isStart = false;\n",
        replace: "            return;\n",
      },
    ],
    seed: 1,
    foundBy: "damage",
  },
  {
    name: "index before the write is seen: a batch whose write failed is shown",
    edits: [
      {
        file: `${log}/log-writer.js`,
        find: "                    segment.file?.write(segment.memory.bytes, from, from, at);\n",
        replace:
          "                    try { segment.file?.write(segment.memory.bytes, from, from, at); } catch (error) { this.failed = error; }\n",
      },
      {
        file: `${log}/log-engine.js`,
        find: "                this.#takeUp(this.#write([append]));\n",
        replace:
          "                this.#takeUp(this.#write([append]));\n" +
          "                const { failed } = this.#writer;\n" +
          "                this.#writer.failed = undefined;\n" +
          "                if (failed) throw storageError(this.#path, failed);\n",
      },
    ],
    seed: 1,
    foundBy: "failing",
  },
  {
    name: "a refused write that is cut back and not synced",
    edits: [
      {
        file: `${log}/log-writer.js`,
        find: "this.#options.onUndone(isSpare && segment.file !== undefined ? segment.file : segment);",
        replace: "",
      },
    ],
    seed: 10,
    foundBy: "failing",
  },
  {
    name: "a refused write that is not cut back",
    edits: [{ file: `${log}/log-writer.js`, find: "            this.#undo();\n", replace: "" }],
    seed: 1,
    foundBy: "failing",
  },
  {
    name: "a refusal before the cut is durable",
    edits: [
      {
        file: `${log}/log-syncs.js`,
        find: "if (error !== this.#broken)\n            await this.syncWritten();",
        replace: "",
      },
    ],
    seed: 1,
    foundBy: "failing",
  },
  {
    name: "a failed sync that counts",
    edits: [
      {
        file: `${log}/log-syncs.js`,
        find: "            throw this.#broken;\n        }\n        this.durableBatch",
        replace: "            this.#broken = undefined;\n        }\n        this.durableBatch",
      },
    ],
    seed: 7,
    foundBy: "failing",
  },
];
