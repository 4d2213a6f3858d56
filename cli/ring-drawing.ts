import type { DescribeRingResponse, RingRange } from "../services/gen/elastickv/v1/master.js";
import type { Palette } from "./output.js";
import { formatBytes, formatCount, formatNoun, formatShare } from "./quantities.js";
import { formatTable } from "./table.js";

/** Hashes on the ring. */
const ringSize = 2 ** 32;
/** Rows of the strip at most: it shall stay on one screen with the table. */
const rowsMax = 8;
const rowCellsMax = 64;
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const unassignedCell = ".";
/** Below this width the table keeps its first columns only. */
const narrowColumns = 60;

/** What one store holds of the ring. */
export interface StoreShare {
  readonly storeId: string;
  /** In [0, 1]. */
  readonly share: number;
  readonly ranges: number;
  readonly partitions: number;
  readonly keys: number;
  readonly bytes: number;
}

/** The ranges added up by store, in the order of the names; what is unassigned under the empty name, last. */
export function ringShares(ring: DescribeRingResponse): StoreShare[] {
  const shares = new Map<string, StoreShare>();
  for (const item of ring.ranges) {
    const share = shares.get(item.storeId);
    shares.set(item.storeId, {
      storeId: item.storeId,
      share: (share?.share ?? 0) + lengthOf(item) / ringSize,
      ranges: (share?.ranges ?? 0) + 1,
      partitions: (share?.partitions ?? 0) + item.partitions,
      keys: (share?.keys ?? 0) + item.keys,
      bytes: (share?.bytes ?? 0) + item.bytes,
    });
  }
  const seam = shares.get(ownerOfSeam(ring) ?? "");
  if (seam) shares.set(seam.storeId, { ...seam, ranges: seam.ranges - 1 });
  return [...shares.values()].sort((a, b) => compareStores(a.storeId, b.storeId));
}

/** The store whose one range crosses the end of the ring, where the list of ranges cuts it in two. */
function ownerOfSeam({ ranges }: DescribeRingResponse): string | undefined {
  const [first, last] = [ranges[0], ranges.at(-1)];
  if (ranges.length < 2 || first?.range?.start !== 0 || last?.range?.end !== ringSize) return undefined;
  return first.storeId === last.storeId ? first.storeId : undefined;
}

function compareStores(a: string, b: string): number {
  if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
  return a.localeCompare(b, "en", { numeric: true });
}

function lengthOf(item: RingRange): number {
  return item.range ? item.range.end - item.range.start : 0;
}

/** Of each of `cells` equal parts of the ring, the store that holds most of it; the empty name where nobody does. */
export function ringCells(ring: DescribeRingResponse, cells: number): string[] {
  const ranges = ring.ranges
    .flatMap((item) => (item.range ? [{ ...item.range, storeId: item.storeId }] : []))
    .sort((a, b) => a.start - b.start);
  const owners: string[] = [];
  let first = 0;
  for (let cell = 0; cell < cells; cell += 1) {
    const start = (cell * ringSize) / cells;
    const end = ((cell + 1) * ringSize) / cells;
    while ((ranges[first]?.end ?? ringSize) <= start && first < ranges.length) first += 1;
    const held = new Map<string, number>();
    for (let i = first; i < ranges.length; i += 1) {
      const range = ranges[i];
      if (!range || range.start >= end) break;
      const overlap = Math.min(end, range.end) - Math.max(start, range.start);
      held.set(range.storeId, (held.get(range.storeId) ?? 0) + overlap);
    }
    const most = [...held].reduce<[string, number]>(
      (best, next) => (next[1] > best[1] ? next : best),
      ["", 0],
    );
    owners.push(most[0]);
  }
  return owners;
}

/** How the ring is drawn. */
export interface RingStyle {
  /** Width of the terminal in characters. */
  readonly columns: number;
  readonly palette: Palette;
}

/**
 * The ring as a strip that reads on from line to line, each cell the letter (and colour) of the store that holds most
 * of it, and a table of the stores. Ends with a newline.
 */
