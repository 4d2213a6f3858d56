import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { masterSettings } from "../../services/master/settings.js";
import { renderSettingsMarkdown } from "../../services/runtime/settings.js";
import { leaveSettings } from "../../services/store/leave/settings.js";
import { storeSettings } from "../../services/store/settings.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Which parts a part may import; see ARCHITECTURE.md. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "services/core": [],
  "services/gen": [],
  "services/wire": ["services/core", "services/gen"],
  "services/runtime": ["services/core", "services/gen", "services/wire"],
  "services/migration": ["services/core", "services/gen", "services/wire", "services/runtime"],
  "services/store": [
    "services/core",
    "services/gen",
    "services/wire",
    "services/runtime",
    "services/migration",
  ],
  "services/master": ["services/core", "services/gen", "services/wire", "services/runtime"],
  client: ["services/core", "services/gen", "services/wire"],
  cli: ["client", "services/core", "services/gen", "services/wire", "services/runtime"],
  bench: ["client", "services/core", "services/gen", "services/wire", "services/runtime"],
  examples: ["client", "cli", "services/core", "services/gen", "services/wire", "services/runtime"],
};

interface Source {
  readonly path: string;
  readonly part: string;
  readonly text: string;
}

function sourcesOf(part: string): Source[] {
  return readdirSync(join(root, part), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = join(part, name);
      return { path, part, text: readFileSync(join(root, path), "utf8") };
    });
}

const written = Object.keys(mayImport)
  .filter((part) => part !== "services/gen")
  .flatMap(sourcesOf);

/** Code without comments, so that a rule's name in prose breaks no rule. */
function codeOf({ text }: Source): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

function importsOf({ path, text }: Source): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, target = ""]) =>
    normalize(join(dirname(path), target)),
  );
}

describe("the repository", () => {
  it("imports only in the direction of ARCHITECTURE.md", () => {
    const wrong = written.flatMap((source) =>
      importsOf(source)
        .filter((target) => !target.startsWith(`${source.part}/`))
        .filter((target) => !(mayImport[source.part] ?? []).some((part) => target.startsWith(`${part}/`)))
        .map((target) => `${source.path} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it("takes time and randomness only through ports, outside the runtime and the edges", () => {
    const ambient = /\bDate\.now\(|\bMath\.random\(|\bnew Date\(\)/;
    const wrong = written
      .filter(
        ({ path, part }) =>
          /^(services|client)/.test(part) && !/^services\/runtime\/|^client\/system\.ts$/.test(path),
      )
      .filter((source) => ambient.test(codeOf(source)))
      .map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });

  it("reads the environment and exits only in a main", () => {
    const allowed = /(^|\/)main\.ts$|^services\/runtime\/process\.ts$|^cli\/|^examples\//;
    const wrong = written
      .filter(({ path }) => !allowed.test(path))
      .filter((source) => /process\.(env|exit)\b/.test(codeOf(source)))
      .map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });

  it("counts things through formatNoun, which tells one from many", () => {
    // A limit is never one.
    const ownPlural = /\$\{(?![^}]*Max\})[^}]*\} (stores|partitions|keys|moves|operations)\b/;
    const wrong = written
      .filter(({ path }) => /^(services|client|cli)\//.test(path))
      .filter((source) => ownPlural.test(codeOf(source)))
      .map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });

  it("names the waits of every retry loop in services/core/limits.ts", () => {
    const ownWait = /\b\w*(retry|backoff)\w*(ms|min|max)\w*\s*[:=]\s*[\d_]+/i;
    const wrong = written
      .filter(({ path }) => /^(services|client|cli)\//.test(path) && path !== "services/core/limits.ts")
      .filter((source) => ownWait.test(codeOf(source)))
      .map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });

  it("keeps what bounds a number or a size in services/core/limits.ts", () => {
    const elsewhere = written
      .filter(
        ({ part, path }) =>
          (part.startsWith("services/") || part === "client") && !path.endsWith("core/limits.ts"),
      )
      .flatMap((source) =>
        [...codeOf(source).matchAll(/^(?:export )?const (\w+Max)(?:: number)? = [\d_ *+]+;/gm)]
          .map(([, name = ""]) => name)
          .filter((name) => !name.endsWith("MsMax"))
          .map((name) => `${source.path}: ${name}`),
      );
    assert.deepEqual(elsewhere, []);
  });

  it("keeps files short, and half of them under 150 lines", () => {
    const lengths = written.map(({ path, text }) => ({ path, lines: text.split("\n").length }));
    assert.deepEqual(
      lengths.filter(({ lines }) => lines > 500),
      [],
    );
    const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b);
    assert.ok((sorted[sorted.length >> 1] ?? 0) <= 150);
  });

  it("names files in kebab-case, without grab-bags", () => {
    const wrong = written
      .map(({ path }) => relative(".", path))
      .filter(
        (path) => !/^[a-z0-9/.-]+$/.test(path) || /(^|\/)(utils?|helpers?|manager|common)\.ts$/.test(path),
      );
    assert.deepEqual(wrong, []);
  });

  it("leaves nothing open in the code", () => {
    const open = new RegExp(["TO" + "DO", "FIX" + "ME", "not impl" + "emented"].join("|"));
    assert.deepEqual(
      written.filter(({ text }) => open.test(text)).map(({ path }) => path),
      [],
    );
  });
});

describe("the documentation", () => {
  const cells = (text: string): string => text.replace(/[\s|-]+/g, " ");
  const operations = cells(readFileSync(join(root, "docs/operations.md"), "utf8"));

  it("lists every setting with its default, as the help does", () => {
    for (const schema of [masterSettings, storeSettings, leaveSettings]) {
      for (const row of renderSettingsMarkdown(schema).split("\n").slice(2)) {
        assert.ok(operations.includes(cells(row)), `docs/operations.md lacks the row ${row}`);
      }
    }
  });

  it("links only to files that are there", () => {
    const pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].concat(
      readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".md"))
        .map((name) => `docs/${name}`),
    );
    const broken = pages.flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!http)([^)#]+)[^)]*\)/g)]
        .map(([, target = ""]) => join(dirname(page), target))
        .filter((target) => !existsSync(join(root, target))),
    );
    assert.deepEqual(broken, []);
  });

  it("names in docs/paper.md only tests and code that are there", () => {
    const named = [
      ...readFileSync(join(root, "docs/paper.md"), "utf8").matchAll(
        /`((?:test|services|client)\/[^`*]+\.ts)`/g,
      ),
    ];
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.map(([, path = ""]) => path).filter((path) => !existsSync(join(root, path))),
      [],
    );
  });
});
