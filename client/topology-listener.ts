import type { Topology } from "../services/core/topology.js";

/** The caller's `onTopology`. What it throws, or rejects with, is a warning of the process: no call is to blame for it. */
export class TopologyListener {
  readonly #callback: ((topology: Topology) => unknown) | undefined;
  #begun = false;

  constructor(callback: ((topology: Topology) => unknown) | undefined) {
    this.#callback = callback;
  }

  /** The caller has its client: it is told from now on. */
  begin(topology: () => Topology): void {
    this.#begun = true;
    this.changed(topology);
  }

  /** @param topology makes the copy that the caller gets */
  changed(topology: () => Topology): void {
    if (this.#begun && this.#callback) void notify(this.#callback, topology());
  }
}

async function notify(callback: (topology: Topology) => unknown, topology: Topology): Promise<void> {
  try {
    await callback(topology);
  } catch (error) {
    const detail = error instanceof Error ? error.stack : undefined;
    process.emitWarning(`onTopology threw: ${String(error)}`, {
      type: "ElasticKvWarning",
      ...(detail !== undefined && { detail }),
    });
  }
}
