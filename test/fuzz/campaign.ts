import fc from "fast-check";
import { damagedArbitrary, noiseArbitrary } from "./damage-arbitrary.js";
import { frameArbitrary } from "./frame-arbitrary.js";
import type { FuzzCluster } from "./fuzz-cluster.js";
import { isHarmless } from "./harmless.js";
import { messageArbitrary } from "./message-arbitrary.js";
import { type FuzzedMethod, fuzzedMethods, isEndless, type ServerRole } from "./protocol.js";
import { type CallOutcome, type RawCall, RawGrpc } from "./raw-grpc.js";
import { faultOf, innerFaultOf, isMalformed } from "./verdict.js";
import { frame } from "./wire-bytes.js";

/** What kinds of messages a method is sent. */
export const messageKinds = ["fields", "damaged", "noise", "frames"] as const;
export type MessageKind = (typeof messageKinds)[number];

/** A counterexample, shrunk. */
export interface Finding {
  readonly what: string;
  /** How to see it again. */
  readonly replay: string;
  readonly counterexample: string;
}

/** What a campaign did. */
export interface CampaignReport {
  readonly sent: Readonly<Record<MessageKind, number>>;
  readonly methods: number;
  readonly statuses: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
}

interface Attempt {
  readonly call: RawCall;
  /** The messages, where the body is nothing else. */
  readonly messages: readonly Uint8Array[] | undefined;
}

const leaveAfterMs = 100;
const propertiesAtATime = 16;

function attempts(
  method: FuzzedMethod,
  kind: MessageKind,
  cluster: FuzzCluster,
): fc.Arbitrary<Attempt> | undefined {
  const leave = isEndless(method) ? { leaveAfterMs } : {};
  if (kind === "frames") {
    return frameArbitrary.map(({ body, headers }) => ({
      call: { path: method.path, body, headers, ...leave },
      messages: undefined,
    }));
  }
  const whole = method.input && messageArbitrary(method.input, cluster.vocabulary());
  const one =
    kind === "noise" ? noiseArbitrary : kind === "fields" ? whole : whole && damagedArbitrary(whole);
  if (one === undefined) return undefined;
  const lists = method.requestStream
    ? fc.array(one, { minLength: 1, maxLength: 4 })
    : one.map((message) => [message]);
  return lists
    .filter((messages) => isHarmless(method, messages))
    .map((messages) => ({
      call: { path: method.path, body: messages.map((message) => frame(message)), ...leave },
      messages,
    }));
}

/** Sends every method of every process `runs` messages of each kind, and judges each answer. */
export async function runCampaign(
  cluster: FuzzCluster,
  options: { readonly runs: number; readonly seed: number; readonly only?: RegExp | undefined },
): Promise<CampaignReport> {
  const sent = { fields: 0, damaged: 0, noise: 0, frames: 0 };
  const statuses = new Map<string, number>();
  const findings: Finding[] = [];
  const run = async (role: ServerRole, method: FuzzedMethod, kind: MessageKind): Promise<void> => {
    const arbitrary = attempts(method, kind, cluster);
    if (arbitrary === undefined) return;
    const client = new RawGrpc(cluster.address(role));
    const property = fc.asyncProperty(arbitrary, async ({ call, messages }) => {
      sent[kind] += 1;
      const outcome = await client.call(call);
      count(statuses, outcome);
      cluster.check();
      // Behind a message that was refused for another reason, one that cannot be read is not looked at.
      const malformed = messages !== undefined && isMalformed(method, messages.slice(0, 1));
      const fault =
        faultOf(outcome, {
          isMalformed: malformed,
          mayTimeOut: call.headers?.["grpc-timeout"] !== undefined,
        }) ?? innerFaultOf(method, outcome);
      if (fault !== undefined) throw new Error(fault);
    });
    const result = await fc.check(property, { numRuns: options.runs, seed: options.seed });
    client.close();
    if (!result.failed) return;
    findings.push({
      what: `${role} ${method.name}, ${kind}: ${firstLine(result.errorInstance)}`,
      replay: `--seed ${options.seed} --runs ${options.runs} --only ${method.name} (path ${result.counterexamplePath})`,
      counterexample: describe(result.counterexample?.[0]),
    });
    cluster.check();
  };
  const chosen = fuzzedMethods.filter(({ name }) => options.only?.test(name) ?? true);
  const jobs = chosen.flatMap((method) =>
    method.roles.flatMap((role) => messageKinds.map((kind) => () => run(role, method, kind))),
  );
  const work = async (): Promise<void> => {
    for (let job = jobs.shift(); job; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: propertiesAtATime }, work));
  return { sent, methods: chosen.length, statuses, findings };
}

function count(statuses: Map<string, number>, { code, left, httpStatus }: CallOutcome): void {
  const name = code === undefined ? (left ? "left" : `http ${httpStatus}`) : String(code);
  statuses.set(name, (statuses.get(name) ?? 0) + 1);
}

function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
}

function describe(attempt: Attempt | undefined): string {
  if (attempt === undefined) return "";
  const bodies = attempt.call.body.map((bytes) => Buffer.from(bytes).toString("hex"));
  const text = JSON.stringify({ headers: attempt.call.headers, frames: bodies });
  return text.length > 600 ? `${text.slice(0, 600)}… (${text.length} characters)` : text;
}
