import { limits } from "../../../services/core/limits.js";
import {
  CallKind,
  CallStatus,
  type PipelineRequest,
  type PipelineResponse,
} from "../../../services/gen/elastickv/v1/store.js";

/** Answers batches without a store behind: every key exists, with one value, and every write succeeds. */
export class ConstantAnswers {
  readonly #valueBytes: number;
  readonly #values: Buffer;
  readonly #statuses: Uint8Array = new Uint8Array(limits.batchCallsMax).fill(CallStatus.OK);

  constructor(valueBytes: number) {
    this.#valueBytes = valueBytes;
    this.#values = Buffer.alloc(valueBytes * limits.batchCallsMax, "x");
  }

  answer({ firstCall, kinds, options }: PipelineRequest): PipelineResponse {
    const valueLengths: number[] = [];
    const epochs: number[] = [];
    const seqs: number[] = [];
    const expiriesMs: number[] = [];
    let nextOption = 0;
    for (let i = 0; i < kinds.length; i += 1) {
      const wantVersion = options[nextOption]?.call === i && options[nextOption++]?.wantVersion === true;
      const isGet = kinds[i] === CallKind.GET;
      if (isGet) valueLengths.push(this.#valueBytes);
      if (isGet && wantVersion) expiriesMs.push(0);
      if (kinds[i] === CallKind.PUT || (isGet && wantVersion)) {
        epochs.push(1);
        seqs.push(firstCall + i);
      }
    }
    return {
      firstCall,
      offsets: [],
      statuses: this.#statuses.subarray(0, kinds.length),
      values: this.#values.subarray(0, valueLengths.length * this.#valueBytes),
      valueLengths,
      epochs,
      seqs,
      expiriesMs,
      moved: [],
      failures: [],
      draining: false,
    };
  }
}
