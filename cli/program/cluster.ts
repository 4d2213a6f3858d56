import { Option, type Command } from "commander";
import { parseInteger, parseStoreId } from "../arguments.js";
import type { ChangeOptions, RemoveStoreOptions } from "../commands/change.js";
import type { CommandHost } from "../command-host.js";
import { addExamples } from "./examples.js";

/** Declares the commands that show and change the cluster. */
export function declareClusterCommands(program: Command, host: CommandHost): void {
  declareStatus(program, host);
  declareStores(program, host);
  declareRing(program, host);
  declareAddStore(program, host);
  declareRemoveStore(program, host);
  declareRebalance(program, host);
  declareOperations(program, host);
  declarePing(program, host);
}

function declareStatus(program: Command, host: CommandHost): void {
  const command = program
    .command("status")
    .summary("The cluster at a glance")
    .description("Stores, keys, partitions without an owner, operations under way.")
    .action((_options: unknown, self: Command) =>
      host.run(self, async (context) => (await import("../commands/status.js")).status(context)),
    );
  addExamples(command, [["ekv status --json | jq .healthy", "true or false"]]);
}

function declareStores(program: Command, host: CommandHost): void {
  const command = program
    .command("stores")
    .summary("List the stores, or start one that is down")
    .description("Every store with its state, address, share, load and last heartbeat.")
    .action((_options: unknown, self: Command) =>
      host.run(self, async (context) => (await import("../commands/stores.js")).stores(context)),
    );
  addExamples(command, [["ekv stores --json | jq '.stores[].storeId'", "their names"]]);
  const start = command
    .command("start")
    .argument("<id>", "name of the store", parseStoreId)
    .summary("Start a store that is down")
    .description(
      "Have the master's launcher start a store that is down, and wait until it has joined the cluster again. A launcher\n" +
        "starts by itself what died; this is for a store that was stopped, and for one that need not wait for the next try.",
    )
    .action((id: string, _options: unknown, self: Command) =>
      host.run(self, async (context) => (await import("../commands/start-store.js")).startStore(context, id)),
    );
  addExamples(start, [["ekv stores start store-2", "after its disk was repaired"]]);
}

function declareRing(program: Command, host: CommandHost): void {
  const command = program
    .command("ring")
    .summary("Draw the hash ring")
    .description(
      "Draw the ring of 2^32 hashes as a strip that reads on from line to line. A cell is the letter, and the colour,\n" +
        "of the store that holds most of it; a dot is unassigned. Below, the share of each store.",
    )
    .option("--ranges", "list every range, too")
    .action((options: { ranges?: true }, self: Command) =>
      host.run(self, async (context) => (await import("../commands/ring.js")).ring(context, options)),
    );
  addExamples(command, [
    ["ekv ring", "the strip and the shares"],
    ["ekv ring --ranges", "with every merged range"],
  ]);
}

/** The options of a command that starts an operation. */
function declareChange(command: Command): Command {
  return command
    .option("--dry-run", "only print what would move")
    .option("--no-wait", "return when the operation has started, not when it ends");
}

function declareAddStore(program: Command, host: CommandHost): void {
  const command = declareChange(
    program
      .command("add-store")
      .argument("[id]", "name of the store; default: the next free one", parseStoreId)
      .summary("Grow by a store")
      .description(
        "Launch a store, where the master has a launcher, and move its share of the ring to it, while clients go on.\n" +
          "Shows the progress until it ends; Ctrl-C stops the showing, not the operation.",
      ),
  ).action((storeId: string | undefined, options: ChangeOptions, self: Command) =>
    host.run(self, async (context) =>
      (await import("../commands/change.js")).addStore(context, storeId, options),
    ),
  );
  addExamples(command, [
    ["ekv add-store --dry-run", "what would move, from where, how much"],
    ["ekv add-store", "grow by a store and watch"],
    ["ekv add-store store-9 --no-wait --json | jq -r .id", "start it, and print the operation's id"],
  ]);
}

