import type { EngineEntry, EngineSnapshot } from "../../../core/ports/storage-engine.js";
import { snapshotClosed } from "../closed.js";
import type { Leaf } from "./leaf.js";
import type { SegmentMap } from "./segments.js";

/** A generation as it was: its leaves, which others copy before they change them, and the segments they lead to. */
export class GenerationSnapshot implements EngineSnapshot {
  readonly #leaves: readonly Leaf[];
  readonly #segments: SegmentMap;
  readonly #onClose: (snapshot: GenerationSnapshot) => void;
  #closed = false;

  /** @param segments retained; let go of by `close` */
  constructor(
    leaves: readonly Leaf[],
    segments: SegmentMap,
    onClose: (snapshot: GenerationSnapshot) => void,
  ) {
    this.#leaves = leaves;
    this.#segments = segments;
    this.#onClose = onClose;
  }

  entries(): IterableIterator<EngineEntry> {
    this.#assertOpen();
    return this.#entries();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#segments.releaseAll();
    this.#onClose(this);
  }

  *#entries(): IterableIterator<EngineEntry> {
    for (const leaf of this.#leaves) {
      for (const position of leaf.positions()) {
        this.#assertOpen();
        const key = Buffer.from(this.#segments.keyAt(position));
        yield { key, record: this.#segments.recordAt(position) };
      }
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw snapshotClosed();
  }
}
