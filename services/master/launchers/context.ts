import type { ClusterId, StoreId } from "../../core/ids.js";
import type { Logger } from "../../runtime/log.js";
import type { Settings } from "../../runtime/settings.js";
import type { MasterSettings } from "../settings.js";

/** What every launcher is opened with. */
export interface LauncherContext {
  readonly values: Settings<MasterSettings>;
  /** host:port that stores reach the master at. */
  readonly masterAddress: string;
  readonly clusterId: ClusterId;
  readonly log: Logger;
  /** Whether a store has joined the cluster, as committed. */
  readonly isMember: (storeId: StoreId) => boolean;
}
