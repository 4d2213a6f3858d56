import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../options.js";
import { program, startProgram } from "./child.js";

/**
 * Checks out and builds another version of this repository, with the libraries that it names.
 *
 * @param ref a commit, branch or tag of this clone; a `UsageError` when there is none
 * @param folder an empty one for it
 * @returns the folder of its compiled programs
 */
export async function buildOf(ref: string, folder: string): Promise<string> {
  const root = program("..");
  const commit = await startProgram("git", [
    "-C",
    root,
    "rev-parse",
    "--verify",
    `${ref}^{commit}`,
  ]).output.catch((error: unknown) => {
    throw new UsageError(`--against ${ref}: this clone has no such commit`, { cause: error });
  });
  const archive = `${folder}.tar`;
  await mkdir(folder, { recursive: true });
  await startProgram("git", ["-C", root, "archive", "--output", archive, commit.trim()]).output;
  await startProgram("tar", ["-xf", archive, "-C", folder]).output;
  const npm = async (...args: readonly string[]): Promise<void> =>
    void (await startProgram("npm", ["--prefix", folder, ...args]).output);
  // It is built by the next command, not while it is installed: that says more when it fails.
  await npm("ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund");
  await npm("run", "build");
  return join(folder, "dist");
}
