import { EkvError } from "../core/errors.js";
import { keyViolation } from "../core/checks.js";
import { hashKey, partitionOf } from "../core/hash.js";
import type { Topology } from "../core/topology.js";
import type { TopologyServiceServer } from "../gen/elastickv/v1/master.js";
import { type HandlerOptions, streamHandler, unaryHandler } from "./handlers.js";
import type { TopologyFeed } from "./topology-feed.js";
import { deltaToWire, endpointToWire, entryToWire, topologyToWire } from "../wire/topology.js";

/** TopologyService over a feed: the same on a master and on every store. */
export function topologyHandlers(
  feed: TopologyFeed,
  watchersMax: number,
  options: HandlerOptions,
): TopologyServiceServer {
  let watchers = 0;
  const present = (): Topology => {
    if (feed.topology) return feed.topology;
    throw new EkvError("UNAVAILABLE", "the topology is not known here yet", { notExecuted: true });
  };
  return {
    lookup: unaryHandler(options, ({ key }) => {
      const violation = keyViolation(key.length);
      if (violation) throw violation;
      const topology = present();
      const hash = hashKey(key);
      const entry = topology.partitions[partitionOf(hash, Math.log2(topology.partitionCount))];
      const store = topology.stores.find(({ storeId }) => storeId === entry?.primary?.storeId);
      return {
        hash,
        entry: entry && entryToWire(entry),
        store: store && endpointToWire(store),
        topologyVersion: topology.version,
      };
    }),
    getTopology: unaryHandler(options, () => ({ topology: topologyToWire(present()) })),
    watchTopology: streamHandler(options, async ({ knownVersion }, { signal, draining }, send) => {
      if (watchers >= watchersMax) {
        throw new EkvError(
          "RESOURCE_EXHAUSTED",
          `${watchersMax} watchers are connected; ask another server`,
          {
            notExecuted: true,
          },
        );
      }
      watchers += 1;
      try {
        await feed.watch(
          {
            send: (update) =>
              send({
                update:
                  update.kind === "snapshot"
                    ? { $case: "snapshot", value: topologyToWire(update.topology) }
                    : { $case: "delta", value: deltaToWire(update.delta) },
              }),
          },
          knownVersion,
          AbortSignal.any([signal, draining]),
        );
      } finally {
        watchers -= 1;
      }
      if (draining.aborted) {
        throw new EkvError("UNAVAILABLE", "this server is stopping; watch another", { notExecuted: true });
      }
    }),
  };
}
