/** Reasons of the operating system in words, by the name of the error. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EEXIST: "exists already",
  EFBIG: "the file would be too large",
  EIO: "the device failed (input/output error)",
  EISDIR: "is a folder",
  ENOENT: "no such file or folder",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a folder",
  EPERM: "not permitted",
  EPIPE: "the reader has gone",
  EROFS: "the file system is read-only",
};

/** What an error code such as `ENOSPC` means; undefined for one without a text. */
export function systemReason(code: string): string | undefined {
  return reasons[code];
}
