import type { Command } from "commander";
import type { CommandBody } from "./context.js";

/** Runs the body of the command that a command line names. */
export interface CommandHost {
  /**
   * `graceful`: the body ends by itself after an interrupt, however long that takes; others are given a moment.
   */
  run(command: Command, body: CommandBody, options?: { readonly graceful: true }): Promise<void>;
}

/** The options that every command has. */
export interface GlobalOptions {
  readonly json?: true;
  readonly seeds: readonly string[];
  readonly timeoutMs: number;
}
