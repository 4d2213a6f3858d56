import { EkvError } from "../../../core/errors.js";
import { describeTlsError } from "./tls-error.js";

/** HTTP status of the engine's answer; undefined: there was no answer. */
export function engineStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Whether the engine did not answer: it is down, restarting, or out of reach. */
function isUnreachable(error: unknown): boolean {
  const status = engineStatus(error);
  if (status !== undefined) return status === 502 || status === 503;
  return !(error instanceof EkvError);
}

/** An engine that refuses a certificate may close before its reason is read. */
function isCutOff(code: string | undefined): boolean {
  return code === "ECONNRESET" || code === "EPIPE";
}

const cutOffHint =
  "; if it is reached by TLS, perhaps it does not accept the master's certificate: see cert.pem and key.pem in the folder that " +
  "DOCKER_CERT_PATH names";

function textOf(error: unknown): string {
  // docker-modem begins with "(HTTP code 409) conflict - ".
  return error instanceof Error
    ? error.message.replace(/^\(HTTP code \d+\) [\w ]+ - /, "").trim()
    : String(error);
}

/**
 * What went wrong between the master and the engine, in an operator's words.
 *
 * @param task what the engine was asked for: "start container x"
 * @param where the engine's address, as configured
 */
export function engineError(cause: unknown, task: string, where: string): EkvError {
  if (cause instanceof EkvError) return cause;
  const status = engineStatus(cause);
  const code = systemCode(cause);
  if (code === "EACCES") {
    return new EkvError(
      "FAILED_PRECONDITION",
      `the master may not use the Docker engine at ${where}: run it with the group of that socket, or set DOCKER_HOST`,
      { notExecuted: true, cause },
    );
  }
  const tls = describeTlsError(code ?? "", textOf(cause));
  if (tls !== undefined) {
    const message = `the Docker engine at ${where} ${tls}`;
    return new EkvError("FAILED_PRECONDITION", message, { notExecuted: true, cause });
  }
  if (isUnreachable(cause)) {
    return new EkvError(
      "UNAVAILABLE",
      `the Docker engine at ${where} does not answer (${textOf(cause)}), so it could not ${task}: ` +
        `start it, or set DOCKER_HOST to where it is, and try again${isCutOff(code) ? cutOffHint : ""}`,
      { cause },
    );
  }
  if (status === 401 || status === 403) {
    return new EkvError(
      "FAILED_PRECONDITION",
      `the Docker engine at ${where}, or the proxy before it, does not let the master ${task}: ${textOf(cause)}`,
      { notExecuted: true, cause },
    );
  }
  const kind = status !== undefined && status < 500 ? "FAILED_PRECONDITION" : "INTERNAL";
  return new EkvError(kind, `the Docker engine at ${where} could not ${task}: ${textOf(cause)}`, { cause });
}
