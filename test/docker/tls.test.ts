import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import Docker from "dockerode";
import { connectAdmin } from "../../client/admin.js";
import { codecs, connect } from "../../client/index.js";
import { EkvError } from "../../services/core/errors.js";
import { OperationState } from "../../services/gen/elastickv/v1/master.js";
import { Engine } from "../../services/master/launchers/docker/engine.js";
import { type Child, childOf, compiled } from "../support/children.js";
import {
  docker,
  engineByTls,
  engineFolder,
  engineSocket,
  images,
  inventory,
  makeCertificates,
  skipped,
} from "../support/docker-engine.js";
import { EngineProxy } from "../support/engine-proxy.js";
import { readFirstKey } from "../support/first-key.js";
import { waitFor } from "../support/wait-for.js";

const notOurs = engineFolder === "" && "the engine was there before: it need not listen by TLS";

describe("an engine that is reached by TLS", { skip: skipped || notOurs, timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "ekv-tls-"));
  const network = `ekv-tls-${randomBytes(4).toString("hex")}`;
  /** Certificates of an authority that the engine has never heard of. */
  const strangers = join(folder, "strangers");
  const masters: Child[] = [];
  let left: string[];
  let gateway: string;

  before(async () => {
    left = await inventory();
    await makeCertificates(strangers);
    await docker.createNetwork({ Name: network });
    const { IPAM: addresses } = (await docker.getNetwork(network).inspect()) as Docker.NetworkInspectInfo;
    gateway = addresses?.Config?.[0]?.["Gateway"] ?? "";
  });
  after(async () => {
    for (const master of masters) await master.kill();
    const mine = { filters: { network: [network] }, all: true };
    for (const { Id } of await docker.listContainers(mine))
      await docker.getContainer(Id).remove({ force: true });
    const volumes = (await inventory()).filter((one) => one.startsWith("volume ekv-") && !left.includes(one));
    for (const volume of volumes) await docker.getVolume(volume.replace("volume ", "")).remove();
    await docker.getNetwork(network).remove();
    rmSync(folder, { recursive: true });
    assert.deepEqual(await inventory(), left, "nothing is left behind");
  });

  /** A master on the host, whose stores reach it at the network's gateway. */
  function startMaster(certificates: string): Child {
    const { host, port } = engineByTls();
    const args = [
      ...["--data", join(folder, `master-${masters.length}`), "--create", "--host", gateway, "--port", "0"],
      ...["--partitions", "64", "--initial-stores", "1", "--log-format", "json", "--launcher", "docker"],
      ...["--docker-network", network, "--docker-image", images.store],
    ];
    const env = {
      ...process.env,
      DOCKER_HOST: `tcp://${host}:${port}`,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: certificates,
    };
    const program = compiled("../../services/master/main.js");
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    const master = childOf(child);
    child.stderr.on("data", (text: Buffer) => master.lines.push(text.toString()));
    masters.push(master);
    return master;
  }

  /** Addresses and certificates of files: `ca` is what the master trusts, `own` what it shows. */
  function engineWith(options: {
    readonly ca?: string;
    readonly own?: string;
    readonly port?: number;
  }): Engine {
    const { host, port } = engineByTls();
    const read = (at: string | undefined, name: string): Buffer | undefined =>
      at === undefined ? undefined : readFileSync(join(at, name));
    const [ca, cert, key] = [
      read(options.ca, "ca.pem"),
      read(options.own, "cert.pem"),
      read(options.own, "key.pem"),
    ];
    const given = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    return new Engine(
      new Docker({ protocol: "https", host, port: options.port ?? port, ...given }),
      "x:2376",
    );
  }

  function isRefused(pattern: RegExp, mayBeCutOff = false): (error: unknown) => boolean {
    return (error) => {
      assert.ok(error instanceof EkvError, String(error));
      assert.match(error.message, pattern);
      assert.ok(error.code === "FAILED_PRECONDITION" || (mayBeCutOff && error.code === "UNAVAILABLE"));
      return true;
    };
  }

  it("has stores launched and removed on it by a master", async (t) => {
    const master = startMaster(engineByTls().folder);
    const listening = JSON.parse(await listeningLine(master)) as { readonly address: string };
    const seeds = [listening.address];
    const admin = connectAdmin({ seeds });
    const client = await connect({ seeds, codec: codecs.string, deadlineMs: 60_000 });
    try {
      const ended = async (operationId: string): Promise<void> => {
        await waitFor(operationId, async () => {
          const { operation } = await admin.getOperation({ operationId });
          assert.notEqual(operation?.state, OperationState.FAILED, operation?.message);
          return operation?.state === OperationState.SUCCEEDED;
        });
      };
      await client.put("kept", "value");
      const askedMs = performance.now();
      const added = await admin.addStore({ storeId: "", dryRun: false });
      assert.ok(added.result?.$case === "operation");
      const { id, storeId } = added.result.value;
      await readFirstKey(client, storeId);
      t.diagnostic(
        `from add-store to the first key served: ${Math.round(performance.now() - askedMs)} ms (idle, 64 partitions)`,
      );
      await ended(id);
      const stores = await docker.listContainers({ filters: { network: [network] } });
      assert.equal(stores.length, 2);
      const removed = await admin.removeStore({ storeId, purge: true, dryRun: false });
      assert.ok(removed.result?.$case === "operation");
      await ended(removed.result.value.id);
      assert.equal(await client.get("kept"), "value");
      const names = (await inventory()).filter((one) => one.endsWith(`-${storeId}`));
      assert.deepEqual(names, [], "neither container nor volume");
    } finally {
      await client.close();
      await admin.close();
    }
  });

  it("is not asked by a master that lacks a certificate, which says so and ends", async () => {
    const lacking = join(folder, "lacking");
    cpSync(join(engineByTls().folder, "ca.pem"), join(lacking, "ca.pem"), { recursive: true });
    const master = startMaster(lacking);
    await master.ended;
    assert.equal(master.process.exitCode, 2);
    assert.match(master.lines.join("\n"), /DOCKER_CERT_PATH.*lacking\/cert\.pem.*a folder with ca\.pem/);
  });

  it("that refuses the master's certificate, or the lack of one: the error names the files to put there", async () => {
    const ca = engineByTls().folder;
    const refusal = isRefused(
      /does not accept the master's certificate.*cert\.pem and key\.pem.*DOCKER_CERT_PATH/,
      true,
    );
    await assert.rejects(engineWith({ ca, own: strangers }).list("c"), refusal);
    await assert.rejects(engineWith({ ca }).list("c"), refusal);
  });

  it("that the master does not trust: the error names ca.pem", async () => {
    const refusal = isRefused(
      /x:2376 shows a certificate that the master does not trust.*ca\.pem.*DOCKER_CERT_PATH/,
    );
    await assert.rejects(engineWith({ ca: strangers, own: strangers }).list("c"), refusal);
    await assert.rejects(engineWith({}).list("c"), refusal);
  });

  it("and one side that does not speak TLS: the error names DOCKER_TLS_VERIFY", async () => {
    const proxy = await EngineProxy.start(engineSocket);
    try {
      const secured = engineWith({ ca: engineByTls().folder, port: proxy.port });
      await assert.rejects(secured.list("c"), isRefused(/does not speak TLS.*unset DOCKER_TLS_VERIFY/));
    } finally {
      await proxy.stop();
    }
    const { host, port } = engineByTls();
    const plain = new Engine(new Docker({ protocol: "http", host, port }), "x:2375");
    await assert.rejects(plain.list("c"), isRefused(/speaks TLS alone: set DOCKER_TLS_VERIFY=1/));
  });
});

async function listeningLine(master: Child): Promise<string> {
  return await waitFor("the master to listen", () => {
    assert.equal(master.process.exitCode, null, master.lines.join("\n"));
    return master.lines.find((line) => line.includes('"listening"'));
  });
}
