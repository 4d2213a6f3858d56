import type { Command } from "commander";
import type { CommandBody } from "./context.js";
import type { Output } from "./output.js";

/** Runs the body of the command that a command line names. */
export interface CommandHost {
  /**
   * `graceful`: the body ends by itself after an interrupt, however long that takes; others are given a moment.
   */
  run(command: Command, body: CommandBody, options?: { readonly graceful: true }): Promise<void>;
  /** For a command that takes command lines itself. */
  readonly lines: CommandLines;
}

/** What reads command lines inside `ekv shell`. */
export interface CommandLines {
  /** The tree of commands, to complete from. */
  program(): Command;
  /** Parses a line's words and runs what they name, on `host`. A usage error is thrown as `INVALID_ARGUMENT`. */
  run(host: CommandHost, words: readonly string[], stdout: Output): Promise<void>;
}

/** The options that every command has. */
export interface GlobalOptions {
  readonly json?: true;
  readonly seeds: readonly string[];
  readonly timeoutMs: number;
}
