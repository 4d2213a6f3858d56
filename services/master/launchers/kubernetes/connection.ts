import { existsSync } from "node:fs";
import { KubeConfig } from "@kubernetes/client-node";
import { EkvError } from "../../../core/errors.js";

/** Where the API server is and who asks. */
export interface KubernetesConnection {
  readonly config: KubeConfig;
  readonly namespace: string;
}

function fix(message: string, cause?: unknown): EkvError {
  return new EkvError("FAILED_PRECONDITION", message, { notExecuted: true, cause });
}

function read(path: string): KubeConfig {
  const config = new KubeConfig();
  if (path !== "") {
    try {
      config.loadFromFile(path);
    } catch (error) {
      throw fix(`the kubeconfig ${path} cannot be read: ${String(error)}`, error);
    }
    return config;
  }
  config.loadFromCluster();
  const { caFile } = config.getCurrentCluster() ?? {};
  if (caFile !== undefined && existsSync(caFile)) return config;
  throw fix(
    "--launcher kubernetes finds no service account: run the master in a pod that mounts its token, " +
      "or give --kubernetes-config with the path of a kubeconfig",
  );
}

/**
 * Reads the kubeconfig at `path`; empty: the service account of the pod that this process runs in. `namespace` empty: the
 * one named there. Rejects with `FAILED_PRECONDITION` that says what is missing. Asks no server anything.
 */
export function readConnection(path: string, namespace: string): KubernetesConnection {
  const config = read(path);
  if (!config.getCurrentCluster()) throw fix(`the kubeconfig ${path} names no current cluster`);
  const context = config.getContextObject(config.getCurrentContext());
  return { config, namespace: namespace !== "" ? namespace : (context?.namespace ?? "default") };
}
