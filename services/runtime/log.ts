import { inspect } from "node:util";
import winston from "winston";
import { openLogOutput } from "./log-output.js";

/** Severities, most severe first. */
export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

/** `auto`: readable in a terminal, JSON elsewhere. */
export const logFormats = ["auto", "json", "pretty"] as const;
export type LogFormat = (typeof logFormats)[number];

/** What else a log line says. Errors are rendered with their stacks; `level`, `message` and `service` are the line's own. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where services write what happens. Never on the path of a data call. */
export interface Logger {
  /** Whether `debug` lines are written: ask before building an expensive one. */
  readonly debugEnabled: boolean;
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

/** How a logger is made. */
export interface LogOptions {
  /** `master` or `store`, with the id: on every line. */
  readonly service: string;
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/** A logger on standard output. What cannot be written there is dropped. */
export function createLogger({ service, level, format }: LogOptions): Logger {
  const pretty = format === "pretty" || (format === "auto" && process.stdout.isTTY);
  const { combine, timestamp, colorize, printf, json } = winston.format;
  const readable = printf((info) => {
    const { timestamp: time, level: severity, message, service: from, ...fields } = info;
    const rest = Object.entries(fields)
      .map(
        ([name, value]) =>
          ` ${name}=${typeof value === "string" ? value : inspect(value, { breakLength: Infinity })}`,
      )
      .join("");
    return `${String(time)} ${severity} ${String(from)}: ${String(message)}${rest}`;
  });
  const logger = winston.createLogger({
    level,
    defaultMeta: { service },
    format: pretty ? combine(timestamp(), colorize(), readable) : combine(timestamp(), json()),
    transports: [new winston.transports.Stream({ stream: openLogOutput() })],
  });
  return wrap(logger, {}, level === "debug");
}

function wrap(logger: winston.Logger, base: LogFields, debugEnabled: boolean): Logger {
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      // In this order, and as one object: winston appends a field named `message` to the message otherwise.
      logger.log({ ...renderErrors({ ...base, ...fields }), level, message });
    };
  return {
    debugEnabled,
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: debugEnabled ? write("debug") : () => undefined,
    child: (fields) => wrap(logger, { ...base, ...fields }, debugEnabled),
  };
}

/** An Error has no enumerable fields of its own: JSON would show nothing of it. */
function renderErrors(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? describe(value) : value]),
  );
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${describe(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
