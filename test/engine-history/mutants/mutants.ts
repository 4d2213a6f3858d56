import type { Edit } from "../../support/compiled-copy.js";

/** A small change for the worse to the compiled engine. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

const log = "services/store/engine/log";

/** Bugs of the engine that histories have to bring out. */
export const mutants: readonly Mutant[] = [
  {
    name: "a read of what was evicted answers with the entry read before",
    edits: [
      {
        file: `${log}/segment.js`,
        find: "if (this.#coldEntry?.offset === offset)",
        replace: "if (this.#coldEntry !== undefined && this.#coldEntry.isIntact)",
      },
    ],
  },
  {
    name: "cleaning leaves out one of 16 live entries",
    edits: [
      {
        file: `${log}/cleaner.js`,
        find: "if (kind !== undefined && this.#index.isLive(",
        replace: "if (kind !== undefined && this.#at % 128 !== 0 && this.#index.isLive(",
      },
    ],
  },
  {
    name: "cleaning behind the writes that replace what it moves",
    edits: [
      {
        file: `${log}/log-engine.js`,
        find: "                    // Before the writes: they may replace what is moved.\n",
        replace: "                    appends[i].encode(this.#writer);\n",
      },
      {
        file: `${log}/log-engine.js`,
        find: "                    appends[i].encode(this.#writer);\n                    this.#writer.endBatch();\n",
        replace: "                    this.#writer.endBatch();\n",
      },
    ],
  },
  {
    name: "a start that takes up no deletions",
    edits: [
      {
        file: `${log}/replay.js`,
        find: "        index.segments.toleratesDamage = true;\n",
        replace: "        index.segments.toleratesDamage = true;\n        index.isReplaying = true;\n",
      },
      {
        file: `${log}/replay.js`,
        find: "        index.segments.toleratesDamage = false;\n",
        replace: "        index.segments.toleratesDamage = false;\n        index.isReplaying = false;\n",
      },
      {
        file: `${log}/log-index.js`,
        find: "    #delete(words, bytes, offset) {\n",
        replace: "    #delete(words, bytes, offset) {\n        if (this.isReplaying) return;\n",
      },
    ],
  },
  {
    name: "a deleted record stays in the index of what expires",
    edits: [
      {
        file: `${log}/log-index.js`,
        find: "        if (!index.expires)\n            return;\n        const expiresAtMs",
        replace: "        if (true)\n            return;\n        const expiresAtMs",
      },
    ],
  },
  {
    name: "a checkpoint without the index of what expires",
    edits: [
      { file: `${log}/checkpoint.js`, find: "expiry: [...index.expiry.share()]", replace: "expiry: []" },
    ],
  },
  {
    name: "a snapshot that sees later writes",
    edits: [{ file: `${log}/generation-index.js`, find: "if (!leaf.isShared)", replace: "if (true)" }],
  },
  {
    name: "a snapshot whose segments go",
    edits: [
      { file: `${log}/segments.js`, find: "            segment.retain();\n", replace: "" },
      { file: `${log}/generation-snapshot.js`, find: "        this.#segments.releaseAll();\n", replace: "" },
    ],
  },
  {
    name: "a range in an order from before a write",
    edits: [
      {
        file: `${log}/ordered-range.js`,
        find: "if (known?.version === leaf.version)",
        replace: "if (known !== undefined)",
      },
    ],
  },
  {
    name: "a dropped generation whose keys are still expiring",
    edits: [
      {
        file: `${log}/expired-keys.js`,
        find: "!isDue || !index.isNewest(cursor.position)",
        replace: "!isDue",
      },
    ],
  },
];
