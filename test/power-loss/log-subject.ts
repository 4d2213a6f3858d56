import type { EngineWrite, StorageEngine } from "../../services/core/ports/storage-engine.js";
import { type OpenReport, openLogEngine } from "../../services/store/engine/log/open-log.js";
import { type SingleWrite, withColumns } from "../support/engines.js";
import type { Batch } from "./chain.js";
import type { Content } from "./content.js";
import { contentOf } from "./engine-content.js";
import type { OpenSubject, Subject } from "./subject.js";

/** Batches of both forms: every other one has its puts as columns, as a copy that comes in does. */
function commitOf(writes: readonly SingleWrite[]): readonly EngineWrite[] {
  return writes.length % 2 === 0 ? withColumns(writes) : writes;
}

/** The engine `log`, as what is tested. */
class LogSubject implements Subject {
  readonly #engine: StorageEngine;

  constructor(engine: StorageEngine) {
    this.#engine = engine;
  }

  apply(batch: Batch): Promise<void> {
    return batch.kind === "commit"
      ? this.#engine.commit(commitOf(batch.writes))
      : this.#engine.dropGeneration(batch.partition, batch.generation);
  }

  problem(): string | undefined {
    return this.#engine.problem();
  }

  content(): Content {
    return contentOf(this.#engine);
  }

  flush(): Promise<void> {
    return this.#engine.flush();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

/** Opens the engine `log` with limits so small that all that it does happens within some hundred batches. */
export const openLogSubject: OpenSubject = async (options) => {
  const { folder, durability, clock, random, segmentBytes, memoryBytesMax } = options;
  let report: OpenReport | undefined;
  const engine = await openLogEngine({
    folder,
    durability,
    clock,
    random,
    segmentBytes,
    slackBytes: 4 * segmentBytes,
    checkpointBytes: 6 * segmentBytes,
    ...(memoryBytesMax !== undefined && { memoryBytesMax }),
    report: (opened) => (report = opened),
  });
  // A power cut damages nothing: what it leaves is torn, at the end.
  for (const { file, offset, what } of report?.damages ?? []) {
    throw new Error(`damage is reported: ${file} at ${offset}: ${what}`);
  }
  if (report?.checkpoint?.includes("damaged")) throw new Error(`the checkpoint: ${report.checkpoint}`);
  return new LogSubject(engine);
};
