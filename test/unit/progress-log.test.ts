import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "../../services/runtime/log.js";
import { ProgressLog } from "../../services/store/engine/progress-log.js";
import { HeldClock } from "../support/held-clock.js";

test("what takes long says how far it is and how long it will take, every 5 s", async () => {
  const lines: string[] = [];
  const log = {
    info: (text: string, fields = {}) => void lines.push(`${text} ${JSON.stringify(fields)}`),
  } as Logger;
  const clock = new HeldClock();
  const progress = new ProgressLog(log, clock, "copying", 100);
  progress.note(110, 300);
  assert.deepEqual(lines, [], "it may be quick");
  await clock.goOn(2000);
  progress.note(100, 300);
  await clock.goOn(4000);
  progress.note(150, 300);
  await clock.goOn(4000);
  progress.note(200, 300);
  await clock.goOn(60_000);
  progress.note(300, 300);
  assert.deepEqual(lines, [
    'copying {"percent":33,"secondsLeft":"unknown"}',
    'copying {"percent":66,"secondsLeft":10}',
  ]);
});
