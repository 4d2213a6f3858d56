/** What runs in the pod of a load: calls until SIGTERM; prints, a line each, how far it is and at last its report. */
import { codecs, connect } from "../../client/index.js";
import { CheckedLoad } from "./checked-load.js";

const sayMs = 1000;
/** The stores' cores are for what is tested. */
const restMs = 5;

const client = await connect({
  seeds: (process.env["EKV_SEEDS"] ?? "").split(","),
  codec: codecs.string,
  deadlineMs: Number(process.env["EKV_DEADLINE_MS"]),
  connectTimeoutMs: 60_000,
});
const load = new CheckedLoad(client, process.env["EKV_PREFIX"] ?? "load", 4, 100, restMs);
const say = (words: object): void => {
  process.stdout.write(`${JSON.stringify(words)}\n`);
};
const saying = setInterval(() => say({ calls: load.calls }), sayMs);
process.once("SIGTERM", () => {
  void load.stop().then(async (report) => {
    clearInterval(saying);
    await client.close();
    say({ ...report, failures: report.failures.slice(0, 20), wrong: report.wrong.slice(0, 20), ended: true });
  });
});
