import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from "@grpc/grpc-js";
import type {
  GetRequest,
  GetResponse,
  PutRequest,
  PutResponse,
} from "../../../services/gen/elastickv/v1/store.js";
import { storeService } from "../../../services/wire/services.js";

// A grpc-js server with nothing around it, which answers Get and Put with constants: `node main.js <bytes of a value>`.
const version = { epoch: 1, seq: 1 };
const value = Buffer.alloc(Number(process.argv[2] ?? "100"), "x");
const server = new Server();
server.addService(storeService, {
  get: (_call: ServerUnaryCall<GetRequest, GetResponse>, answer: sendUnaryData<GetResponse>) =>
    answer(null, { found: true, value, version, expiresAtMs: 0 }),
  put: (_call: ServerUnaryCall<PutRequest, PutResponse>, answer: sendUnaryData<PutResponse>) =>
    answer(null, { version }),
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`listening on 127.0.0.1:${port}\n`);
});
