#!/usr/bin/env node
import type { StoreId } from "../../core/ids.js";
import { anyServer } from "../../core/server-identity.js";
import type { LeaveResponse } from "../../gen/elastickv/v1/master.js";
import { systemClock } from "../../runtime/clock.js";
import { systemRandom } from "../../runtime/random.js";
import { loadSettings, renderHelp } from "../../runtime/settings.js";
import { openGrpcChannel } from "../../wire/grpc-channel.js";
import { membershipService } from "../../wire/services.js";
import { callUnary } from "../../wire/unary-call.js";
import { fromTurn, reachMaster } from "../master-search.js";
import { leave } from "./leave.js";
import { leaveSettings } from "./settings.js";

const intro = `What a preStop hook runs beside a store that is about to be stopped. Asks the master whether the store comes back, and
ends at once if so; if it is wanted no more, ends when it owns nothing. The store serves meanwhile.`;

const askTimeoutMs = 15_000;

/** Asks the first master that can be reached; another time, it is another one's turn. */
function askMasters(masters: readonly string[]): (storeId: StoreId) => Promise<LeaveResponse> {
  let turn = 0;
  return async (storeId) => {
    const channel = await reachMaster({
      masters: fromTurn(masters, turn),
      clock: systemClock,
      open: (address) => openGrpcChannel(address, {}, anyServer),
    });
    turn += 1;
    const options = { deadlineWallMs: systemClock.wallMs() + askTimeoutMs, writes: false };
    return await callUnary(channel, membershipService.leave, { storeId }, options).finally(() =>
      channel.close(),
    );
  };
}

const argv = process.argv.slice(2);
if (argv.includes("--help")) process.stdout.write(renderHelp("Elastic-KV leave", intro, leaveSettings));
else {
  const { values } = loadSettings(leaveSettings, { argv, env: process.env });
  // The clock's timers keep no process alive.
  const alive = setInterval(() => undefined, 60_000);
  const outcome = await leave({
    ...values,
    ask: askMasters(values.masters),
    clock: systemClock,
    random: systemRandom,
    say: (line) => process.stdout.write(`${line}\n`),
  });
  clearInterval(alive);
  // A failed hook is what Kubernetes tells its operator about; the store is stopped all the same.
  process.exit(outcome === "left" || outcome === "stays" ? 0 : 1);
}
