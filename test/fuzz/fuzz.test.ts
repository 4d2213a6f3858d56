import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { it } from "node:test";
import { compiled } from "../support/children.js";

it("a cluster stands a small share of the fuzzing, with a fixed seed", async () => {
  const program = compiled("../fuzz/main.js");
  const child = spawn(process.execPath, [program, "--runs", "3", "--rounds", "1", "--seed", "20"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => {
    text += bytes.toString();
  });
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  assert.equal(status, 0, text);
});
