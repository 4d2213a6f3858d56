import { isStoreId, type StoreId } from "../../core/ids.js";
import { addresses, text, wholeNumber } from "../../runtime/setting-types.js";
import { requiredSetting, type Setting, setting, type SettingsSchema } from "../../runtime/settings.js";
import type { z } from "zod";

/** What each setting of the leave command holds. */
export interface LeaveSettings extends SettingsSchema {
  readonly storeId: Setting<StoreId>;
  readonly masters: Setting<readonly string[]>;
  readonly leaveWaitMs: Setting<number>;
  readonly leaveUnknownMs: Setting<number>;
}

const storeIdText = text.refine(isStoreId, "give the store's name") as z.ZodType<StoreId>;

/** The settings of the leave command; name and master are the store's own. */
export const leaveSettings: LeaveSettings = {
  storeId: requiredSetting("store-id", storeIdText, "The store that is about to be stopped."),
  masters: requiredSetting("master", addresses, "host:port of the master, or several with commas between."),
  leaveWaitMs: setting(
    "leave-wait-ms",
    wholeNumber(0),
    3_540_000,
    "Longest wait for the data of a store that is wanted no more to move away, in milliseconds.",
  ),
  leaveUnknownMs: setting(
    "leave-unknown-ms",
    wholeNumber(0),
    30_000,
    "Longest wait for a master that can say whether the store is wanted, in milliseconds.",
  ),
};
