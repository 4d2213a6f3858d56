import { idViolation } from "../core/checks.js";
import { EkvError, invalidArgument } from "../core/errors.js";
import { limits } from "../core/limits.js";
import {
  type CallFailure,
  Consistency,
  type ContainsRequest,
  type ContainsResponse,
  type DeleteRequest,
  type DeleteResponse,
  type GetRequest,
  type GetResponse,
  type MultiDeleteRequest,
  type MultiDeleteResponse,
  type MultiGetRequest,
  type MultiGetResponse,
  type MultiGetResult,
  type MultiPutRequest,
  type MultiPutResponse,
  type PutRequest,
  type PutResponse,
} from "../gen/elastickv/v1/store.js";
import type { CallContext } from "../runtime/handlers.js";
import { failureToWire } from "../wire/errors.js";
import type { Calls } from "./calls.js";
import { conditionFromWire, conditionViolation, consistencyViolation } from "./conditions.js";
import type { Forwarder } from "./forwarder.js";

const empty = new Uint8Array(0);

/** The unary data calls: executed here, or forwarded to the owner, once. */
export class UnaryCalls {
  readonly #calls: Calls;
  readonly #forwarder: Forwarder;

  constructor(calls: Calls, forwarder: Forwarder) {
    this.#calls = calls;
    this.#forwarder = forwarder;
  }

  async get(request: GetRequest, context: CallContext): Promise<GetResponse> {
    check(consistencyViolation(request.consistency));
    return await this.#forwarder.orForward("get", request, context, async () => {
      const eventual = request.consistency === Consistency.EVENTUAL;
      const result = await this.#calls.read(request.key, eventual, context.deadlineMs);
      return result
        ? { found: true, ...result }
        : { found: false, value: empty, version: undefined, expiresAtMs: 0 };
    });
  }

  async put(request: PutRequest, context: CallContext): Promise<PutResponse> {
    checkWrite(request);
    return await this.#forwarder.orForward("put", request, context, async () => {
      const { key, value, ttlMs } = request;
      const condition = conditionFromWire(request.condition);
      const { version } = await this.#calls.write(
        { kind: "put", key, value, condition, ttlMs },
        context.deadlineMs,
      );
      return { version };
    });
  }

  async delete(request: DeleteRequest, context: CallContext): Promise<DeleteResponse> {
    checkWrite(request);
    return await this.#forwarder.orForward("delete", request, context, async () => {
      const { key } = request;
      const condition = conditionFromWire(request.condition);
      const { version } = await this.#calls.write(
        { kind: "delete", key, value: empty, condition, ttlMs: 0 },
        context.deadlineMs,
      );
      return { existed: version !== undefined };
    });
  }

  async contains(request: ContainsRequest, context: CallContext): Promise<ContainsResponse> {
    check(consistencyViolation(request.consistency));
    return await this.#forwarder.orForward("contains", request, context, async () => {
      const eventual = request.consistency === Consistency.EVENTUAL;
      return { found: (await this.#calls.read(request.key, eventual, context.deadlineMs)) !== undefined };
    });
  }

  async multiGet({ keys, consistency }: MultiGetRequest, context: CallContext): Promise<MultiGetResponse> {
    checkBatch("keys", keys);
    check(consistencyViolation(consistency));
    const results: MultiGetResult[] = [];
    let bytes = 0;
    let atATime: number = limits.unaryReadsAtATimeMax;
    // Some at a time: the values are held until the last is there, and a few long keys may ask for more than memory has.
    for (let at = 0; at < keys.length;) {
      const full = bytes >= limits.batchBytesMax;
      const some = keys.slice(at, at + atATime);
      at += some.length;
      const outcomes = await Promise.all(
        some.map((key) =>
          outcomeOf(
            "got",
            full ? Promise.reject<GetResponse>(answerTooLong()) : this.get({ key, consistency }, context),
          ),
        ),
      );
      let longest = 1;
      for (const outcome of outcomes) {
        const length = outcome.$case === "got" ? outcome.value.value.length : 0;
        longest = Math.max(longest, length);
        // The first value always fits: otherwise the longest could not be read by this call at all.
        const fits = length === 0 || bytes === 0 || bytes + length <= limits.batchBytesMax;
        if (fits) bytes += length;
        results.push({
          outcome: fits ? outcome : { $case: "failure", value: failureToWire(answerTooLong()) },
        });
      }
      atATime = Math.max(
        1,
        Math.min(limits.unaryReadsAtATimeMax, Math.floor(limits.batchBytesMax / longest)),
      );
    }
    return { results };
  }

  async multiPut({ puts }: MultiPutRequest, context: CallContext): Promise<MultiPutResponse> {
    checkBatch("puts", puts);
    const results = await Promise.all(
      puts.map(async (put) => ({ outcome: await outcomeOf("put", this.put(put, context)) })),
    );
    return { results };
  }

  async multiDelete({ deletes }: MultiDeleteRequest, context: CallContext): Promise<MultiDeleteResponse> {
    checkBatch("deletes", deletes);
    const results = await Promise.all(
      deletes.map(async (one) => ({ outcome: await outcomeOf("deleted", this.delete(one, context)) })),
    );
    return { results };
  }
}

async function outcomeOf<C extends string, T>(
  name: C,
  call: Promise<T>,
): Promise<{ $case: C; value: T } | { $case: "failure"; value: CallFailure }> {
  try {
    return { $case: name, value: await call };
  } catch (error) {
    return { $case: "failure", value: failureToWire(error) };
  }
}

function answerTooLong(): EkvError {
  const message = `an answer has at most ${limits.batchBytesMax} bytes of values, or one value that is longer; ask for fewer keys at once`;
  return new EkvError("RESOURCE_EXHAUSTED", message, { notExecuted: true });
}

function check(violation: EkvError | undefined): void {
  if (violation) throw violation;
}

function checkWrite({ condition, identity }: PutRequest | DeleteRequest): void {
  check(conditionViolation(condition));
  check(idViolation(identity?.clientId ?? "", "identity.client_id"));
}

function checkBatch(field: string, items: readonly unknown[]): void {
  if (items.length <= limits.batchCallsMax) return;
  throw invalidArgument(field, `has ${items.length} items; at most ${limits.batchCallsMax} fit in one call`);
}
