import type { Socket } from "node:net";
import { limits, messageBytesMax } from "../../../services/core/limits.js";
import { PipelineRequest, PipelineResponse } from "../../../services/gen/elastickv/v1/store.js";
import { systemClock } from "../../../services/runtime/clock.js";
import { startServer } from "../../../services/runtime/grpc-server.js";
import { createLogger } from "../../../services/runtime/log.js";
import { runMain } from "../../../services/runtime/process.js";
import { TopologyFeed } from "../../../services/runtime/topology-feed.js";
import { topologyHandlers } from "../../../services/runtime/topology-handlers.js";
import { FramedStream } from "../../../services/wire/framed-stream.js";
import { topologyService } from "../../../services/wire/services.js";
import { ConstantAnswers } from "./answers.js";
import { topologyOfOne } from "./topology.js";

const watchersMax = 10_000;
const stopGraceMs = 100;
const keepaliveMs = 30_000;

// The pipeline with nothing behind it: `node main.js <bytes of a value>`. What our transport can do at best.
await runMain(async () => {
  const log = createLogger({ service: "null-store", level: "warn", format: "json" });
  const answers = new ConstantAnswers(Number(process.argv[2] ?? "100"));
  const feed = new TopologyFeed();
  const framed = (socket: Socket): void => {
    const stream = new FramedStream({
      ...{ socket, sent: PipelineResponse, received: PipelineRequest, clock: systemClock },
      ...{ messageBytesMax, keepaliveMs },
    });
    stream.on("data", (request) => {
      if (!stream.write(answers.answer(request))) stream.pause();
    });
    stream.on("drain", () => stream.resume());
    stream.on("end", () => stream.end());
    stream.on("error", () => stream.destroy());
  };
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    identity: () => ({ clusterId: "null", storeId: "null-store" }),
    services: [
      {
        name: "elastickv.v1.TopologyService",
        definition: topologyService,
        handlers: { ...topologyHandlers(feed, watchersMax, { log, clock: systemClock }) },
      },
    ],
    framed,
    messageBytesMax,
  });
  feed.publish(topologyOfOne(server.address, limits.partitionCountDefault));
  process.stdout.write(`listening on ${server.address}\n`);
  return { stop: () => server.stop(stopGraceMs) };
});
