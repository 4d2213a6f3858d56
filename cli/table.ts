import Table from "cli-table3";
import type { Palette } from "./output.js";

/** A column: its heading, and whether its cells are numbers (aligned right). */
export interface Column {
  readonly title: string;
  readonly numeric?: true;
}

/** Rows of text under headings, without rules, so that it reads well and is easy to cut. Ends with a newline. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  palette: Palette,
): string {
  const none = "";
  const table = new Table({
    head: columns.map((column) => palette.dim(column.title)),
    colAligns: columns.map((column) => (column.numeric ? "right" : "left")),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: {
      top: none,
      "top-mid": none,
      "top-left": none,
      "top-right": none,
      bottom: none,
      "bottom-mid": none,
      "bottom-left": none,
      "bottom-right": none,
      left: none,
      "left-mid": none,
      mid: none,
      "mid-mid": none,
      right: none,
      "right-mid": none,
      middle: none,
    },
  });
  for (const row of rows) table.push([...row]);
  const lines = table.toString().split("\n");
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** Names and values, one pair a line, values aligned. Ends with a newline. */
export function formatPairs(pairs: readonly (readonly [string, string])[], palette: Palette): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${palette.dim(name.padEnd(width))}  ${value}\n`).join("");
}
