/** Settings that belong to a store's data: a run with others would lose the data, or break what was promised for it. */
import { presentEngine } from "../../data-settings.js";
import type { StoreId } from "../../ids.js";
import type { Registration } from "../events.js";
import type { StoreRecord } from "../state/records.js";

/**
 * Why a registration's engine or durability does not fit what is recorded of the store, or of the others when the store
 * is new; undefined: it fits. What is not recorded or not said fits everything.
 */
export function decideSettingsRefusal(
  known: StoreRecord | undefined,
  stores: readonly StoreRecord[],
  registration: Registration,
): string | undefined {
  const { storeId } = registration;
  const others = stores.filter((store) => store.storeId !== (storeId as StoreId));
  return engineRefusal(known, others, registration) ?? durabilityRefusal(known, others, registration);
}

function engineRefusal(
  known: StoreRecord | undefined,
  others: readonly StoreRecord[],
  { storeId, engine }: Registration,
): string | undefined {
  if (engine === undefined) return undefined;
  const given = presentEngine(engine);
  if (known?.engine !== undefined) {
    const own = presentEngine(known.engine);
    if (own === given) return undefined;
    return (
      `store ${storeId} keeps its data with --engine ${own} and was started with --engine ${engine}: ` +
      `start it with --engine ${own}`
    );
  }
  const engines = new Set(others.flatMap((store) => store.engine ?? []).map(presentEngine));
  if (engines.size === 0 || engines.has(given)) return undefined;
  const kept = [...engines].sort().join(" and ");
  return (
    `this cluster keeps its data with --engine ${kept} and store ${storeId} was started with --engine ${engine}: ` +
    `start it with --engine ${kept}`
  );
}

function durabilityRefusal(
  known: StoreRecord | undefined,
  others: readonly StoreRecord[],
  { storeId, durability }: Registration,
): string | undefined {
  if (durability !== "commit") return undefined;
  const promised = known?.durability === undefined ? others : [known];
  const levels = promised.flatMap((store) => store.durability ?? []);
  if (levels.length === 0 || levels.some((level) => level !== "fsync")) return undefined;
  return (
    `writes ${known?.durability === undefined ? "to this cluster" : `to store ${storeId}`} were acknowledged with ` +
    `--durability fsync and store ${storeId} was started with --durability commit: start it with --durability fsync`
  );
}
