import type { MethodDefinition } from "@grpc/grpc-js";
import { invalidArgument } from "../services/core/errors.js";
import { nameType, refusedBy, showValue, unknownOption } from "./option-checks.js";

/** What matters here of a method. */
type RequestOf<Q> = Pick<MethodDefinition<Q, never>, "path" | "requestDeserialize">;

const emptyMessage = Buffer.alloc(0);

/** A method's name as AdminClient has it: `addStore` for `…/AddStore`. */
export function methodName({ path }: { readonly path: string }): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/**
 * The request with a default for each field that is left out or undefined. Throws INVALID_ARGUMENT for a field that the
 * method does not have, or of another type: encoders pass such over, and `dryrun: true` would not be dry.
 */
export function completeRequest<Q>(method: RequestOf<Q>, request: unknown): Q {
  const name = methodName(method);
  if (typeof request !== "object" || request === null || Array.isArray(request)) {
    throw refusedBy(name, invalidArgument("request", `is ${nameType(request)}; give an object`));
  }
  const defaults = method.requestDeserialize(emptyMessage) as Readonly<Record<string, unknown>>;
  const complete: Record<string, unknown> = { ...defaults };
  for (const [field, value] of Object.entries(request)) {
    const expected = defaults[field];
    if (!Object.hasOwn(defaults, field)) {
      throw refusedBy(name, unknownOption(name, field, Object.keys(defaults)));
    }
    if (value === undefined) continue;
    if (typeof value !== typeof expected) {
      throw refusedBy(name, invalidArgument(field, `is ${showValue(value)}; give ${nameType(expected)}`));
    }
    complete[field] = value;
  }
  return complete as Q;
}
