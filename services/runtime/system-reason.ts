/** Reasons of the operating system in words, by the name of the error. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EEXIST: "exists already",
  EFBIG: "the file would be too large",
  EIO: "the device failed (input/output error)",
  EISDIR: "is a folder",
  ELOOP: "its symbolic links lead in a circle",
  EMFILE: "the process has too many files open",
  ENAMETOOLONG: "the name is too long",
  ENFILE: "the machine has too many files open",
  ENOENT: "no such file or folder",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a folder",
  EPERM: "not permitted",
  EPIPE: "the reader has gone",
  EROFS: "the file system is read-only",
  ESTALE: "the network file system has lost it",
};

/** What an error code such as `ENOSPC` means; undefined for one without a text. */
export function systemReason(code: string): string | undefined {
  return reasons[code];
}

/** The system's name for an error, such as `ENOSPC`; undefined when it is none of the system's. */
export function systemErrorName(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}