function declareRemoveStore(program: Command, host: CommandHost): void {
  const command = declareChange(
    program
      .command("remove-store")
      .argument("<id>", "name of the store", parseStoreId)
      .summary("Shrink by a store")
      .description("Move everything off a store, while clients go on; then shut it down and forget it.")
      .option("--purge", "delete the store's data folder once it has left"),
  ).action((storeId: string, options: RemoveStoreOptions, self: Command) =>
    host.run(self, async (context) =>
      (await import("../commands/change.js")).removeStore(context, storeId, options),
    ),
  );
  addExamples(command, [
    ["ekv remove-store store-2 --dry-run", "where its data would go"],
    ["ekv remove-store store-2 --purge", "move, shut down, delete its folder"],
  ]);
}

function declareRebalance(program: Command, host: CommandHost): void {
  const command = declareChange(
    program
      .command("rebalance")
      .summary("Even out the shares")
      .description(
        "Move partitions until every store holds its share; as few as possible. With contiguous placement every store\n" +
          "keeps one range, between the same neighbours.",
      ),
  ).action((options: ChangeOptions, self: Command) =>
    host.run(self, async (context) => (await import("../commands/change.js")).rebalance(context, options)),
  );
  addExamples(command, [["ekv rebalance --dry-run", "what is out of balance"]]);
}

function declareOperations(program: Command, host: CommandHost): void {
  const operations = program
    .command("operations")
    .alias("ops")
    .summary("List, watch and control operations")
    .description("What was asked of the cluster and how far it is.");
  const list = operations
    .command("list", { isDefault: true })
    .summary("List operations, newest first")
    .option("--active", "only those that have not ended")
    .action((options: { active?: true }, self: Command) =>
      host.run(self, async (context) =>
        (await import("../commands/operations.js")).listOperations(context, options),
      ),
    );
  addExamples(list, [["ekv operations --active", "what is under way"]]);
  const show = operations
    .command("show <id>")
    .summary("Show one operation")
    .action((id: string, _options: unknown, self: Command) =>
      host.run(self, async (context) =>
        (await import("../commands/operations.js")).showOperation(context, id),
      ),
    );
  addExamples(show, [["ekv operations show operation-7 --json", "with its moves under way"]]);
  const watch = operations
    .command("watch <id>")
    .summary("Follow an operation until it ends")
    .description("Follow an operation until it ends. Exit status 7 if it fails or is cancelled.")
    .action((id: string, _options: unknown, self: Command) =>
      host.run(self, async (context) =>
        (await import("../commands/operations.js")).watchOperation(context, id),
      ),
    );
  addExamples(watch, [
    ["ekv operations watch operation-7", "with progress, rate and time to go"],
    ["ekv operations watch operation-7 --json", "an object a line at every change"],
  ]);
  const controls = [
    ["cancel", "Roll an operation back; moves past their commit are finished"],
    ["pause", "Start no further moves; those under way finish"],
    ["resume", "Go on with a paused operation"],
  ] as const;
  for (const [action, summary] of controls) {
    const control = operations
      .command(`${action} <id>`)
      .summary(summary)
      .description(`${summary}.`)
      .action((id: string, _options: unknown, self: Command) =>
        host.run(self, async (context) =>
          (await import("../commands/operations.js")).controlOperation(context, action, id),
        ),
      );
    addExamples(control, [[`ekv operations ${action} operation-7`, "prints how it is now"]]);
  }
  addExamples(operations, [
    ["ekv operations", "the list, newest first"],
    ["ekv operations watch operation-7", "follow one"],
    ["ekv operations pause operation-7", "let it rest"],
  ]);
}

function declarePing(program: Command, host: CommandHost): void {
  const command = program
    .command("ping")
    .summary("Measure round-trip times")
    .description("Call the master and every store a number of times, one call after the other.")
    .addOption(
      new Option("-n, --count <n>", "calls to each").default(100).argParser(parseInteger(1, 1_000_000)),
    )
    .action((options: { count: number }, self: Command) =>
      host.run(self, async (context) => (await import("../commands/ping.js")).ping(context, options)),
    );
  addExamples(command, [["ekv ping -n 1000", "least, median and 99th percentile"]]);
}
