import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { descriptorSet } from "../gen/descriptors.js";

/*
 * gRPC server reflection (grpc/reflection/v1/reflection.proto), which lets grpcurl and buf find services by themselves.
 * Written by hand over the wire format: the available library serves descriptors without their dependencies.
 */

const notFound = 5;
const unimplemented = 12;

interface Request {
  readonly host: string;
  readonly raw: Uint8Array;
  readonly filename?: string;
  readonly symbol?: string;
  readonly listServices?: boolean;
}

type Answer =
  | { readonly kind: "files"; readonly files: readonly Uint8Array[] }
  | { readonly kind: "services"; readonly names: readonly string[] }
  | { readonly kind: "error"; readonly code: number; readonly message: string };

interface File {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly dependencies: readonly string[];
  readonly symbols: readonly string[];
  readonly services: readonly string[];
}

/** Reads length-delimited and other fields of a message, one level deep. */
function fieldsOf(bytes: Uint8Array): { readonly field: number; readonly value: Uint8Array }[] {
  const reader = new BinaryReader(bytes);
  const fields: { field: number; value: Uint8Array }[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === 2) fields.push({ field, value: reader.bytes() });
    else reader.skip(wireType, field);
  }
  return fields;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** FileDescriptorProto: name 1, package 2, dependency 3, message_type 4, enum_type 5, service 6. */
function parseFile(bytes: Uint8Array): File {
  const fields = fieldsOf(bytes);
  const texts = (field: number): string[] =>
    fields.filter((one) => one.field === field).map(({ value }) => textOf(value));
  const [packageName = ""] = texts(2);
  const qualified = (field: number): string[] =>
    fields.filter((one) => one.field === field).map(({ value }) => `${packageName}.${firstName(value)}`);
  const services = fields.filter((one) => one.field === 6);
  const methods = services.flatMap(({ value }) =>
    fieldsOf(value)
      .filter(({ field }) => field === 2)
      .map((method) => `${packageName}.${firstName(value)}.${firstName(method.value)}`),
  );
  return {
    name: texts(1)[0] ?? "",
    bytes,
    dependencies: texts(3),
    services: qualified(6),
    symbols: [...qualified(4), ...qualified(5), ...qualified(6), ...methods],
  };
}

function firstName(message: Uint8Array): string {
  const name = fieldsOf(message).find(({ field }) => field === 1);
  return name ? textOf(name.value) : "";
}

const files = new Map(
  fieldsOf(Buffer.from(descriptorSet, "base64"))
    .filter(({ field }) => field === 1)
    .map(({ value }) => parseFile(value))
    .map((file) => [file.name, file]),
);

/** A file and everything it imports, itself first. */
function withDependencies(file: File): Uint8Array[] {
  const seen = new Map<string, Uint8Array>();
  const visit = (one: File): void => {
    if (seen.has(one.name)) return;
    seen.set(one.name, one.bytes);
    for (const name of one.dependencies) {
      const dependency = files.get(name);
      if (dependency) visit(dependency);
    }
  };
  visit(file);
  return [...seen.values()];
}

function answer(request: Request, serviceNames: readonly string[]): Answer {
  if (request.listServices) return { kind: "services", names: serviceNames };
  if (request.filename !== undefined) {
    const file = files.get(request.filename);
    if (file) return { kind: "files", files: withDependencies(file) };
    return { kind: "error", code: notFound, message: `no file ${request.filename}` };
  }
  if (request.symbol !== undefined) {
    const { symbol } = request;
    for (const file of files.values()) {
      if (file.symbols.includes(symbol)) return { kind: "files", files: withDependencies(file) };
    }
    return { kind: "error", code: notFound, message: `no symbol ${symbol}` };
  }
  return { kind: "error", code: unimplemented, message: "there are no extensions here" };
}

/** ServerReflectionRequest: host 1, file_by_filename 3, file_containing_symbol 4, list_services 7. */
function decodeRequest(raw: Buffer): Request {
  let request: Request = { host: "", raw };
  for (const { field, value } of fieldsOf(raw)) {
    if (field === 1) request = { ...request, host: textOf(value) };
    if (field === 3) request = { ...request, filename: textOf(value) };
    if (field === 4) request = { ...request, symbol: textOf(value) };
    if (field === 7) request = { ...request, listServices: true };
  }
  return request;
}

/** ServerReflectionResponse: valid_host 1, original_request 2, files 4, services 6, error 7. */
function encodeResponse({ request, answer: said }: { request: Request; answer: Answer }): Buffer {
  const writer = new BinaryWriter();
  writer.tag(1, 2).string(request.host);
  writer.tag(2, 2).bytes(request.raw);
  if (said.kind === "files") {
    writer.tag(4, 2).fork();
    for (const file of said.files) writer.tag(1, 2).bytes(file);
    writer.join();
  } else if (said.kind === "services") {
    writer.tag(6, 2).fork();
    for (const name of said.names) writer.tag(1, 2).fork().tag(1, 2).string(name).join();
    writer.join();
  } else {
    writer.tag(7, 2).fork().tag(1, 0).int32(said.code).tag(2, 2).string(said.message).join();
  }
  return Buffer.from(writer.finish());
}

/** The reflection service of both versions, `v1` and `v1alpha`, describing the services named. */
export function reflectionServices(
  serviceNames: readonly string[],
): { readonly definition: ServiceDefinition; readonly handlers: UntypedServiceImplementation }[] {
  return ["v1", "v1alpha"].map((version) => ({
    definition: {
      serverReflectionInfo: {
        path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
        requestStream: true,
        responseStream: true,
        requestSerialize: (request: Request): Buffer => Buffer.from(request.raw),
        requestDeserialize: decodeRequest,
        responseSerialize: encodeResponse,
        responseDeserialize: (bytes: Buffer): Buffer => bytes,
      },
    },
    handlers: {
      serverReflectionInfo: (
        call: ServerDuplexStream<Request, { request: Request; answer: Answer }>,
      ): void => {
        call.on("data", (request: Request) => {
          // Who asks without reading the answers has to wait.
          if (!call.write({ request, answer: answer(request, serviceNames) })) call.pause();
        });
        call.on("drain", () => call.resume());
        call.on("end", () => call.end());
      },
    },
  }));
}
