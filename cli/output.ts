import type { Writable } from "node:stream";
import { systemReason } from "../services/runtime/system-reason.js";

/** Where a command writes: a terminal, a file, a pipe or a test's memory. */
export interface Output {
  /**
   * Resolves when more may be written, so that memory stays bounded. Rejects with an {@link OutputError} once anything
   * could not be written, unless the output is lossy.
   */
  write(data: string | Uint8Array): Promise<void>;
  /** Resolves when everything is written; rejects as `write` does. */
  flush(): Promise<void>;
  readonly isTerminal: boolean;
  /** Width in characters; 80 where there is no terminal. */
  readonly columns: number;
  /** Whether colour is wanted. */
  readonly colour: boolean;
  /** Whether characters beyond ASCII show. */
  readonly unicode: boolean;
  /** For libraries that draw. What fails here shows at the next `write` or `flush`; it never ends the process. */
  readonly stream: Writable;
}

/** What a command printed did not arrive: the reader has gone, or the disk is full. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  /** The system's name for the reason, such as `ENOSPC`. */
  readonly code: string;

  constructor(cause: Error) {
    const code = (cause as NodeJS.ErrnoException).code ?? "EIO";
    super(`the output is incomplete: ${systemReason(code) ?? cause.message}`, { cause });
    this.code = code;
  }

  /** Whether the reader stopped reading (`| head`), which is no failure. */
  get isReaderGone(): boolean {
    return this.code === "EPIPE";
  }
}

/** The environment, as main.ts read it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether colour suits: a terminal that is not dumb, and no NO_COLOR (https://no-color.org). */
export function wantsColour(isTerminal: boolean, environment: Environment): boolean {
  return isTerminal && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
}

/** Whether the locale is a UTF-8 one, by the precedence of setlocale(3). */
function wantsUnicode(environment: Environment): boolean {
  const locale = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || "";
  return /utf-?8/i.test(locale);
}

/**
 * An output over a Node stream. `lossy`: what cannot be written is dropped without an error. That suits notes and
 * progress: the work matters more than what is said about it.
 */
export function streamOutput(
  stream: Writable,
  environment: Environment,
  options: { readonly lossy?: true } = {},
): Output {
  const terminal = stream as Writable & { readonly isTTY?: boolean; readonly columns?: number };
  const isTerminal = terminal.isTTY === true;
  let failure: OutputError | undefined;
  let lastWritten: Promise<void> = Promise.resolve();
  // Without a listener an error would end the process, and skip whatever the command still has to put in order.
  stream.on("error", (error) => {
    failure ??= new OutputError(error);
  });
  const requireWhole = (): void => {
    if (failure && !options.lossy) throw failure;
  };
  return {
    stream,
    isTerminal,
    get columns() {
      return terminal.columns || 80;
    },
    colour: wantsColour(isTerminal, environment),
    unicode: wantsUnicode(environment),
    async write(data) {
      requireWhole();
      let hasRoom = true;
      lastWritten = new Promise((resolve) => {
        hasRoom = stream.write(data, (error) => {
          if (error) failure ??= new OutputError(error);
          resolve();
        });
      });
      if (!hasRoom) await lastWritten;
      requireWhole();
    },
    async flush() {
      await lastWritten;
      requireWhole();
    },
  };
}

/** Escape sequences for a terminal with colour; the identity elsewhere. */
export interface Palette {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  /** Black text on the `index`th of a row of distinguishable backgrounds. */
  filled(index: number, text: string): string;
}

/** Backgrounds of the 256-colour palette, light enough for black text, neighbours far apart. */
const backgrounds = [75, 114, 216, 183, 222, 80, 210, 150, 111, 180, 218, 156] as const;

const plain: Palette = {
  bold: (text) => text,
  dim: (text) => text,
  good: (text) => text,
  bad: (text) => text,
  filled: (_index, text) => text,
};

const coloured: Palette = {
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  dim: (text) => `\u001b[2m${text}\u001b[22m`,
  good: (text) => `\u001b[32m${text}\u001b[39m`,
  bad: (text) => `\u001b[31m${text}\u001b[39m`,
  filled: (index, text) =>
    `\u001b[30;48;5;${backgrounds[index % backgrounds.length] ?? 75}m${text}\u001b[39;49m`,
};

/** The palette for an output. */
export function paletteFor(output: Pick<Output, "colour">): Palette {
  return output.colour ? coloured : plain;
}
