import { ApiException } from "@kubernetes/client-node";
import { EkvError } from "../../../core/errors.js";

/** What an API server answered, or that it did not: status 0. */
export interface Refusal {
  /** HTTP status. */
  readonly status: number;
  /** Of the answer's Status object: what happened, for people. */
  readonly message: string;
  /** Of the header Retry-After, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

const transientStatuses: ReadonlySet<number> = new Set([0, 408, 429, 500, 502, 503, 504]);

function messageOf(body: unknown): string | undefined {
  let parsed = body;
  if (typeof body === "string") {
    try {
      parsed = JSON.parse(body) as unknown;
    } catch {
      return body.slice(0, 200);
    }
  }
  if (typeof parsed !== "object" || parsed === null || !("message" in parsed)) return undefined;
  return typeof parsed.message === "string" ? parsed.message : undefined;
}

/** Reads an error of a call. Rethrows what is none: a bug. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof ApiException) {
    const headers: unknown = error.headers;
    const after = (headers as Readonly<Record<string, string | undefined>>)["retry-after"];
    const seconds = after !== undefined && /^\d+$/.test(after) ? Number(after) : undefined;
    return {
      status: error.code,
      message: messageOf(error.body) ?? /^Message: (.*)$/m.exec(error.message)?.[1] ?? error.message,
      retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
    };
  }
  if (error instanceof EkvError || error instanceof TypeError || !(error instanceof Error)) throw error;
  return { status: 0, message: error.message, retryAfterMs: undefined };
}

/** Whether the same call may succeed a little later: too many calls, a server that is not there, or not well. */
export function isTransient({ status }: Refusal): boolean {
  return transientStatuses.has(status);
}

/** What an operator is told. */
export function refusalError(refusal: Refusal, what: string, cause: unknown): EkvError {
  const { status, message } = refusal;
  if (isTransient(refusal)) {
    return new EkvError("UNAVAILABLE", `the Kubernetes API does not answer to ${what}: ${message}`, {
      notExecuted: true,
      cause,
    });
  }
  const advice =
    status === 401 || status === 403
      ? "; the master's service account needs the Role of k8s/base/launcher-role.yaml"
      : status === 404
        ? "; check --kubernetes-namespace and --kubernetes-stateful-set"
        : "";
  return new EkvError(
    "FAILED_PRECONDITION",
    `the Kubernetes API refuses to ${what} (${status}): ${message}${advice}`,
    { notExecuted: true, cause },
  );
}
