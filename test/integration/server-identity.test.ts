import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Client, credentials, Metadata, type MethodDefinition } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, type ServiceDefinition } from "@grpc/proto-loader";
import type { EkvError } from "../../services/core/errors.js";
import { anyServer, type ServerIdentity } from "../../services/core/server-identity.js";
import { descriptorSet } from "../../services/gen/descriptors.js";
import {
  CatchUpRequest,
  CatchUpResponse,
  TransferRequest,
  TransferResponse,
} from "../../services/gen/elastickv/v1/migration.js";
import { PipelineRequest, PipelineResponse } from "../../services/gen/elastickv/v1/store.js";
import { systemClock } from "../../services/runtime/clock.js";
import { reflectionServices } from "../../services/runtime/reflection.js";
import { fromServiceError } from "../../services/wire/errors.js";
import { connectFramed, type FramedProtocol } from "../../services/wire/framed-connection.js";
import { FramedStream, type MessageType } from "../../services/wire/framed-stream.js";
import { adminService } from "../../services/wire/services.js";
import { ProcessCluster } from "../support/process-cluster.js";

type Method = MethodDefinition<object, object>;

const nothing = Buffer.alloc(0);

function standardMethod(path: string, requestStream: boolean, responseStream: boolean): Method {
  const bytes = (): Buffer => nothing;
  return {
    ...{ path, requestStream, responseStream },
    ...{ requestSerialize: bytes, responseSerialize: bytes },
    ...{ requestDeserialize: () => ({}), responseDeserialize: () => ({}) },
  };
}

/** Every method that our servers serve, with the service that it belongs to. */
function everyMethod(): { readonly service: string; readonly method: Method }[] {
  const ours = Object.entries(loadFileDescriptorSetFromBuffer(Buffer.from(descriptorSet, "base64")))
    // The others are message types.
    .filter(([, definition]) => !("format" in definition))
    .flatMap(([service, definition]) =>
      Object.values(definition as ServiceDefinition).map((method) => ({ service, method: method as Method })),
    );
  const standard = [
    standardMethod("/grpc.health.v1.Health/Check", false, false),
    standardMethod("/grpc.health.v1.Health/Watch", false, true),
    ...reflectionServices([]).flatMap(({ definition }) =>
      Object.values(definition).map(({ path }) => standardMethod(path, true, true)),
    ),
  ];
  return [...ours, ...standard.map((method) => ({ service: "", method }))];
}

/** Makes a call with an empty request; resolves with its error, or undefined when it was let in. */
function errorOf(client: Client, method: Method, expected: ServerIdentity): Promise<EkvError | undefined> {
  const { path, requestSerialize, responseDeserialize, requestStream, responseStream } = method;
  const metadata = new Metadata();
  if (expected.clusterId !== "") metadata.set("elastickv-cluster-id", expected.clusterId);
  if (expected.storeId !== "") metadata.set("elastickv-store-id", expected.storeId);
  return new Promise((resolve) => {
    if (!requestStream && !responseStream) {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, metadata, (error) =>
        resolve(error ? fromServiceError(error) : undefined),
      );
      return;
    }
    const bidi = requestStream
      ? client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata)
      : undefined;
    const stream =
      bidi ?? client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, metadata);
    const letIn = (): void => {
      resolve(undefined);
      stream.cancel();
    };
    stream.on("error", (error) => resolve(fromServiceError(error)));
    stream.on("data", letIn);
    stream.on("end", letIn);
    bidi?.end();
  });
}

interface FramedTypes {
  readonly sent: MessageType<ServerIdentity>;
  readonly received: MessageType<unknown>;
  readonly message: ServerIdentity;
}

function framedTypes<Q extends ServerIdentity, A>(
  sent: MessageType<Q> & { fromPartial(fields: object): Q },
  received: MessageType<A>,
): FramedTypes {
  return { sent: sent as unknown as MessageType<ServerIdentity>, received, message: sent.fromPartial({}) };
}

const framed: Readonly<Record<FramedProtocol, FramedTypes>> = {
  pipeline: framedTypes(PipelineRequest, PipelineResponse),
  "pipeline-1": framedTypes(PipelineRequest, PipelineResponse),
  transfer: framedTypes(TransferRequest, TransferResponse),
  "catch-up": framedTypes(CatchUpRequest, CatchUpResponse),
};

