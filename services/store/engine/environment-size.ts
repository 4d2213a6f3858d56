import type { Database } from "lmdb";

interface TreeStats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** What lmdb 3.5.6 tells of a table, missing from its types. */
interface TableStats extends TreeStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  /** Of the unnamed table, and of the list of free pages. */
  readonly root: TreeStats;
  readonly free: TreeStats;
}

function pagesOf(tree: TreeStats): number {
  return tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages;
}

/** Bytes within an LMDB file that no tree uses. Some may be held by open snapshots still. */
export function reusableBytesOf(tables: readonly Database[]): number {
  const stats = tables.map((table) => table.getStats() as TableStats);
  const [any] = stats;
  if (any === undefined) return 0;
  const metaPages = 2;
  const used = stats.reduce(
    (pages, table) => pages + pagesOf(table),
    metaPages + pagesOf(any.root) + pagesOf(any.free),
  );
  return Math.max(0, any.lastPageNumber + 1 - used) * any.pageSize;
}

/** Bytes from the start of an LMDB file to the end of the last page that was ever used. */
export function usedBytesOf(table: Database): number {
  const { lastPageNumber, pageSize } = table.getStats() as TableStats;
  return (lastPageNumber + 1) * pageSize;
}
