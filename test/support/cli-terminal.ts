import { PassThrough, Readable, Writable } from "node:stream";
import type { AdminClient } from "../../client/admin.js";
import type { Client } from "../../client/index.js";
import { streamOutput, type Output } from "../../cli/output.js";
import { runCommandLine } from "../../cli/run.js";

/** An output that keeps what is written. */
function memoryOutput(): Output & { text(): string; bytes(): Buffer } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer | string, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  const bytes = (): Buffer => Buffer.concat(chunks);
  return { ...streamOutput(stream, { LANG: "C.UTF-8" }), text: () => bytes().toString("utf8"), bytes };
}

/** A run of `ekv` without a cluster: what a test puts in place of the SDK, and what comes in. */
export interface RunOptions {
  readonly client?: Partial<Client<Buffer>>;
  readonly admin?: Partial<AdminClient>;
  readonly stdin?: string | Buffer;
  /** Default false: a file or pipe. */
  readonly stdinIsTerminal?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Runs a command line in this process. */
export async function ekv(
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ code: number; stdout: string; stderr: string; bytes: Buffer }> {
  const stdout = memoryOutput();
  const stderr = memoryOutput();
  const missing = (what: string): never => {
    throw new Error(`the test gave no ${what}`);
  };
  const stdin = options.stdin === undefined ? new PassThrough() : Readable.from([Buffer.from(options.stdin)]);
  const code = await runCommandLine(args, {
    stdin: Object.assign(stdin, { isTTY: options.stdinIsTerminal ?? false }),
    stdout,
    stderr,
    environment: options.environment ?? {},
    signal: options.signal ?? new AbortController().signal,
    openSession: () => ({
      client: () => Promise.resolve((options.client ?? missing("client")) as Client<Buffer>),
      admin: () => Promise.resolve((options.admin ?? missing("admin")) as AdminClient),
      close: () => Promise.resolve(),
    }),
  });
  return { code, stdout: stdout.text(), stderr: stderr.text(), bytes: stdout.bytes() };
}
