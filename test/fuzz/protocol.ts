import { createFileRegistry, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { descriptorSet } from "../../services/gen/descriptors.js";
import {
  adminService,
  membershipService,
  migrationService,
  storeService,
  topologyService,
} from "../../services/wire/services.js";

/** Which process serves a method. */
export type ServerRole = "master" | "store";

/** A method under fuzz. */
export interface FuzzedMethod {
  /** `StoreService/Get`. */
  readonly name: string;
  readonly path: string;
  readonly roles: readonly ServerRole[];
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** The request's descriptor; undefined for services that are not of our protos: they get bytes without a schema. */
  readonly input: DescMessage | undefined;
  /** The decoders that the servers use; undefined as above. */
  readonly definition: MethodDefinition<unknown, unknown> | undefined;
}

const rolesOf: Readonly<Record<string, readonly ServerRole[]>> = {
  AdminService: ["master"],
  MembershipService: ["master"],
  MigrationService: ["store"],
  StoreService: ["store"],
  TopologyService: ["master", "store"],
};

const definitions: readonly ServiceDefinition[] = [
  adminService,
  membershipService,
  migrationService,
  storeService,
  topologyService,
];

const definitionOf = new Map(
  definitions.flatMap((service) => Object.values(service)).map((method) => [method.path, method]),
);

const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSet, "base64")),
);

/** Every method of the protos, from their descriptors: a new one is covered by itself, and one without a server is an error. */
function describedMethods(): FuzzedMethod[] {
  return [...registry].flatMap((type) => {
    if (type.kind !== "service") return [];
    const service = type.typeName.slice(type.typeName.lastIndexOf(".") + 1);
    const roles = rolesOf[service];
    if (roles === undefined) throw new Error(`name who serves ${type.typeName} in test/fuzz/protocol.ts`);
    return type.methods.map((method): FuzzedMethod => {
      const path = `/${type.typeName}/${method.name}`;
      const definition = definitionOf.get(path);
      if (definition === undefined) throw new Error(`${path} has no definition in services/wire/services.ts`);
      return {
        name: `${service}/${method.name}`,
        path,
        roles,
        requestStream: definition.requestStream,
        responseStream: definition.responseStream,
        input: method.input,
        definition,
      };
    });
  });
}

function foreign(path: string, requestStream: boolean, responseStream: boolean): FuzzedMethod {
  const name = path.slice(path.lastIndexOf(".") + 1);
  return {
    name,
    path,
    roles: ["master", "store"],
    requestStream,
    responseStream,
    input: undefined,
    definition: undefined,
  };
}

/** Every method that a master or a store serves. */
export const fuzzedMethods: readonly FuzzedMethod[] = [
  ...describedMethods(),
  foreign("/grpc.health.v1.Health/Check", false, false),
  foreign("/grpc.health.v1.Health/Watch", false, true),
  foreign("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true, true),
  foreign("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true, true),
];

/** Methods whose answer goes on until the caller leaves. */
export function isEndless({ name }: FuzzedMethod): boolean {
  return /\/Watch/.test(name);
}
