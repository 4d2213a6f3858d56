import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connectAdmin } from "../../client/admin.js";
import { type PrivateCluster, startPrivateCluster } from "../../examples/demo/private-cluster.js";
import { isInstalled, makeCall, pageCalls, pageGenerations } from "../support/grpc-page.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

/** Whether an answer says what the page says; "…" stands for anything, and what the page leaves out may be there. */
function says(actual: unknown, page: unknown): boolean {
  if (page === "…") return actual !== undefined;
  if (typeof page !== "object" || page === null) return actual === page;
  if (typeof actual !== "object" || actual === null) return false;
  const empty = Object.keys(page).length === 0 && !Array.isArray(page);
  if (empty) return Object.keys(actual).length === 0;
  return Object.entries(page).every(([key, value]) => says((actual as Record<string, unknown>)[key], value));
}

function rpcs(): string[] {
  const folder = join(root, "protos/elastickv/v1");
  return readdirSync(folder).flatMap((name) => {
    let service = "";
    return readFileSync(join(folder, name), "utf8")
      .split("\n")
      .flatMap((line) => {
        service = /^service (\w+)/.exec(line)?.[1] ?? service;
        const rpc = /^ {2}rpc (\w+)\(/.exec(line)?.[1];
        return rpc === undefined ? [] : [`elastickv.v1.${service}/${rpc}`];
      });
  });
}

describe("docs/grpc.md", () => {
  const calls = pageCalls();
  let cluster: PrivateCluster;
  /** Where the ports of the page are here. */
  const addresses = new Map<number, string>();

  before(async () => {
    cluster = await startPrivateCluster(3, AbortSignal.timeout(90_000));
    const admin = connectAdmin({ seeds: [cluster.seed] });
    const { stores } = await admin.listStores({});
    await admin.close();
    addresses.set(7400, cluster.seed);
    stores.forEach(({ ip, clientPort }, index) => addresses.set(7401 + index, `${ip}:${clientPort}`));
  });
  after(() => cluster.stop());

  it("has a call for every RPC of the protos", () => {
    const shown = new Set(calls.map(({ method }) => method));
    const all = rpcs();
    assert.ok(all.length >= 30);
    assert.deepEqual(
      all.filter((rpc) => !shown.has(rpc)),
      [],
    );
  });

  for (const call of calls) {
    it(`is right about ${call.method} ${call.data}`, async () => {
      const answered = await makeCall(call, addresses.get(call.port) ?? "");
      assert.equal(answered.status, call.refusal, answered.output);
      if (call.method === "list") assert.match(answered.output, /elastickv\.v1\.StoreService/);
      if (call.answer === undefined) return;
      const last = answered.messages.at(-1);
      assert.ok(says(last, call.answer), `it answered ${JSON.stringify(last)}`);
    });
  }

  const plugins: readonly (readonly [flag: string, plugin: string, made: string])[] = [
    ["--python_out", "grpc_python_plugin", "elastickv/v1/store_pb2_grpc.py"],
    ["--go_out", "protoc-gen-go-grpc", "elastickv/v1/store_grpc.pb.go"],
    ["--java_out", "grpc_java_plugin", "elastickv/v1/StoreServiceGrpc.java"],
  ];
  const generations = pageGenerations();
  assert.equal(generations.length, plugins.length);
  for (const [flag, plugin, made] of plugins) {
    const lacking = !isInstalled("protoc") || !isInstalled(plugin);
    if (process.env["CI"] === "true") assert.ok(!lacking, `${plugin} is missing`);
    const skip = lacking && `protoc or ${plugin} is not installed`;
    it(`makes clients with ${plugin}${flag === "--python_out" ? ", which work" : ""}`, { skip }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "ekv-generated-"));
      try {
        const gen = join(folder, "gen");
        mkdirSync(gen);
        const command = generations.find((line) => line.includes(flag)) ?? "";
        await run("bash", ["-c", command.replaceAll("_out=gen", `_out=${gen}`)], { cwd: root });
        assert.ok(readFileSync(join(gen, made), "utf8").length > 1000);
        if (flag !== "--python_out") return;
        const client = ["/usr/bin/python3", join(root, "examples/python-client.py"), gen] as const;
        const { stdout } = await run(client[0], [client[1], client[2], addresses.get(7402) ?? ""], {
          timeout: 240_000,
        });
        assert.deepEqual(stdout.trim().split("\n"), [
          "get: hello",
          "put if absent: FAILED_PRECONDITION",
          "delete: it existed",
        ]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});
