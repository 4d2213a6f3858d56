import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import Docker from "dockerode";
import { EkvError, type ErrorCode } from "../../services/core/errors.js";
import { brandAs, type StoreId } from "../../services/core/ids.js";
import type { ContainerSettings } from "../../services/master/launchers/docker/container-plan.js";
import { Engine } from "../../services/master/launchers/docker/engine.js";
import { DockerLauncher } from "../../services/master/launchers/docker/launcher.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import {
  docker,
  engineFolder,
  engineSocket,
  images,
  inventory,
  restartEngine,
  skipped,
} from "../support/docker-engine.js";
import { EngineProxy } from "../support/engine-proxy.js";
import { waitFor } from "../support/wait-for.js";

const s1 = brandAs<StoreId>("s1");
const clusterId = randomBytes(4).toString("hex");
const network = `ekv-test-${clusterId}`;
const containerName = `ekv-${clusterId}-s1`;

describe("the Docker launcher", { skip: skipped, timeout: 300_000 }, () => {
  let before_: string[];
  let members: Set<StoreId>;
  let proxy: EngineProxy;
  before(async () => {
    await docker.createNetwork({ Name: network });
    before_ = await inventory();
  });
  after(async () => {
    await docker.getNetwork(network).remove();
  });
  beforeEach(async () => {
    members = new Set();
    proxy = await EngineProxy.start(engineSocket);
  });
  afterEach(async () => {
    await proxy.stop();
    await open().remove(s1, true);
    assert.deepEqual(await inventory(), before_, "nothing is left behind");
  });

  function open(
    settings: Partial<ContainerSettings> = {},
    engine: Engine = new Engine(docker, engineSocket),
  ): DockerLauncher {
    const containers: ContainerSettings = {
      clusterId,
      image: images.store,
      network,
      // Nobody is there: a store waits for its master.
      masterAddress: "127.0.0.1:1",
      memoryBytes: 268_435_456,
      cpuMillis: 1000,
      storeArgs: [],
      labels: {},
      ...settings,
    };
    return new DockerLauncher({
      engine,
      clusterId,
      settings: () => Promise.resolve(containers),
      clock: systemClock,
      random: systemRandom,
      log: { info: () => undefined, warn: () => undefined },
      isMember: (storeId) => members.has(storeId),
    });
  }

  /** An engine behind the proxy. */
  function proxied(): Engine {
    return new Engine(new Docker({ protocol: "http", host: "127.0.0.1", port: proxy.port }), "the proxy");
  }

  /** A store that joins at once, as far as the launcher is told. */
  function launchMember(launcher: DockerLauncher): ReturnType<DockerLauncher["launch"]> {
    members.add(s1);
    return launcher.launch(s1);
  }

  async function refusal(work: Promise<unknown>, code: ErrorCode, pattern: RegExp): Promise<void> {
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof EkvError, String(error));
      assert.match(error.message, pattern);
      assert.equal(error.code, code);
      return true;
    });
    assert.deepEqual(await inventory(), before_, "a failed launch leaves nothing");
  }

  it("makes a store's container with its volume, limits and rights, and removes both", async () => {
    const launcher = open();
    const store = await launchMember(launcher);
    assert.equal(store.running, true);
    assert.deepEqual(await launcher.launch(s1), store, "it is found running");
    const {
      HostConfig: host,
      Config: config,
      Mounts: mounts,
    } = await docker.getContainer(containerName).inspect();
    assert.equal(host.ReadonlyRootfs, true);
    assert.equal(host.Memory, 268_435_456);
    assert.equal(host.NanoCpus, 1_000_000_000);
    assert.deepEqual(host.CapDrop, ["ALL"]);
    assert.equal(host.RestartPolicy?.Name, "unless-stopped");
    assert.equal(config.User, "10001:10001");
    assert.equal(config.Labels["elastic-kv.store"], "s1");
    assert.deepEqual(
      mounts.map(({ Name, Destination }) => `${Name ?? ""} ${Destination}`),
      [`${containerName} /data`],
    );
    await launcher.remove(s1, false);
    assert.deepEqual(await launcher.list(), []);
    assert.ok((await inventory()).includes(`volume ${containerName}`), "without --purge the data stays");
    await launcher.remove(s1, true);
  });

  it("is found again by the next master, also when it was stopped", async () => {
    await launchMember(open());
    const [found] = await open().list();
    assert.deepEqual([found?.storeId, found?.running], ["s1", true]);
    await open().close({ stopStores: true });
    assert.equal((await open().list())[0]?.running, false);
    assert.equal((await open().launch(s1)).running, true);
  });

  it("says so when the image is missing", () =>
    refusal(
      open({ image: "no-such-image" }).launch(s1),
      "FAILED_PRECONDITION",
      /no image no-such-image.*--docker-image/,
    ));

  it("says so when the network is missing", () =>
    refusal(
      open({ network: "no-such-network" }).launch(s1),
      "FAILED_PRECONDITION",
      /no network no-such-network.*--docker-network/,
    ));

  it("says so when its name is taken, and leaves the other alone", async () => {
    const other = await docker.createContainer({ name: containerName, Image: images.store });
    const taken = await inventory();
    await assert.rejects(open().launch(s1), (error) => {
      assert.ok(error instanceof EkvError && error.code === "ALREADY_EXISTS");
      assert.match(error.message, /another container named ekv-.*remove or rename it/);
      return true;
    });
    assert.deepEqual(await inventory(), taken);
    await other.remove({ v: true });
  });

  it("tells what a store said that died at its start", async () => {
    await refusal(
      open({ storeArgs: ["--weigth", "2"] }).launch(s1),
      "FAILED_PRECONDITION",
      /ended at its start.*did you mean weight/,
    );
  });

  it("keeps the data of a store that had joined, whatever happens next", async () => {
    const launcher = open();
    await launchMember(launcher);
    await launcher.remove(s1, false);
    members.clear();
    await assert.rejects(open({ storeArgs: ["--weigth", "2"] }).launch(s1));
    assert.ok((await inventory()).includes(`volume ${containerName}`));
  });

  it("says so when the engine cannot be reached", async () => {
    const engine = proxied();
    await proxy.stop();
    await refusal(
      open({}, engine).launch(s1),
      "UNAVAILABLE",
      /the Docker engine at the proxy does not answer/,
    );
  });

  it("clears up when the engine is away in the middle and comes back", async () => {
    proxy.cutAfter = /^POST \/containers\/create/;
    const launch = refusal(open({}, proxied()).launch(s1), "UNAVAILABLE", /does not answer/);
    await waitFor("the cut", () => proxy.isCut);
    await waitFor("the container, whose making the launcher never heard of", async () =>
      (await inventory()).includes(`container /${containerName}`),
    );
    proxy.heal();
    await launch;
  });

  it(
    "clears up when the engine is restarted while a store starts",
    { skip: engineFolder === "" && "the engine was there before: it is not ours to restart" },
    async () => {
      // The engine may first stop the container, or be gone at once.
      const launch = assert.rejects(
        open().launch(s1),
        /the container of store s1 was stopped as it started, by its engine's end|the Docker engine at .* (does not answer|could not)/,
      );
      const isThere = async (): Promise<boolean> =>
        (
          await docker
            .getContainer(containerName)
            .inspect()
            .catch(() => undefined)
        )?.State.Running === true;
      await waitFor("the container", isThere);
      await Promise.all([restartEngine(), launch]);
      assert.deepEqual(await inventory(), before_, "a failed launch leaves nothing");
    },
  );

  it("makes a container anew that was made and never started", async () => {
    await docker.createVolume({ Name: containerName });
    const labels = { "elastic-kv.cluster": clusterId, "elastic-kv.store": "s1" };
    await docker.createContainer({ name: containerName, Image: images.store, Labels: labels });
    await launchMember(open());
    const { HostConfig: host } = await docker.getContainer(containerName).inspect();
    assert.equal(host.ReadonlyRootfs, true);
  });

  it("needs no more of the engine than containers, volumes, and a look at images and networks", async () => {
    proxy.allowed = [
      /^GET \/containers\/(json|[\w.-]+\/(json|logs))(\?|$)/,
      /^POST \/containers\/(create|[\w.-]+\/(start|stop))(\?|$)/,
      /^DELETE \/(containers|volumes)\/[\w.-]+(\?|$)/,
      /^(GET \/volumes\/[\w.-]+|POST \/volumes\/create)(\?|$)/,
      /^GET \/(images|networks)\/[\w.:%-]+(\/json)?$/,
    ];
    const launcher = open({}, proxied());
    await launchMember(launcher);
    await launcher.list();
    await launcher.remove(s1, true);
    assert.deepEqual(proxy.refused, []);
    members.clear();
    proxy.allowed = [/^(GET|DELETE)/];
    await refusal(launcher.launch(s1), "FAILED_PRECONDITION", /does not let the master make volume/);
  });
});
