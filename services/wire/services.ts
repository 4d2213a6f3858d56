/**
 * The service definitions that servers and clients use. The generated ones copy every message once more to make a
 * Buffer of it; the streams that carry data must not.
 */
import {
  AdminServiceService,
  MembershipServiceService,
  TopologyServiceService,
} from "../gen/elastickv/v1/master.js";
import {
  CatchUpRequest,
  CatchUpResponse,
  MigrationServiceService,
  TransferRequest,
  TransferResponse,
} from "../gen/elastickv/v1/migration.js";
import { PipelineRequest, PipelineResponse, StoreServiceService } from "../gen/elastickv/v1/store.js";

interface Encoder<T> {
  encode(message: T): { finish(): Uint8Array };
}

function serializer<T>(type: Encoder<T>): (message: T) => Buffer {
  return (message) => {
    const bytes = type.encode(message).finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

/** elastickv.v1.StoreService. */
export const storeService: typeof StoreServiceService = {
  ...StoreServiceService,
  pipeline: {
    ...StoreServiceService.pipeline,
    requestSerialize: serializer(PipelineRequest),
    responseSerialize: serializer(PipelineResponse),
  },
};

/** elastickv.v1.MigrationService. */
export const migrationService: typeof MigrationServiceService = {
  ...MigrationServiceService,
  transfer: {
    ...MigrationServiceService.transfer,
    requestSerialize: serializer(TransferRequest),
    responseSerialize: serializer(TransferResponse),
  },
  catchUp: {
    ...MigrationServiceService.catchUp,
    requestSerialize: serializer(CatchUpRequest),
    responseSerialize: serializer(CatchUpResponse),
  },
};

/** elastickv.v1.TopologyService. */
export const topologyService: typeof TopologyServiceService = TopologyServiceService;

/** elastickv.v1.MembershipService. */
export const membershipService: typeof MembershipServiceService = MembershipServiceService;

/** elastickv.v1.AdminService. */
export const adminService: typeof AdminServiceService = AdminServiceService;
