import type { GenerationName } from "../../services/core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../services/core/record.js";
import { countersName, generationName, metaName, recordName, textOf } from "../power-loss/content.js";
import type { SingleWrite } from "../support/engines.js";

/** What an engine should hold: a plain map of names to bytes as latin1 text, as `content.ts` names them. */
export class Model {
  readonly content: Map<string, string> = new Map<string, string>();

  apply(writes: readonly SingleWrite[]): void {
    for (const write of writes) this.#apply(write);
  }

  drop({ partition, generation }: GenerationName): void {
    const prefix = generationName(partition, generation);
    for (const name of this.content.keys()) if (name.startsWith(prefix)) this.content.delete(name);
  }

  /** Keys and records of a generation, both as latin1 text. */
  entriesOf({ partition, generation }: GenerationName): Map<string, string> {
    const prefix = `${generationName(partition, generation)}record `;
    const entries = new Map<string, string>();
    for (const [name, value] of this.content) {
      if (name.startsWith(prefix)) {
        entries.set(Buffer.from(name.slice(prefix.length), "hex").toString("latin1"), value);
      }
    }
    return entries;
  }

  /** Names of the records that have expired, ascending. */
  expired(wallMs: number): string[] {
    const names: string[] = [];
    for (const [name, value] of this.content) {
      if (!name.includes(" record ")) continue;
      const expiresAtMs = recordExpiresAtMs(Buffer.from(value, "latin1"));
      if (expiresAtMs !== 0 && expiresAtMs <= wallMs) names.push(name);
    }
    return names.toSorted();
  }

  #apply(write: SingleWrite): void {
    switch (write.kind) {
      case "put":
        this.content.set(recordName(write.partition, write.generation, write.key), textOf(write.record));
        return;
      case "delete":
        this.content.delete(recordName(write.partition, write.generation, write.key));
        return;
      case "counters":
        this.content.set(countersName(write.partition, write.generation), textOf(write.value));
        return;
      case "meta":
        if (write.value === undefined) this.content.delete(metaName(write.name));
        else this.content.set(metaName(write.name), textOf(write.value));
    }
  }
}
