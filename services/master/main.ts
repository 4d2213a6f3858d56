#!/usr/bin/env node
import { runMain } from "../runtime/process.js";
import { loadSettings, renderHelp } from "../runtime/settings.js";
import { startMaster } from "./master.js";
import { masterSettings } from "./settings.js";

const intro = `Keeps who owns which partition, and moves partitions when stores come and go. Off the path of data: with the
master down, stores and clients go on with what they know.`;

const argv = process.argv.slice(2);
if (argv.includes("--help")) process.stdout.write(renderHelp("Elastic-KV master", intro, masterSettings));
else {
  await runMain(() =>
    startMaster(loadSettings(masterSettings, { argv, env: process.env }), () => {
      // Everything that counts is committed: the next start goes on from there.
      process.exit(1);
    }),
  );
}
