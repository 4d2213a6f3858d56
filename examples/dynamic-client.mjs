// Any language with gRPC can use a store with nothing but the .proto files: no SDK, no generated code.
// This is that in plain JavaScript. Run it against any store of a cluster; `npx ekv stores` lists their addresses:
//
//   node examples/dynamic-client.mjs 127.0.0.1:7401
import { credentials, loadPackageDefinition, status } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const address = process.argv[2];
if (address === undefined) {
  console.error("usage: node examples/dynamic-client.mjs <host:port of a store>");
  process.exit(2);
}

const definition = await load("elastickv/v1/store.proto", {
  includeDirs: [fileURLToPath(new URL("../protos", import.meta.url))],
  // 64-bit numbers, such as a version's seq, stay below 2^53.
  longs: Number,
  // Fields that are not on the wire have their default value, and a oneof says which of its fields is set.
  defaults: true,
  oneofs: true,
});
const { StoreService } = loadPackageDefinition(definition).elastickv.v1;
const store = new StoreService(address, credentials.createInsecure());

/** Makes one unary call. Rejects with gRPC's error: `code` is the status, `details` says what to do about it. */
function call(method, request) {
  const deadline = new Date(Date.now() + 5000);
  return promisify(store[method]).call(store, request, { deadline });
}

try {
  // Keys and values are bytes. A store that does not own the key forwards the call to the one that does.
  const key = Buffer.from("example:greeting");
  const { version } = await call("put", { key, value: Buffer.from("hello") });
  console.log(`put: version ${version.epoch}.${version.seq}`);

  // A missing key is an answer, not an error.
  const got = await call("get", { key });
  console.log(`get: ${got.found ? got.value.toString() : "not found"}`);

  // A write on a condition that does not hold is refused.
  try {
    await call("put", { key, value: Buffer.from("again"), condition: { ifAbsent: true } });
  } catch (error) {
    if (error.code !== status.FAILED_PRECONDITION) throw error;
    console.log(`put if absent: refused: ${error.details}`);
  }

  // Browsing streams the keys of this store alone; the SDK's scan goes through all of them.
  let entries = 0;
  for await (const page of store.browse({ prefix: Buffer.from("example:"), limit: 100 })) {
    for (const entry of page.entries) console.log(`browse: ${entry.key} = ${entry.value}`);
    entries += page.entries.length;
  }
  console.log(`browse: ${entries} entries of example: on this store`);

  const { existed } = await call("delete", { key });
  console.log(`delete: ${existed ? "it existed" : "it did not exist"}`);
} finally {
  store.close();
}
