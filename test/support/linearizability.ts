/**
 * Decides whether what clients saw of single keys could have come from one register a key, each call taking effect at
 * one moment between its beginning and its end (Herlihy and Wing, 1990).
 *
 * The search goes through time and keeps every state a key may be in together with the open calls that have taken effect
 * in it, as in Lowe's just-in-time linearization: its cost grows with the calls open at once, not with the history. Writes
 * of unknown outcome stay open for ever, and need not take effect: of two states that differ in them alone, the one that
 * has spent fewer explains all that the other does, and is the only one kept.
 */

/** What a call asked for. Values are unique: no two writes of a history have the same. */
export type CallAction =
  | { readonly kind: "get" }
  | {
      readonly kind: "put";
      readonly value: string;
      readonly condition?: CallCondition;
      readonly expiry?: CallExpiry;
    }
  | { readonly kind: "delete" };

/** When a value of limited life goes away by itself: at one moment of these, by the history's clock, for good. */
export interface CallExpiry {
  readonly earliest: number;
  /** A call that begins later finds it gone. Infinity: that is not known. */
  readonly latest: number;
}

/** When a put may take effect: the key is absent, or still has the value that a version was seen with. */
export type CallCondition =
  { readonly kind: "if-absent" } | { readonly kind: "if-value"; readonly value: string };

/** How a call ended. `unknown`: a write that may take effect at any time after its beginning, or never. */
export type CallOutcome =
  /** Of a get; undefined: the key is absent. */
  | { readonly kind: "value"; readonly value: string | undefined }
  /** Of a put. */
  | { readonly kind: "written" }
  /** Of a put with a condition. */
  | { readonly kind: "condition-failed" }
  /** Of a delete: whether the key was there; undefined when that was not told. */
  | { readonly kind: "deleted"; readonly existed: boolean | undefined }
  | { readonly kind: "unknown" };

/** One call of one client. Calls that had no effect for certain, and reads that failed, do not belong in a history. */
export interface HistoryCall {
  readonly client: string;
  readonly key: string;
  readonly action: CallAction;
  readonly outcome: CallOutcome;
  /** By a clock that all clients share, in any unit. */
  readonly beganAt: number;
  /** Ignored when the outcome is unknown. */
  readonly endedAt: number;
}

/** A key whose history no register can explain. */
export interface LinearizabilityViolation {
  readonly key: string;
  /** The call that fits nowhere: up to it everything can be explained. */
  readonly call: HistoryCall;
  /** The values that the key may have had when the call ended, had it not been for the call. */
  readonly possible: readonly (string | undefined)[];
}

/** States kept at once; a history that needs more has too many calls open on one key. */
const configurationsMax = 200_000;

interface Configuration {
  readonly value: string | undefined;
  /** Open calls that have taken effect and are going to end. */
  readonly done: ReadonlySet<number>;
  /** Writes of unknown outcome that have taken effect. */
  readonly spent: ReadonlySet<number>;
}

/** Configurations without those that another makes superfluous. */
class Configurations {
  readonly #alike = new Map<string, Configuration[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether it says anything that those before it do not. */
  add(configuration: Configuration): boolean {
    const name = nameOf(configuration);
    const alike = this.#alike.get(name) ?? [];
    if (alike.some(({ spent }) => isWithin(spent, configuration.spent))) return false;
    const rest = alike.filter(({ spent }) => !isWithin(configuration.spent, spent));
    this.#alike.set(name, [...rest, configuration]);
    this.#size += 1 + rest.length - alike.length;
    return true;
  }

  all(): Configuration[] {
    return [...this.#alike.values()].flat();
  }
}

function isWithin(part: ReadonlySet<number>, whole: ReadonlySet<number>): boolean {
  if (part.size > whole.size) return false;
  for (const index of part) if (!whole.has(index)) return false;
  return true;
}

/**
 * The first violation of each key, in the order of the keys. Keys that no call names are absent at first; `initial` has
 * the values of those that are not. Throws a RangeError when a key has too many open calls to decide.
 */
export function findViolations(
  history: readonly HistoryCall[],
  initial: ReadonlyMap<string, string> = new Map<string, string>(),
): LinearizabilityViolation[] {
  const keys = new Map<string, HistoryCall[]>();
  for (const call of history) {
    const calls = keys.get(call.key);
    if (calls) calls.push(call);
    else keys.set(call.key, [call]);
  }
  return [...keys]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, calls]) => {
      const violation = findKeyViolation(calls, initial.get(key));
      return violation ?? [];
    });
}

