import { z } from "zod";
import { isAddress, isReachable } from "../core/checks.js";

/** A whole number within bounds, in digits or as a JSON number. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  const inBounds = z
    .int("give a whole number")
    .min(min, `give at least ${min}`)
    .max(max, `give at most ${max}`);
  return z.preprocess(
    // Not z.coerce: it reads an empty text as 0, and true as 1.
    (value) => (typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value),
    inBounds,
  );
}

/** `true` or `false`. */
export const flag: z.ZodType<boolean> = z
  .union([z.boolean(), z.enum(["true", "false"], "give true or false")])
  .transform((value) => value === true || value === "true");

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): z.ZodType<T> {
  return z
    .string()
    .refine(
      (value): value is T => words.includes(value as T),
      `give one of: ${words.join(", ")}`,
    ) as z.ZodType<T>;
}

/** Any text. */
export const text: z.ZodType<string> = z.string("give a text");

/** host:port that others reach a server at; empty where that is allowed by the default. */
export const address: z.ZodType<string> = z
  .string("give host:port")
  .refine(
    (value) => value === "" || isReachable(value),
    "give host:port that others reach, with a port of 1 to 65535; 0.0.0.0 is only to listen on",
  );

/** As {@link address}, or `auto`. */
export const autoOrAddress: z.ZodType<string> = z
  .string("give host:port or auto")
  .refine(
    (value) => value === "" || value === "auto" || isReachable(value),
    "give host:port that others reach, with a port of 1 to 65535, or auto; 0.0.0.0 is only to listen on",
  );

/** host:port, one or more, separated by commas. */
export const addresses: z.ZodType<readonly string[]> = z
  .string("give host:port, or several with commas between")
  .transform((value) => value.split(",").map((one) => one.trim()))
  .refine((list) => list.every(isAddress), "give host:port, or several with commas between");

/** A JSON array of texts. */
export const textList: z.ZodType<readonly string[]> = z.preprocess(
  (value, context) => {
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value) as unknown;
    } catch {
      context.addIssue({ code: "custom", message: 'give a JSON array of texts, like ["--weight","2"]' });
      return z.NEVER;
    }
  },
  z.array(z.string(), "give a JSON array of texts"),
);
