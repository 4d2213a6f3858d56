import type { PeerAddress } from "../peers/session.js";
import { startEtcd } from "../processes/etcd.js";
import { installedVersion } from "../processes/installed.js";
import { fillPeer } from "../processes/load-process.js";
import { formatCount, formatFigure } from "../report/quantities.js";
import type { StartSystem } from "./system.js";

/** Writing more would take too long; fewer keys are an advantage for it. Reads of missing keys are reads too. */
const keysMax = 5000;

/** etcd, one member, through etcd3. */
export const startEtcdSystem: StartSystem = async (options) => {
  if ((await installedVersion("etcd")) === undefined) {
    return { missing: "etcd is not installed, so it is left out: apt-get install etcd-server" };
  }
  const { host, process } = await startEtcd(options.folder);
  const peer: PeerAddress = { kind: "etcd", host };
  const keys = Math.min(options.keys, keysMax);
  const { seconds } = await fillPeer(peer, { ...options, keys });
  options.note(`etcd: ${formatCount(keys)} keys written in ${formatFigure(seconds)} s`);
  return { subjects: [{ name: "etcd", peer, serverPids: [process.pid] }], stop: () => process.stop() };
};