function findKeyViolation(
  calls: readonly HistoryCall[],
  initial: string | undefined,
): LinearizabilityViolation | undefined {
  const open = new Map<number, HistoryCall>();
  const expiries = expiriesOf(calls);
  let configurations: readonly Configuration[] = [{ value: initial, done: new Set(), spent: new Set() }];
  for (const { at, call, index, time } of eventsOf(calls)) {
    if (at === "begin") {
      open.set(index, call);
      continue;
    }
    const before = configurations;
    configurations = afterEnd(before, { open, expiries, ending: index, time });
    if (configurations.length === 0) {
      return { key: call.key, call, possible: [...new Set(before.map(({ value }) => value))] };
    }
    open.delete(index);
  }
  return undefined;
}

interface HistoryEvent {
  readonly at: "begin" | "end";
  readonly time: number;
  readonly index: number;
  readonly call: HistoryCall;
}

/** At equal times beginnings come first: such calls overlap. */
function eventsOf(calls: readonly HistoryCall[]): HistoryEvent[] {
  const events = calls.flatMap((call, index): HistoryEvent[] => {
    const begin: HistoryEvent = { at: "begin", time: call.beganAt, index, call };
    if (call.outcome.kind === "unknown") return [begin];
    return [begin, { at: "end", time: call.endedAt, index, call }];
  });
  return events.sort(
    (a, b) => a.time - b.time || (a.at === b.at ? a.index - b.index : a.at === "begin" ? -1 : 1),
  );
}

function expiriesOf(calls: readonly HistoryCall[]): ReadonlyMap<string, CallExpiry> {
  return new Map(
    calls.flatMap(({ action }) =>
      action.kind === "put" && action.expiry ? [[action.value, action.expiry] as const] : [],
    ),
  );
}

/** A call that ends, among those that are open. */
interface Ending {
  readonly open: ReadonlyMap<number, HistoryCall>;
  readonly expiries: ReadonlyMap<string, CallExpiry>;
  readonly ending: number;
  readonly time: number;
}

/** The configurations in which the call that ends has taken effect, by way of any open calls and expiries before it. */
function afterEnd(
  configurations: readonly Configuration[],
  { open, expiries, ending, time }: Ending,
): Configuration[] {
  const seen = new Configurations();
  const ended = new Configurations();
  const waiting: Configuration[] = [...configurations];
  // Those that took fewer steps first: they make others superfluous.
  for (let turn = 0; turn < waiting.length; turn += 1) {
    const next = waiting[turn] as Configuration;
    if (next.done.has(ending)) {
      const done = new Set(next.done);
      done.delete(ending);
      ended.add({ ...next, done });
      continue;
    }
    if (!seen.add(next)) continue;
    if (seen.size + ended.size > configurationsMax) {
      throw new RangeError(`more than ${configurationsMax} states: ${open.size} calls are open on one key`);
    }
    const expiry = next.value === undefined ? undefined : expiries.get(next.value);
    if (expiry && expiry.earliest <= time) waiting.push({ ...next, value: undefined });
    for (const [index, call] of open) {
      if (next.done.has(index) || next.spent.has(index)) continue;
      const isGone = expiry !== undefined && call.beganAt > expiry.latest;
      const effect = effectOf(isGone ? undefined : next.value, call);
      if (effect) waiting.push(withEffect(next, index, call, effect.value));
    }
  }
  return ended.all();
}

function withEffect(
  { done, spent }: Configuration,
  index: number,
  { outcome }: HistoryCall,
  value: string | undefined,
): Configuration {
  return outcome.kind === "unknown"
    ? { value, done, spent: new Set(spent).add(index) }
    : { value, done: new Set(done).add(index), spent };
}

/** The same for configurations that differ in what they have spent alone. */
function nameOf({ value, done }: Configuration): string {
  return `${[...done].sort((a, b) => a - b).join()}|${value === undefined ? "" : `=${value}`}`;
}

/** The key's value once the call has taken effect; undefined when it cannot take effect now with its outcome. */
function effectOf(
  value: string | undefined,
  { action, outcome }: HistoryCall,
): { readonly value: string | undefined } | undefined {
  const unknown = outcome.kind === "unknown";
  switch (action.kind) {
    case "get":
      return outcome.kind === "value" && outcome.value === value ? { value } : undefined;
    case "delete": {
      if (unknown) return { value: undefined };
      if (outcome.kind !== "deleted") return undefined;
      const matches = outcome.existed === undefined || outcome.existed === (value !== undefined);
      return matches ? { value: undefined } : undefined;
    }
    case "put": {
      const holds = conditionHolds(value, action.condition);
      if (outcome.kind === "condition-failed") return holds ? undefined : { value };
      if (!unknown && outcome.kind !== "written") return undefined;
      return holds ? { value: action.value } : undefined;
    }
  }
}

function conditionHolds(value: string | undefined, condition: CallCondition | undefined): boolean {
  if (condition === undefined) return true;
  return condition.kind === "if-absent" ? value === undefined : value === condition.value;
}
