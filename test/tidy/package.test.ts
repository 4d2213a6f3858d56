import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

/** Resolves as a program does that has the package installed. */
const require = createRequire(fileURLToPath(new URL("../../../package.json", import.meta.url)));

describe("the package, from CommonJS", () => {
  for (const entry of ["elastic-kv", "elastic-kv/admin"]) {
    it(`has with require("${entry}") what import() gives`, async () => {
      const imported = (await import(require.resolve(entry))) as object;
      const required = require(entry) as object;
      assert.ok(Object.keys(imported).length > 0);
      assert.deepEqual(Object.keys(required), Object.keys(imported));
    });
  }
});
