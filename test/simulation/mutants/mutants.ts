import type { Edit } from "../../support/compiled-copy.js";
import type { FaultName } from "../faults/faults.js";

/** A small change for the worse to the compiled product. */
export interface Mutant extends Edit {
  readonly name: string;
  /** Where a rule stands in more than one place. */
  readonly also?: readonly Edit[];
  /** Kinds of faults that bring it out; undefined: as chosen by the seed. */
  readonly faults?: readonly FaultName[];
  /** A seed that finds it, or the first of a few, and how long its run is, in virtual seconds. */
  readonly seed: number;
  readonly seconds: number;
}

/** Bugs that the simulator has to find: a checker that cannot fail is a defect. */
export const mutants: readonly Mutant[] = [
  {
    name: "serve what is held, without looking at the epoch's entry",
    file: "services/core/store/gate.js",
    find: "const serves = isPrimary(partition, self) &&\n",
    replace: "const serves = partition.entry !== undefined &&\n",
    faults: [],
    seed: 1,
    seconds: 8,
  },
  {
    name: "delete before the commit",
    file: "services/migration/source-move.js",
    find: "        partition.releasedEpoch = partition.epoch;\n",
    replace:
      "        partition.releasedEpoch = partition.epoch;\n" +
      "        void this.#context.engine.dropGeneration(partition.id, partition.generation ?? 0);\n",
    faults: ["crashStore", "crashStoreAtEffect", "crashMaster", "crashMasterAtEffect", "isolate"],
    seed: 36,
    seconds: 15,
  },
  {
    name: "acknowledge before the commit",
    file: "services/core/store/kv-map.js",
    find: "        this.#assigned.push(assigned);\n",
    replace:
      "        acknowledge(assigned);\n" +
      "        assigned.write = { ...write, sink: { written: () => {}, notFound: () => {}, refused: () => {} } };\n" +
      "        this.#assigned.push(assigned);\n",
    faults: ["crashStore", "crashStoreAtEffect", "stallDisk"],
    seed: 2,
    seconds: 8,
  },
  {
    name: "serve reads after RELEASE",
    file: "services/core/store/gate.js",
    find: "    partition.readable = serves;\n",
    replace: "    partition.readable = isPrimary(partition, self) && partition.generation !== undefined;\n",
    faults: [],
    seed: 2,
    seconds: 8,
  },
  {
    name: "forget a queued write",
    file: "services/core/store/follower.js",
    find: "        this.#queue.push(write);\n",
    replace: "        if (write.seq % 2 !== 0)\n            this.#queue.push(write);\n",
    faults: ["slowNetwork", "stallDisk"],
    seed: 19,
    seconds: 12,
  },
  {
    name: "fix the required replicas when sending",
    file: "services/core/store/kv-map.js",
    find: "            if (partition.follower?.required)\n                partition.whenCommitted",
    replace:
      "            if (partition.follower?.required && one.seq < 0)\n                partition.whenCommitted",
    faults: ["slowNetwork", "stallDisk"],
    seed: 2,
    seconds: 12,
  },
  {
    name: "let a RELEASE time out",
    file: "services/migration/source-move.js",
    find: "        partition.releasedEpoch = partition.epoch;\n        refreshGates(partition, this.#context.self());\n",
    replace:
      "        partition.releasedEpoch = partition.epoch;\n" +
      "        refreshGates(partition, this.#context.self());\n" +
      "        this.#context.clock.setTimer(100, () => {\n" +
      "            if (this.#ended)\n                return;\n" +
      "            partition.releasedEpoch = 0;\n            partition.isMigrating = false;\n" +
      "            refreshGates(partition, this.#context.self());\n" +
      "            partition.resumeParked();\n        });\n",
    faults: ["stallMasterDisk", "slowNetwork"],
    seed: 1,
    seconds: 12,
  },
  {
    name: "send orders before the metadata is flushed",
    file: "services/master/driver.js",
    find: "await this.#options.metadata.commit(changes)",
    replace: "void this.#options.metadata.commit(changes)",
    faults: ["cutPowerOfMaster", "crashMasterAtEffect", "stallMasterDisk"],
    seed: 1,
    seconds: 15,
  },
  {
    name: "delete by partition instead of by generation",
    file: "services/core/store/generations.js",
    find: ".run(() => this.#engine.dropGeneration(partition, generation))",
    replace:
      ".run(async () => {\n" +
      "            await this.#engine.dropGeneration(partition, generation);\n" +
      "            for (const other of this.#engine.listGenerations()) {\n" +
      "                if (other.partition === partition)\n" +
      "                    await this.#engine.dropGeneration(partition, other.generation);\n" +
      "            }\n" +
      "        })",
    faults: ["slowNetwork", "stallDisk", "crashStore", "crashStoreAtEffect", "crashMaster"],
    seed: 22,
    seconds: 15,
  },
  {
    name: "trust a returning store that lost its data",
    file: "services/core/master/membership/registration.js",
    find: "present?.hasIdentity === true && clusterId === undefined && !registration.dataLossAccepted",
    replace: "false",
    also: [
      {
        file: "services/core/master/membership/registration.js",
        find: "registration.dataLossAccepted ? undefined : findLackingData(state, known, registration)",
        replace: "undefined",
      },
    ],
    faults: ["swapVolume", "crashStore"],
    seed: 1,
    seconds: 8,
  },
  {
    name: "trust a returning store with an older state of its data",
    file: "services/core/master/membership/registration.js",
    find: "registration.dataLossAccepted ? undefined : findLackingData(state, known, registration)",
    replace: "undefined",
    faults: ["restoreVolume", "crashStore"],
    seed: 1,
    seconds: 12,
  },
  {
    name: "take a write for known by its seq alone",
    file: "services/core/store/staged-copy.js",
    find: "if (compareVersions(written, version) <= 0)",
    replace: "if (written.seq <= version.seq)",
    // So that a copy outlives its source: what the source had sent and not committed has the seqs of other writes then.
    also: [
      {
        file: "services/migration/target.js",
        find: "if (staged && !this.#isExpected(partition, staged.copy.moveId, staged.epoch)) {",
        replace:
          "if (staged && partition.entry?.learners.some(({ moveId }) => moveId !== staged.copy.moveId)) {",
      },
      {
        file: "services/migration/target.js",
        find:
          "            staged.epoch === start.epoch &&\n" +
          "            sameReplica(staged.copy.source, source) &&\n" +
          "            compareVersions(staged.copy.version, snapshot) === 0) {\n",
        replace: "            staged.copy.version.seq >= snapshot.seq) {\n",
      },
    ],
    faults: ["crashStore", "crashStoreAtEffect", "stallDisk", "stallMasterDisk"],
    seed: 5,
    seconds: 15,
  },
  {
    name: "let keys expire by the clock, without a committed delete",
    file: "services/store/calls.js",
    find: "if (anyReplica)\n                return undefined;\n            const expired",
    replace:
      "if (anyReplica || kvMap.hasExpired(record))\n                return undefined;\n            const expired",
    also: [
      {
        file: "services/store/store.js",
        find: "store.#expirySweep.start();",
        replace: "",
      },
    ],
    faults: ["setClock"],
    seed: 12,
    seconds: 15,
  },
  {
    name: "tell that a forwarded write whose owner did not answer was not executed",
    file: "services/wire/unary-call.js",
    find: 'new EkvError("OUTCOME_UNKNOWN", ',
    replace: 'new EkvError("UNAVAILABLE", ',
    also: [
      {
        file: "services/wire/unary-call.js",
        find: "{ cause: aborted ? aborted.reason : known }",
        replace: "{ cause: known, notExecuted: true }",
      },
    ],
    faults: ["crashStore", "resetConnection", "resetHost", "crashStoreAtEffect"],
    seed: 123,
    seconds: 12,
  },
  {
    name: "answer a retried write of unknown outcome as not executed",
    file: "client/routing.js",
    find: 'isWrite && miss.sent ? "outcome-unknown" : "back-off"',
    replace: '"back-off"',
    faults: ["crashStore", "resetConnection", "resetHost", "crashStoreAtEffect"],
    seed: 12,
    seconds: 8,
  },
  {
    name: "refuse a write for a condition that a write never stored had broken",
    file: "services/core/store/kv-map.js",
    find: "partition.undone !== undone",
    replace: "false",
    faults: ["fillDisk", "breakDisk"],
    seed: 26,
    seconds: 8,
  },
];
