import type { DataSet } from "./data-set.js";
import type { DemoClient } from "./demo-client.js";
import type { Findings } from "./findings.js";
import { inBulk } from "./bulk.js";
import type { KeyModel } from "./model.js";
import { complaintAbout } from "./stored-value.js";
import { ownerOf } from "./workload-context.js";

/** What is verified, after every write has ended. */
export interface VerificationContext {
  readonly client: Pick<DemoClient, "getMany" | "scan">;
  readonly dataSet: DataSet;
  readonly model: KeyModel;
  readonly findings: Findings;
  readonly workers: number;
  /** What to scan: prefixes of keys; an empty one stands for everything. */
  readonly prefixes: readonly string[];
  readonly signal: AbortSignal;
}

/** What a verification looked at. */
export interface VerificationSummary {
  readonly keysRead: number;
  readonly keysScanned: number;
  readonly keysExpected: number;
}

/**
 * Reads every key, present or deleted, and compares it with the model; then scans, and compares the keys found with
 * those that should exist: none missing, none twice, none unknown. What is wrong goes to the findings.
 */
export async function verify(context: VerificationContext): Promise<VerificationSummary> {
  const keysRead = await readEverything(context);
  const keysScanned = await scanEverything(context);
  return { keysRead, keysScanned, keysExpected: context.model.countPresent() };
}

async function readEverything(context: VerificationContext): Promise<number> {
  const { client, dataSet, model, findings, workers, signal } = context;
  let read = 0;
  await inBulk(dataSet.size, signal, async (indexes) => {
    const oldest = indexes.map((index) => model.beginRead(index));
    const values = await client.getMany(indexes.map((index) => dataSet.keyOf(index)));
    for (const [i, index] of indexes.entries()) {
      const value = values[i];
      const what =
        (value && complaintAbout(value, ownerOf(index, workers), dataSet.recordOf(index))) ??
        model.judge(
          index,
          oldest[i] ?? 0,
          value ? { kind: "present", counter: value.counter } : { kind: "absent" },
        );
      if (what !== undefined) findings.addWrongAnswer({ call: "verify", key: dataSet.keyOf(index), what });
    }
    read += indexes.length;
  });
  return read;
}

async function scanEverything(context: VerificationContext): Promise<number> {
  const { client, dataSet, model, findings, prefixes, signal } = context;
  const indexOf = new Map<string, number>();
  for (let index = 0; index < dataSet.size; index += 1) indexOf.set(dataSet.keyOf(index), index);
  const seen = new Uint8Array(dataSet.size);
  const complain = (key: string, what: string): void => findings.addWrongAnswer({ call: "scan", key, what });
  let scanned = 0;
  for (const prefix of prefixes) {
    const options = prefix === "" ? {} : { prefix };
    for await (const entry of client.scan({ ...options, keysOnly: true, signal })) {
      const key = entry.key.toString();
      const index = indexOf.get(key);
      scanned += 1;
      if (index === undefined) complain(key, "was never written");
      else if (seen[index] === 1) complain(key, "was found twice");
      else if (model.isSettled(index) && !model.isPresent(index)) complain(key, "was found, though deleted");
      if (index !== undefined) seen[index] = 1;
    }
  }
  for (let index = 0; index < dataSet.size; index += 1) {
    const mustExist = model.isSettled(index) && model.isPresent(index);
    if (mustExist && seen[index] === 0) complain(dataSet.keyOf(index), "was not found");
  }
  return scanned;
}