/** Opens a framed stream whose first message says whom it is meant for, and resolves with what refused it. */
async function framedErrorOf(
  address: string,
  protocol: FramedProtocol,
  expected: ServerIdentity,
): Promise<EkvError | undefined> {
  const clock = systemClock;
  const socket = await connectFramed({ address, protocol, clock, connectMs: 60_000 });
  assert.ok(socket);
  const { sent, received, message } = framed[protocol];
  const settings = { messageBytesMax: 65_536, keepaliveMs: 600_000, clock };
  const stream = new FramedStream({ socket, sent, received, ...settings });
  return await new Promise((resolve) => {
    stream.on("error", (error) => {
      resolve(error);
      stream.destroy();
    });
    stream.on("end", () => resolve(undefined));
    stream.write({ ...message, ...expected });
    stream.end();
  });
}

describe("calls that are meant for another server", () => {
  const cluster = new ProcessCluster(["--partitions", "16", "--initial-stores", "1"]);
  const clients = new Map<string, Client>();
  let clusterId = "";

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.settled("store-1");
    clusterId = (await cluster.admin(adminService.getClusterStatus, {})).clusterId;
  });

  after(async () => {
    for (const client of clients.values()) client.close();
    await cluster.stop();
  });

  const clientOf = (address: string): Client => {
    const known = clients.get(address) ?? new Client(address, credentials.createInsecure());
    clients.set(address, known);
    return known;
  };

  /** The servers that serve a service. A new service has to be added here. */
  const serversOf = (service: string): { readonly address: string; readonly identity: ServerIdentity }[] => {
    const master = { address: cluster.masterAddress, identity: { clusterId, storeId: "" } };
    const store = { address: cluster.storeAddress("store-1"), identity: { clusterId, storeId: "store-1" } };
    switch (service) {
      case "elastickv.v1.StoreService":
      case "elastickv.v1.MigrationService":
        return [store];
      case "elastickv.v1.MembershipService":
      case "elastickv.v1.AdminService":
        return [master];
      case "elastickv.v1.TopologyService":
      case "":
        return [master, store];
      default:
        throw new Error(`which servers serve ${service}?`);
    }
  };

  for (const { service, method } of everyMethod()) {
    it(`${method.path} is refused, says who answered, and was not executed`, async () => {
      for (const { address, identity } of serversOf(service)) {
        const others: ServerIdentity[] = [
          { clusterId: "another", storeId: "" },
          { clusterId: "another", storeId: identity.storeId },
          { clusterId, storeId: "store-9" },
          { clusterId: "", storeId: "store-9" },
        ];
        for (const other of others) {
          const error = await errorOf(clientOf(address), method, other);
          assert.ok(error, `${address} took a call for ${JSON.stringify(other)}`);
          assert.equal(error.code, "FAILED_PRECONDITION", error.message);
          assert.deepEqual(error.answeredBy, identity);
          assert.ok(error.notExecuted);
          assert.match(
            error.message,
            new RegExp(`${identity.storeId || "the master"} of cluster ${clusterId}`),
          );
        }
      }
    });
  }

  it("a read that names its server, or none, is let in", async () => {
    const reads = everyMethod().filter(({ method: { path } }) =>
      /\/(GetTopology|WatchTopology|GetClusterStatus|GetStoreStatus|Browse|Check|Watch|Pipeline)$/.test(path),
    );
    assert.equal(reads.length, 8);
    for (const { service, method } of reads) {
      for (const { address, identity } of serversOf(service)) {
        assert.equal(await errorOf(clientOf(address), method, identity), undefined, method.path);
        assert.equal(await errorOf(clientOf(address), method, anyServer), undefined, method.path);
      }
    }
  });

  for (const protocol of Object.keys(framed) as FramedProtocol[]) {
    it(`a framed ${protocol} stream is refused at its first message`, async () => {
      const address = cluster.storeAddress("store-1");
      for (const other of [
        { clusterId: "another", storeId: "store-1" },
        { clusterId, storeId: "store-9" },
      ]) {
        const error = await framedErrorOf(address, protocol, other);
        assert.ok(error, `took a stream for ${JSON.stringify(other)}`);
        assert.deepEqual(error.answeredBy, { clusterId, storeId: "store-1" });
        assert.ok(error.notExecuted);
      }
      assert.equal(await framedErrorOf(address, protocol, { clusterId, storeId: "store-1" }), undefined);
      assert.equal(await framedErrorOf(address, protocol, anyServer), undefined);
    });
  }
});
