import { isAddress } from "../services/core/checks.js";
import { nameType, type OptionCheck, showValue } from "./option-checks.js";

const advice = 'give host:port of masters or stores, such as ["127.0.0.1:7400"]';

/** What is wrong with a list of seeds, if anything. */
export const seedsCheck: OptionCheck = (value) => {
  if (value === undefined) return `is missing; ${advice}`;
  if (!Array.isArray(value)) return `is ${nameType(value)}; ${advice}`;
  if (value.length === 0) return `is empty; ${advice}`;
  const at = value.findIndex((seed) => typeof seed !== "string" || !isAddress(seed));
  return at < 0 ? undefined : `has ${showValue(value[at])}; give host:port`;
};
