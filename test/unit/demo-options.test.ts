import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildDataSet, loadDataSet } from "../../examples/demo/data-set.js";
import { parseOptions, type DemoOptions } from "../../examples/demo/options.js";
import { SeededRandom } from "../../examples/demo/random.js";
import { planSteps } from "../../examples/demo/resize-plan.js";

function optionsOf(...argv: string[]): DemoOptions {
  const parsed = parseOptions(argv, 5);
  assert.ok(parsed.kind === "run", parsed.kind === "exit" ? parsed.text : "");
  return parsed.options;
}

describe("the demo's command line", () => {
  it("has defaults for everything", () => {
    const options = optionsOf();
    assert.equal(options.seed, 5);
    assert.equal(options.clients, 32);
    assert.equal(options.readFraction, 0.9);
    assert.equal(options.storesMax, 5);
    assert.equal(options.storesEnd, 2);
    assert.equal(options.addsAndRemoves, undefined);
    assert.equal(options.seeds, undefined);
    assert.equal(options.json, false);
  });

  it("takes every option", () => {
    const argv =
      "--cities 10 --words 0 --clients 3 --read-fraction 0.5 --seconds-max 60 --seed 9 --stores-max 4 --stores-end 3 --adds-and-removes 7 --seeds a:1,b:2 --json";
    assert.deepEqual(optionsOf(...argv.split(" ")), {
      cities: 10,
      words: 0,
      clients: 3,
      readFraction: 0.5,
      secondsMax: 60,
      seed: 9,
      storesMax: 4,
      storesEnd: 3,
      addsAndRemoves: 7,
      seeds: ["a:1", "b:2"],
      json: true,
    });
  });

  it("refuses what makes no sense, with status 2 and what is expected", () => {
    const cases: [string, RegExp][] = [
      ["--clients 0", /whole number from 1/],
      ["--read-fraction 1.5", /from 0 to 1/],
      ["--stores-max 2 --stores-end 3", /above/],
      ["--adds-and-removes 3 --stores-max 1 --stores-end 1", /2 or more/],
      ["--seeds nowhere", /host:port/],
      ["--unknown", /unknown option/],
      ["extra", /too many arguments/],
    ];
    for (const [line, text] of cases) {
      const parsed = parseOptions(line.split(" "), 5);
      assert.ok(parsed.kind === "exit", line);
      assert.equal(parsed.status, 2, line);
      assert.match(parsed.text, text);
    }
  });

  it("explains itself with --help, with status 0", () => {
    const parsed = parseOptions(["--help"], 5);
    assert.ok(parsed.kind === "exit");
    assert.equal(parsed.status, 0);
    assert.match(parsed.text, /--adds-and-removes/);
  });
});

describe("the demo's plan", () => {
  const plan = (stores: number, options: Partial<DemoOptions> = {}): string =>
    planSteps(
      stores,
      { storesMax: 5, storesEnd: 2, addsAndRemoves: undefined, ...options },
      new SeededRandom(1),
    ).join(" ");

  it("grows to the most and shrinks to the end", () => {
    assert.equal(plan(1), "add add add add remove remove remove");
    assert.equal(plan(6), "remove remove remove remove");
    assert.equal(plan(2, { storesMax: 2 }), "");
  });

  it("walks between one store and the most when asked for a number of changes", () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const steps = planSteps(1, { storesMax: 3, storesEnd: 2, addsAndRemoves: 40 }, new SeededRandom(seed));
      assert.equal(steps.length, 40);
      let stores = 1;
      for (const step of steps) {
        stores += step === "add" ? 1 : -1;
        assert.ok(stores >= 1 && stores <= 3, `${stores} stores`);
      }
    }
  });
});

describe("the demo's data", () => {
  it("numbers the cities first, then the words", () => {
    const dataSet = buildDataSet({ cities: [{ cityId: 7, name: "Bern" }], words: ["aa"] });
    assert.deepEqual([dataSet.keyOf(0), dataSet.keyOf(1)], ["city:7", "word:aa"]);
    assert.deepEqual(
      [dataSet.recordOf(0), dataSet.recordOf(1)],
      [
        { cityId: 7, name: "Bern" },
        { word: "aa", letters: 2 },
      ],
    );
    assert.throws(() => dataSet.keyOf(2), RangeError);
  });

  it("is real: over 130,000 cities and 270,000 words, each key once", async () => {
    const dataSet = await loadDataSet({ cities: 1_000_000, words: 1_000_000 });
    assert.ok(dataSet.cities > 130_000);
    assert.ok(dataSet.words > 270_000);
    const keys = new Set(Array.from({ length: dataSet.size }, (_, index) => dataSet.keyOf(index)));
    assert.equal(keys.size, dataSet.size);
  });
});
