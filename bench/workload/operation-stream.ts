import { type KeyChoice, keyChoice } from "./key-choice.js";
import { keyName } from "./key-name.js";
import { randomStream, type RandomStream } from "./random-stream.js";
import { valuePool } from "./value-pool.js";
import { type OperationKind, operationKinds, type Workload } from "./workload.js";

/** An endless stream of operations. `advance` sets the fields to the next one. */
export class OperationStream {
  kind: OperationKind = "read";
  key = "";
  /** Of an update, insert or read-modify-write. */
  value: Buffer = Buffer.alloc(0);
  /** Of a scan. */
  scanLength = 0;
  readonly #workload: Workload;
  readonly #random: RandomStream;
  readonly #choose: KeyChoice;
  readonly #nextValue: () => Buffer;
  readonly #thresholds: readonly { readonly below: number; readonly kind: OperationKind }[];
  #count: number;

  /** The same workload and seed give the same stream. */
  constructor(workload: Workload, seed: number) {
    this.#workload = workload;
    this.#random = randomStream(seed);
    this.#choose = keyChoice(workload.distribution, workload.keys, this.#random);
    this.#nextValue = valuePool(workload.valueBytes, this.#random);
    this.#count = workload.keys;
    let below = 0;
    this.#thresholds = operationKinds.flatMap((kind) => {
      const share = workload.mix[kind] ?? 0;
      below += share;
      return share > 0 ? [{ below, kind }] : [];
    });
  }

  advance(): void {
    this.kind = this.#drawKind();
    if (this.kind === "insert") {
      this.key = keyName(this.#count);
      this.#count += 1;
    } else {
      this.key = keyName(this.#choose(this.#count));
    }
    if (this.kind === "scan") this.scanLength = 1 + Math.floor(this.#random() * this.#workload.scanLengthMax);
    else if (this.kind !== "read" && this.kind !== "delete") this.value = this.#nextValue();
  }

  #drawKind(): OperationKind {
    const draw = this.#random();
    for (const { below, kind } of this.#thresholds) if (draw < below) return kind;
    // The shares add up to a little less than 1 in floating point.
    return this.#thresholds.at(-1)?.kind ?? "read";
  }
}
