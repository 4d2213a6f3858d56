import { printableText } from "../core/checks.js";
import { EkvError } from "../core/errors.js";
import {
  brandAs,
  type ClusterId,
  type Incarnation,
  type StoreId,
  type TopologyVersion,
} from "../core/ids.js";
import { limits } from "../core/limits.js";
import type { ClusterRecord } from "../core/master/state/records.js";
import type { HeartbeatRequest, MembershipServiceServer } from "../gen/elastickv/v1/master.js";
import { type HandlerOptions, unaryHandler } from "../runtime/handlers.js";
import type { DeferredLauncher } from "./deferred-launcher.js";
import type { Driver } from "./driver.js";
import type { HeartbeatCall, HeartbeatStreams } from "./heartbeat-streams.js";
import { heartbeatViolation } from "./heartbeat-checks.js";
import { toServiceError } from "../wire/errors.js";
import { answerLeave } from "./leaving.js";
import { loadFromWire, registrationFromWire, reportFromWire, strayFromWire } from "./wire.js";

/** What the handlers of MembershipService work with. */
export interface MembershipOptions extends HandlerOptions {
  readonly driver: Driver;
  readonly streams: HeartbeatStreams;
  readonly cluster: ClusterRecord;
  readonly heartbeatIntervalMs: number;
  readonly launcher: Pick<DeferredLauncher, "scale">;
}

/** MembershipService: stores' registrations and heartbeats as events, in the order in which they come. */
export function membershipHandlers(options: MembershipOptions): MembershipServiceServer {
  const { driver, cluster, heartbeatIntervalMs, launcher } = options;
  return {
    register: unaryHandler(options, async (request) => {
      const reply = await driver.register(registrationFromWire(request));
      if (reply.kind !== "registered") throw new EkvError("INTERNAL", "a registration got another answer");
      return {
        clusterId: cluster.clusterId,
        partitionCount: cluster.partitionCount,
        incarnation: reply.incarnation,
        term: driver.view.topology.term,
        heartbeatIntervalMs,
      };
    }),
    heartbeat: (call) => handleHeartbeats(call, options),
    leave: unaryHandler(options, ({ storeId }) =>
      answerLeave(storeId, {
        view: driver.view,
        scale: () => launcher.scale(),
        administer: (request) => driver.administer(request),
      }),
    ),
  };
}

function handleHeartbeats(call: HeartbeatCall, { driver, streams, cluster }: MembershipOptions): void {
  const streamId = streams.add(call);
  let storeId: StoreId | undefined;
  const closed = (): void => {
    streams.drop(streamId);
    if (storeId !== undefined) driver.submit({ kind: "stream-closed", streamId, storeId });
    storeId = undefined;
  };
  let refused = false;
  call.on("data", (request: HeartbeatRequest) => {
    if (refused) return;
    const violation = heartbeatViolation(request, storeId, cluster.partitionCount);
    if (violation) {
      refused = true;
      closed();
      call.emit("error", toServiceError(violation));
      return;
    }
    if (storeId === undefined) {
      storeId = brandAs<StoreId>(request.storeId);
      driver.submit({
        kind: "stream-opened",
        streamId,
        storeId,
        clusterId: brandAs<ClusterId>(request.clusterId),
        incarnation: brandAs<Incarnation>(request.incarnation),
      });
    }
    driver.submit({
      kind: "heartbeat",
      streamId,
      storeId,
      appliedVersion: brandAs<TopologyVersion>(request.appliedVersion),
      load: request.load && loadFromWire(request.load),
      reports: request.reports.flatMap((report) => reportFromWire(report) ?? []),
      strays: request.strays.map(strayFromWire),
      leaving: request.leaving,
      problems: request.problems.slice(0, limits.storeProblemsMax).map(printableText),
    });
  });
  call.on("end", () => {
    closed();
    call.end();
  });
  call.on("cancelled", closed);
  call.on("close", closed);
}
