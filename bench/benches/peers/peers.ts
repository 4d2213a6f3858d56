import type { Bench } from "../../bench.js";
import { compete, type Measurement, runIn } from "../../contest.js";
import { numberOptions } from "../../options.js";
import { nodeMajor } from "../../report/node-major.js";
import { measurementTable } from "../../report/summary.js";
import { startElastic, startUnary } from "../../systems/elastic.js";
import { startEtcdSystem } from "../../systems/etcd.js";
import { startBareServer, startEcho, startNullStore } from "../../systems/limits.js";
import { startRedis, startValkey } from "../../systems/redis.js";
import { startSystems } from "../../systems/system.js";
import { readUpdateMix } from "../../workload/workload.js";
import { peerBars } from "./bars.js";
import { peerPlots } from "./plots.js";
import { peerScenarios, type PeerScenario } from "./scenarios.js";

const known = {
  keys: { default: 1_600_000, help: "keys of the data set; the default is ten times a cache of 32 MB" },
  "value-bytes": { default: 100, help: "bytes of a value" },
  nodes: { default: 3, help: "stores of Elastic-KV and nodes of Redis and Valkey" },
  seconds: { default: 3, help: "length of a round" },
  "warm-up-seconds": { default: 2, help: "what comes before it" },
  "run-in-seconds": { default: 8, help: "how long every server is used before the first round" },
  rounds: { default: 5, help: "rounds of which the medians are shown" },
  seed: { default: 1, help: "seed of keys, values and the order of the runs" },
};

/** Elastic-KV next to Redis Cluster, Valkey and etcd, and next to the limits of Node and of our own pipeline. */
export const peersBench: Bench = {
  name: "peers",
  summary:
    "next to Redis Cluster and Valkey (ioredis, node-redis), etcd, and the limits: same driver, same run",
  run: async (context) => {
    const options = numberOptions(context.args, known);
    const { keys, seed, nodes, rounds } = options;
    const valueBytes = options["value-bytes"];
    const starts = [startElastic, startUnary, startRedis, startValkey, startEtcdSystem];
    const systems = await startSystems([...starts, startNullStore, startBareServer, startEcho], {
      ...context,
      ...{ keys, valueBytes, seed, nodes },
    });
    try {
      context.note("running the servers in");
      const seconds = options["run-in-seconds"];
      await runIn(systems.subjects, readUpdateMix(0.95, keys, valueBytes), { seconds, seed });
      const measured = new Map<PeerScenario["id"], Measurement[]>();
      for (const scenario of peerScenarios(keys, valueBytes)) {
        context.note(scenario.name);
        const subjects = systems.subjects.filter(({ name }) => scenario.admits(name));
        const { profileFolder } = context;
        const warmUpMs = options["warm-up-seconds"] * 1000;
        const measureMs = options.seconds * 1000;
        const length = { rounds, warmUpMs, measureMs, seed, profileFolder };
        measured.set(scenario.id, await compete(scenario, subjects, length));
      }
      const data = [...measured.values()];
      return {
        options,
        tables: data.map(measurementTable),
        bars: peerBars(measured, nodeMajor()),
        plots: peerPlots(measured),
        data,
        remarks: systems.missing,
        passed: true,
      };
    } finally {
      await systems.stop();
    }
  },
};
