/** What a pod's status says about a store that is being started or stopped. */
import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";

/** A start that goes on, has worked, or cannot work; the text is what Kubernetes says about it. */
export type PodStart =
  | { readonly kind: "waiting"; readonly reason: string }
  | { readonly kind: "started" }
  | { readonly kind: "failed"; readonly reason: string };

/** Reasons of a waiting container that time alone does not mend. */
const hopeless: ReadonlySet<string> = new Set([
  "CrashLoopBackOff",
  "CreateContainerConfigError",
  "CreateContainerError",
  "ErrImageNeverPull",
  "ImagePullBackOff",
  "InvalidImageName",
  "RunContainerError",
]);

function describe(reason: string | undefined, message: string | undefined): string {
  return [reason, message].filter((part) => part !== undefined && part !== "").join(": ");
}

function describeContainer({ state, lastState }: V1ContainerStatus): string {
  const waiting = describe(state?.waiting?.reason, state?.waiting?.message);
  const ended = lastState?.terminated;
  if (ended === undefined) return waiting;
  return `${waiting}; it last ended with status ${ended.exitCode}${ended.message ? `: ${ended.message}` : ""}`;
}

/** Decides how far a pod's start is. `undefined`: there is no such pod. */
export function decidePodStart(pod: V1Pod | undefined): PodStart {
  if (pod === undefined) return { kind: "waiting", reason: "no such pod yet" };
  if (pod.metadata?.deletionTimestamp) return { kind: "waiting", reason: "an earlier pod is still ending" };
  const { phase, containerStatuses = [], initContainerStatuses = [], conditions = [] } = pod.status ?? {};
  const containers = [...initContainerStatuses, ...containerStatuses];
  const stuck = containers.find(({ state }) => hopeless.has(state?.waiting?.reason ?? ""));
  if (stuck) return { kind: "failed", reason: describeContainer(stuck) };
  const started = containerStatuses.every(
    ({ state, started }) => state?.running !== undefined && started !== false,
  );
  if (phase === "Running" && containerStatuses.length > 0 && started) return { kind: "started" };
  const unscheduled = conditions.find(({ type, status }) => type === "PodScheduled" && status === "False");
  const waiting = containers.find(({ state }) => state?.waiting !== undefined);
  const reason =
    describe(unscheduled?.reason, unscheduled?.message) || (waiting && describeContainer(waiting)) || "";
  return { kind: "waiting", reason: reason || describe(pod.status?.reason ?? phase, pod.status?.message) };
}

/** Whether a pod runs and is not on its way out. */
export function isRunning(pod: V1Pod): boolean {
  return pod.status?.phase === "Running" && !pod.metadata?.deletionTimestamp;
}
