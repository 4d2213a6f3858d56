import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { masterSettings } from "../../services/master/settings.js";
import {
  type LoadedSettings,
  loadSettings,
  renderHelp,
  renderSettingsMarkdown,
} from "../../services/runtime/settings.js";
import { storeSettings } from "../../services/store/settings.js";
import { refusedWith } from "../support/raw-client.js";

type Master = typeof masterSettings;

function load(argv: readonly string[], env: Record<string, string> = {}): LoadedSettings<Master> {
  return loadSettings(masterSettings, { argv, env });
}

/** Runs with a settings file of this content. */
function withFile<T>(content: string, run: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "ekv-settings-"));
  const path = join(folder, "ekv.json");
  writeFileSync(path, content);
  try {
    return run(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("settings", () => {
  it("come from flags before environment before file before defaults", () => {
    withFile('{"port": 1, "host": "file", "data": "file"}', (path) => {
      const { values, given } = load(["--config", path, "--port", "3"], { EKV_PORT: "2", EKV_HOST: "env" });
      assert.equal(values.port, 3);
      assert.equal(values.host, "env");
      assert.equal(values.data, "file");
      assert.equal(values.partitions, 1024);
      assert.equal(given.has("partitions"), false);
      assert.equal(given.has("data"), true);
    });
  });

  it("read flags with values, with =, and without", () => {
    assert.equal(load(["--port=9"]).values.port, 9);
    assert.equal(load(["--create"]).values.create, true);
    assert.equal(load(["--no-auto-join"]).values.autoJoin, false);
    assert.deepEqual(load(["--store-args", '["--weight","2"]']).values.storeArgs, ["--weight", "2"]);
  });

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["an unknown flag", ["--prot", "1"], /--prot.*did you mean port/],
    ["a missing value", ["--port"], /port: needs a value/],
    ["a bad number", ["--port", "x"], /port: "x" \(from --port\).*whole number/],
    ["a number out of bounds", ["--port", "70000"], /at most 65535/],
    ["a count that is no power of two", ["--partitions", "1000"], /power of two/],
    ["a word that is none of the choices", ["--placement", "random"], /balanced, contiguous/],
    ["a bare word", ["port"], /begin with --/],
  ];
  for (const [what, argv, message] of refused) {
    it(`refuse ${what}, naming the setting and the fix`, () => {
      assert.throws(() => load(argv), refusedWith("INVALID_ARGUMENT", message));
    });
  }

  it("refuse a file that is not JSON, or has an unknown key", () => {
    withFile("{", (path) => {
      assert.throws(
        () => load(["--config", path]),
        refusedWith("INVALID_ARGUMENT", /cannot be read as JSON/),
      );
    });
    withFile('{"ports": 1}', (path) => {
      assert.throws(
        () => load(["--config", path]),
        refusedWith("INVALID_ARGUMENT", /ports in .*did you mean port/),
      );
    });
  });

  it("say in the help, and in the docs, what each does and its default", () => {
    for (const schema of [masterSettings, storeSettings]) {
      const help = renderHelp("title", "intro", schema);
      const table = renderSettingsMarkdown(schema);
      for (const { flag, description } of Object.values(schema)) {
        assert.ok(help.includes(`--${flag}`) && help.includes(description), flag);
        assert.ok(table.includes(`\`--${flag}\``), flag);
      }
    }
  });
});
