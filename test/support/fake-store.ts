import { type ClientDuplexStream, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { brandAs } from "../../services/core/ids.js";
import { applyDelta, type PartitionEntry, type Topology } from "../../services/core/topology.js";
import {
  type Directive,
  type HeartbeatRequest,
  type HeartbeatResponse,
  MembershipServiceClient,
  type MoveReport,
  type RegisterRequest,
  type RegisterResponse,
} from "../../services/gen/elastickv/v1/master.js";
import type { RunningServer } from "../../services/runtime/grpc-server.js";
import { startServer } from "../../services/runtime/grpc-server.js";
import { deltaFromWire, topologyFromWire } from "../../services/wire/topology.js";

/** A store without data that speaks MembershipService, and answers probes at its address. */
export class FakeStore {
  readonly storeId: string;
  /** Reports to a directive; undefined: none. Default: as if everything worked at once. */
  answer: (directive: Directive) => MoveReport["state"] | undefined = answerAtOnce;
  topology: Topology | undefined;
  readonly directives: Directive[] = [];
  /** Sizes of the updates it was sent: partitions of a delta, -1 for a snapshot. */
  readonly updates: number[] = [];
  streamError: ServiceError | undefined;
  shutdown = false;
  registration: RegisterResponse | undefined;
  readonly #client: MembershipServiceClient;
  readonly #processId: string;
  #server: RunningServer | undefined;
  #stream: ClientDuplexStream<HeartbeatRequest, HeartbeatResponse> | undefined;

  constructor(storeId: string, masterAddress: string, processId = `process of ${storeId}`) {
    this.storeId = storeId;
    this.#processId = processId;
    this.#client = new MembershipServiceClient(masterAddress, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  async start(): Promise<void> {
    this.#server = await startServer({
      host: "127.0.0.1",
      port: 0,
      services: [],
      messageBytesMax: 1024,
      identity: () => ({ clusterId: this.registration?.clusterId ?? "", storeId: this.storeId }),
    });
    await this.register();
    this.openStream();
  }

  async register(request: Partial<RegisterRequest> = {}): Promise<RegisterResponse> {
    const full: RegisterRequest = {
      storeId: this.storeId,
      clusterId: "",
      partitionCount: 0,
      address: this.#server?.address ?? "127.0.0.1:1",
      held: [],
      weight: 0,
      engine: "",
      durability: "",
      processId: this.#processId,
      dataLossAccepted: false,
      storedVersion: 0,
      completeMoveIds: [],
      ...request,
    };
    // A master that has just come back may still be in the channel's backoff.
    const metadata = new Metadata({ waitForReady: true });
    const registration = await new Promise<RegisterResponse>((resolve, reject) => {
      this.#client.register(full, metadata, (error, response) => (error ? reject(error) : resolve(response)));
    });
    this.registration = registration;
    return registration;
  }

  openStream(incarnation: number = this.registration?.incarnation ?? 0): void {
    const stream = this.#client.heartbeat();
    this.#stream = stream;
    stream.on("data", (message: HeartbeatResponse) => this.#receive(message));
    stream.on("error", (error: ServiceError) => {
      this.streamError = error;
    });
    this.#send([], incarnation);
  }

  #receive({ topology, directives }: HeartbeatResponse): void {
    if (topology?.$case === "snapshot") {
      this.topology = topologyFromWire(topology.value);
      this.updates.push(-1);
    }
    if (topology?.$case === "delta") {
      const next = this.topology && applyDelta(this.topology, deltaFromWire(topology.value));
      if (next === undefined) throw new Error("a delta that does not fit");
      this.topology = next;
      this.updates.push(topology.value.partitions.length);
    }
    this.directives.push(...directives);
    this.shutdown ||= directives.some(({ action }) => action?.$case === "shutdown");
    this.#send(
      directives.flatMap((directive) => {
        const state = this.answer(directive);
        const { moveId, partition, epoch } = directive;
        return state ? [{ moveId, partition, epoch, state }] : [];
      }),
    );
  }

  #send(reports: MoveReport[], incarnation = this.registration?.incarnation ?? 0): void {
    this.#stream?.write({
      clusterId: this.registration?.clusterId ?? "",
      storeId: this.storeId,
      incarnation,
      appliedVersion: this.topology?.version ?? 0,
      load: undefined,
      reports,
      strays: [],
      leaving: false,
      problems: [],
    });
  }

  entry(partition: number): PartitionEntry | undefined {
    return this.topology?.partitions[partition];
  }

  owned(): number {
    return (
      this.topology?.partitions.filter(({ primary }) => primary?.storeId === brandAs(this.storeId)).length ??
      0
    );
  }

  /** Breaks the stream and, unless it should still answer probes, stops listening: killed. */
  async stop(options: { readonly answersProbes: boolean } = { answersProbes: false }): Promise<void> {
    if (!options.answersProbes) await this.#server?.stop(0);
    this.#stream?.cancel();
    if (!options.answersProbes) this.#client.close();
  }
}

function answerAtOnce({ action }: Directive): MoveReport["state"] {
  switch (action?.$case) {
    case "startCopy":
      return { $case: "ready", value: { keys: 3, bytes: 30 } };
    case "transferLeadership":
      return { $case: "released", value: { version: undefined, digest: undefined, generation: 1 } };
    case "deleteReplica":
      return { $case: "deleted", value: { generation: action.value.generation, pauseMs: 0 } };
    case "shutdown":
    case "stay":
    case undefined:
      return undefined;
  }
}
