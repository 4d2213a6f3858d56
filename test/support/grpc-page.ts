/** docs/grpc.md as calls that can be made. */
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const buf = `${root}/node_modules/.bin/buf`;

const callTimeoutMs = 60_000;

/** A call of the page. */
export interface PageCall {
  /** The line as it stands. */
  readonly line: string;
  /** Port of `npm start`'s cluster. */
  readonly port: number;
  /** `elastickv.v1.StoreService/Get`, or `list`. */
  readonly method: string;
  readonly data: string;
  /** It is ended when it has answered once. */
  readonly endless: boolean;
  /** The status that it is refused with. */
  readonly refusal: string | undefined;
  /** What it answers, as far as the page says; the last of several messages. */
  readonly answer: unknown;
}

/** What a call gave. */
export interface Answered {
  readonly messages: readonly unknown[];
  readonly output: string;
  /** `FAILED_PRECONDITION` and so on; undefined: OK. */
  readonly status: string | undefined;
}

const pageText = readFileSync(`${root}/docs/grpc.md`, "utf8");

/** The shell lines and JSON blocks of the page, in its order. */
function blocks(): { readonly language: string; readonly text: string }[] {
  return [...pageText.matchAll(/^```(sh|json)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }));
}

function parseCall(line: string, refusal: string | undefined): PageCall {
  const [, flags = "", port = "", method = ""] =
    /^grpcurl -plaintext (.*?)127\.0\.0\.1:(\d+) (\S+)$/.exec(line) ?? [];
  if (method === "") throw new Error(`docs/grpc.md: no call: ${line}`);
  const data = /-d '([^']*)'/.exec(flags)?.[1] ?? "{}";
  const endless = flags.includes("-max-time");
  return { line, port: Number(port), method, data, endless, refusal, answer: undefined };
}

/** Every grpcurl call of the page, in its order. */
export function pageCalls(): PageCall[] {
  const calls: PageCall[] = [];
  for (const { language, text } of blocks()) {
    const last = calls.at(-1);
    if (language === "json" && last)
      calls[calls.length - 1] = { ...last, answer: JSON.parse(text) as unknown };
    if (language !== "sh") continue;
    let refusal: string | undefined;
    for (const line of text.split("\n")) {
      if (line.startsWith("grpcurl")) calls.push(parseCall(line, refusal));
      refusal = /^# refused: (\w+)$/.exec(line)?.[1];
    }
  }
  return calls;
}

/** Every protoc command of the page. */
export function pageGenerations(): string[] {
  return blocks().flatMap(({ text }) => text.split("\n").filter((line) => line.startsWith("protoc ")));
}

/** Whether a program is on the PATH. */
export function isInstalled(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

function commandOf(call: PageCall, address: string): readonly [string, string[]] {
  if (isInstalled("grpcurl")) {
    if (call.method === "list") return ["grpcurl", ["-plaintext", address, "list"]];
    return ["grpcurl", ["-plaintext", "-d", call.data, address, call.method]];
  }
  const base = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];
  if (call.method === "list") return [buf, [...base, "--list-services", `http://${address}`]];
  return [buf, [...base, "-d", call.data, `http://${address}/${call.method}`]];
}

/** The JSON objects that follow each other in a text, each as the tools print them. */
function parseMessages(text: string): unknown[] {
  return text
    .split(/(?<=^\}|^\{\})\n/m)
    .map((part) => part.trim())
    .filter((part) => part.startsWith("{") && part.endsWith("}"))
    .map((part) => JSON.parse(part) as unknown);
}

/** Makes a call of the page at another address. */
export async function makeCall(call: PageCall, address: string): Promise<Answered> {
  const [program, args] = commandOf(call, address);
  // A group of its own: buf is a script that starts the program, and both have to end.
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const end = (): void => void process.kill(-(child.pid ?? 0), "SIGKILL");
  const timeout = setTimeout(end, callTimeoutMs);
  let ended = false;
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (call.endless && !ended && /^\}$/m.test(output)) {
      ended = true;
      end();
    }
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(timeout);
  const isRefused = exitCode !== 0 && !ended;
  const code = /"code": "(\w+)"|Code: (\w+)/.exec(errors);
  const name = code?.[1] ?? code?.[2]?.replace(/(?<=[a-z])[A-Z]/g, "_$&") ?? `exit ${exitCode}: ${errors}`;
  return {
    messages: call.method === "list" ? [] : parseMessages(output),
    output,
    status: isRefused ? name.toUpperCase() : undefined,
  };
}
