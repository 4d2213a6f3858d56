import { EkvError } from "../../core/errors.js";
import type { StoreId } from "../../core/ids.js";
import type { Launcher } from "../../core/ports/launcher.js";

/** A {@link Launcher} for clusters whose stores somebody else starts and stops. */
export function createNoLauncher(options: {
  /** Address of the master, as stores reach it: named in what an operator is told to run. */
  readonly masterAddress: string;
}): Launcher {
  const refuse = async (storeId: StoreId): Promise<never> => {
    throw new EkvError(
      "FAILED_PRECONDITION",
      `this master has no launcher, so it cannot start store ${storeId}. Start it by hand, on any machine: ` +
        `node dist/services/store/main.js --store-id ${storeId} --master ${options.masterAddress} ` +
        `--data <folder> --host <address> --port <port>; or restart the master with --launcher process`,
      { notExecuted: true },
    );
  };
  return {
    name: "none",
    launch: refuse,
    // Nothing was started here, so nothing is left to stop: whoever started the store stops it.
    remove: async () => {},
    list: async () => [],
    close: async () => {},
  };
}
