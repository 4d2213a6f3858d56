import type { FaultName } from "../faults/faults.js";

/** A small change for the worse to the compiled product. */
export interface Mutant {
  readonly name: string;
  /** Below dist/. */
  readonly file: string;
  /** Has to be there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Kinds of faults that bring it out; undefined: as chosen by the seed. */
  readonly faults?: readonly FaultName[];
  /** A seed that finds it, and how long that run is, in virtual seconds. */
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
      "        void this.#context.engine.deleteGeneration(partition.id, partition.generation ?? 0, 100000);\n",
    faults: ["crashStore", "crashStoreAtEffect", "crashMaster", "crashMasterAtEffect", "isolate"],
    seed: 5,
    seconds: 15,
  },
  {
    name: "acknowledge before the commit",
    file: "services/core/store/kv-map.js",
    find: "        this.#assigned.push({ partition, overlayKey, write, version, existed });\n",
    replace:
      "        acknowledge(write, version, existed);\n" +
      "        const silent = { written: () => {}, notFound: () => {}, refused: () => {} };\n" +
      "        this.#assigned.push({ partition, overlayKey, write: { ...write, sink: silent }, version, existed });\n",
    faults: ["crashStore", "crashStoreAtEffect", "stallDisk"],
    seed: 1,
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
    seed: 10,
    seconds: 12,
  },
  {
    name: "fix the required replicas when sending",
    file: "services/core/store/kv-map.js",
    find: "            if (partition.follower?.required)\n                partition.whenCommitted",
    replace:
      "            if (partition.follower?.required && version.seq < 0)\n                partition.whenCommitted",
    faults: ["slowNetwork", "stallDisk"],
    seed: 7,
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
    seed: 2,
    seconds: 12,
  },
  {
    name: "send orders before the metadata is flushed",
    file: "services/master/driver.js",
    find: "await this.#options.metadata.commit(changes)",
    replace: "void this.#options.metadata.commit(changes)",
    faults: ["cutPowerOfMaster", "crashMaster", "crashMasterAtEffect", "stallDisk"],
    seed: 10,
    seconds: 8,
  },
  {
    name: "delete by partition instead of by generation",
    file: "services/core/store/generations.js",
    find: "    async #delete(partition, generation, name) {\n",
    replace:
      "    async #delete(partition, generation, name) {\n" +
      "        for (const other of this.#engine.listGenerations()) {\n" +
      "            if (other.partition === partition && other.generation !== generation)\n" +
      "                await this.#engine.deleteGeneration(partition, other.generation, 100000);\n" +
      "        }\n",
    faults: ["slowNetwork", "stallDisk", "crashStore", "crashStoreAtEffect"],
    seed: 16,
    seconds: 15,
  },
  {
    name: "trust a returning store that lost its data",
    file: "services/core/master/registration.js",
    find: "present?.hasIdentity === true && clusterId === undefined && !registration.dataLossAccepted",
    replace: "false",
    faults: ["swapVolume", "crashStore"],
    seed: 1,
    seconds: 8,
  },
  {
    name: "answer a retried write of unknown outcome as not executed",
    file: "client/routing.js",
    find: 'isWrite && miss.sent ? "outcome-unknown" : "back-off"',
    replace: '"back-off"',
    faults: ["crashStore", "resetConnection", "resetHost", "crashStoreAtEffect"],
    seed: 2,
    seconds: 8,
  },
  {
    name: "refuse a write for a condition that a write never stored had broken",
    file: "services/core/store/kv-map.js",
    find: "partition.undone !== undone",
    replace: "false",
    faults: ["fillDisk", "breakDisk"],
    seed: 2,
    seconds: 8,
  },
];
