import type { MoveRecord, OperationRecord } from "../../../services/core/master/state/records.js";
import type { MetadataChange, MetadataStore } from "../../../services/core/ports/metadata-store.js";
import * as real from "../../../services/master/metadata/lmdb.js";
import type { StepName } from "../steps.js";
import { passCommit } from "./breakpoint.js";

const moveSteps = {
  "add-learner": "move-copying",
  "transfer-primary": "move-replica-added",
  "remove-replica": "move-leadership-transferred",
} as const;

const stageSteps = {
  pending: "operation-pending",
  moving: "operation-begun",
  leaving: "operation-leaving",
  finished: "operation-finished",
} as const;

/** The steps that a master's commit takes. An operation's record is written at each of its moves: only a new stage counts. */
export class MasterSteps {
  readonly #stages = new Map<string, string>();

  of(changes: readonly MetadataChange[]): StepName[] {
    return changes.flatMap(({ key, value }) => {
      if (key.startsWith("move/")) return this.#ofMove(value);
      return key.startsWith("operation/") && value !== undefined ? this.#ofOperation(key, value) : [];
    });
  }

  #ofMove(value: string | undefined): StepName[] {
    if (value === undefined) return ["move-ended"];
    const { kind } = (JSON.parse(value) as MoveRecord).step;
    return kind === "planned" ? [] : [moveSteps[kind]];
  }

  #ofOperation(key: string, value: string): StepName[] {
    const { kind } = (JSON.parse(value) as OperationRecord).stage;
    if (this.#stages.get(key) === kind) return [];
    this.#stages.set(key, kind);
    return kind in stageSteps ? [stageSteps[kind as keyof typeof stageSteps]] : [];
  }
}

class ObservedMetadataStore implements MetadataStore {
  readonly #store: MetadataStore;
  readonly #steps = new MasterSteps();

  constructor(store: MetadataStore) {
    this.#store = store;
  }

  load(): Promise<ReadonlyMap<string, string>> {
    return this.#store.load();
  }

  commit(changes: readonly MetadataChange[]): Promise<void> {
    return passCommit(this.#steps.of(changes), () => this.#store.commit(changes));
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

/** The real one's. */
export async function openLmdbMetadataStore(options: { readonly path: string }): Promise<MetadataStore> {
  return new ObservedMetadataStore(await real.openLmdbMetadataStore(options));
}
