/** Escapes text for XML. */
function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** An element with attributes, around children that are markup already. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly string[]
): string {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : escapeText(value)}"`)
    .join("");
  return children.length === 0 ? `<${name}${list}/>` : `<${name}${list}>${children.join("")}</${name}>`;
}

/** A line of text. `anchor`: which of its ends is at x. */
export function label(
  x: number,
  y: number,
  text: string,
  anchor: "start" | "middle" | "end" = "start",
  attributes: Readonly<Record<string, string | number>> = {},
): string {
  return element("text", { x, y, "text-anchor": anchor, fill: ink, ...attributes }, escapeText(text));
}

/** A whole picture on a white ground, so that it can be read on a dark page too. */
export function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  const frame = {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "font-family": "system-ui, sans-serif",
    "font-size": 12,
  };
  return `${element(
    "svg",
    frame,
    element("rect", { width, height, fill: "#ffffff" }),
    label(16, 26, title, "start", { "font-size": 15, "font-weight": "bold" }),
    ...parts,
  )}\n`;
}

/** Of text. */
export const ink = "#222222";
/** Of axes and grids. */
export const faint = "#dddddd";

/** Colours that can be told apart, also by people who see few: Okabe and Ito. */
export const colours: readonly string[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#555555",
  "#b5a900",
];

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
