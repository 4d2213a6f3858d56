/** What a disk holds: names and contents. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

/** A file, whatever its name is; 0 is the folder. */
export type FileNumber = number;

/** The folder, where a sync names what it syncs. */
export const folderNumber: FileNumber = 0;

/** A change of a file's content. */
export type ContentChange =
  | {
      readonly kind: "write";
      readonly file: FileNumber;
      readonly position: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "truncate"; readonly file: FileNumber; readonly size: number };

/** A change of the folder's entries. */
export type EntryChange =
  | { readonly kind: "create"; readonly name: string; readonly file: FileNumber }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly name: string };

/**
 * One thing that happened to a disk. A sync makes durable what happened before it was called, and says so when it ends: two
 * events, between which others happen.
 */
export type DiskEvent =
  | ContentChange
  | EntryChange
  | { readonly kind: "syncBegun"; readonly sync: number; readonly file: FileNumber }
  | { readonly kind: "synced"; readonly sync: number };
