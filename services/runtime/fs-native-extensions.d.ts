declare module "fs-native-extensions" {
  /**
   * Takes an exclusive lock of the operating system on an open file, which must be open for writing. False: another
   * open file has it. The lock ends when the file is closed, or its process ends. Throws an error with a `code` when the
   * file system has no locks.
   */
  export function tryLock(fd: number): boolean;
}
