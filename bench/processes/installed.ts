import { execFile } from "node:child_process";

/** What a program says about its version, in one line; undefined when it is not installed. */
export async function installedVersion(command: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    execFile(command, ["--version"], (error, stdout) =>
      resolve(error ? undefined : (stdout.split("\n")[0] ?? "").trim()),
    );
  });
}