export function drawRing(ring: DescribeRingResponse, style: RingStyle): string {
  const shares = ringShares(ring);
  const marks = new Map(shares.filter(({ storeId }) => storeId !== "").map(({ storeId }, i) => [storeId, i]));
  const title = `${formatNoun(ring.partitionCount, "partition")}, topology version ${ring.topologyVersion}`;
  return `${title}\n\n${drawStrip(ring, marks, style)}\n${drawShares(shares, marks, style)}`;
}

function drawStrip(
  ring: DescribeRingResponse,
  marks: ReadonlyMap<string, number>,
  { columns, palette }: RingStyle,
): string {
  const labelled = columns >= 40;
  const room = columns - 1 - (labelled ? 10 : 0);
  const perRow = Math.max(8, Math.min(rowCellsMax, 2 ** Math.floor(Math.log2(Math.max(1, room)))));
  const rows = Math.min(rowsMax, Math.max(1, Math.ceil(ring.partitionCount / perRow)));
  const owners = ringCells(ring, rows * perRow);
  let text = "";
  for (let row = 0; row < rows; row += 1) {
    const start = Math.floor((row * ringSize) / rows);
    const label = labelled ? `${palette.dim(start.toString(16).padStart(8, "0"))}  ` : "";
    const cells = owners.slice(row * perRow, (row + 1) * perRow);
    text += `${label}${drawCells(cells, marks, palette)}\n`;
  }
  return text;
}

/** Cells of one owner that follow each other share one escape sequence. */
function drawCells(owners: readonly string[], marks: ReadonlyMap<string, number>, palette: Palette): string {
  let text = "";
  for (let start = 0; start < owners.length;) {
    const owner = owners[start];
    let end = start + 1;
    while (end < owners.length && owners[end] === owner) end += 1;
    const mark = owner === undefined ? undefined : marks.get(owner);
    const cells = letterOf(mark).repeat(end - start);
    text += mark === undefined ? cells : palette.filled(mark, cells);
    start = end;
  }
  return text;
}

function letterOf(mark: number | undefined): string {
  return mark === undefined ? unassignedCell : (letters[mark % letters.length] ?? unassignedCell);
}

function drawShares(
  shares: readonly StoreShare[],
  marks: ReadonlyMap<string, number>,
  { columns: width, palette }: RingStyle,
): string {
  const columns = [
    { title: "" },
    { title: "STORE" },
    { title: "SHARE", numeric: true },
    { title: "KEYS", numeric: true },
    { title: "PARTITIONS", numeric: true },
    { title: "RANGES", numeric: true },
    { title: "BYTES", numeric: true },
  ] as const;
  const rows = shares.map((share) => {
    const mark = marks.get(share.storeId);
    const letter = letterOf(mark);
    return [
      mark === undefined ? letter : palette.filled(mark, letter),
      share.storeId === "" ? "(unassigned)" : share.storeId,
      formatShare(share.share),
      formatCount(share.keys),
      formatCount(share.partitions),
      formatCount(share.ranges),
      formatBytes(share.bytes),
    ];
  });
  const kept = width < narrowColumns ? 4 : columns.length;
  return formatTable(
    columns.slice(0, kept),
    rows.map((row) => row.slice(0, kept)),
    palette,
  );
}

/** Every merged range, in the order of the ring. Ends with a newline. */
export function formatRanges(ring: DescribeRingResponse, palette: Palette): string {
  const columns = [
    { title: "START" },
    { title: "END" },
    { title: "STORE" },
    { title: "SHARE", numeric: true },
    { title: "PARTITIONS", numeric: true },
    { title: "KEYS", numeric: true },
    { title: "BYTES", numeric: true },
  ] as const;
  const rows = ring.ranges.map((item) => [
    (item.range?.start ?? 0).toString(16).padStart(8, "0"),
    (item.range?.end ?? 0).toString(16).padStart(8, "0"),
    item.storeId === "" ? "(unassigned)" : item.storeId,
    formatShare(lengthOf(item) / ringSize),
    formatCount(item.partitions),
    formatCount(item.keys),
    formatBytes(item.bytes),
  ]);
  return formatTable(columns, rows, palette);
}
