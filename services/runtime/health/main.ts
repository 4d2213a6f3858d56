#!/usr/bin/env node
/**
 * What a container's health check runs: asks the server of this container, at port EKV_PORT, whether it is SERVING, by
 * grpc.health.v1. Exit status 0: it is; 1: it is not, or does not answer within 8 s. It speaks gRPC by node's HTTP/2 alone: it
 * runs every few seconds, and loading a library would be most of its work.
 */
import { connect } from "node:http2";

const timeoutMs = 8000;
/** A message of gRPC's: not compressed, of no bytes. */
const emptyRequest = Buffer.from([0, 0, 0, 0, 0]);
/** The same of two bytes: a HealthCheckResponse whose status, field 1, is SERVING. */
const serving = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);

const address = `127.0.0.1:${process.env["EKV_PORT"] ?? ""}`;

function fail(reason: string): never {
  process.stderr.write(`${address}: ${reason}\n`);
  process.exit(1);
}

setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
const session = connect(`http://${address}`);
session.on("error", ({ message }) => fail(message));
const stream = session.request({
  ":method": "POST",
  ":path": "/grpc.health.v1.Health/Check",
  "content-type": "application/grpc",
  te: "trailers",
});
const received: Buffer[] = [];
stream.on("error", ({ message }) => fail(message));
stream.on("data", (chunk: Buffer) => received.push(chunk));
stream.on("end", () => (Buffer.concat(received).equals(serving) ? process.exit(0) : fail("not serving")));
stream.end(emptyRequest);
