/**
 * The frame that all pictures share: SVG without scripts or external parts, so that browsers, MLflow and Markdown show it
 * unchanged. Left out: what is drawn inside.
 */

/** Text escaped for SVG. */
export const escape = (text: string): string =>
  text
    // Characters that XML cannot hold even when escaped.
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")

export interface Size {
  readonly width: number
  readonly height: number
}

/** The whole document; the title begins at `left`. */
export const picture = (
  { width, height }: Size,
  title: { readonly left: number; readonly text: string },
  parts: ReadonlyArray<string>,
): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${title.left}" y="18" font-size="13" font-weight="600">${escape(title.text)}</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n")

/** The border of a plot. */
export const border = (x: number, y: number, { width, height }: Size): string =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="none" stroke="#999" stroke-width="0.5"/>`

/** The labels at both ends of a horizontal axis. */
export const ends = (
  from: number,
  to: number,
  y: number,
  [first, last]: readonly [string, string],
): ReadonlyArray<string> => [
  `<text x="${from}" y="${y}" fill="#555">${first}</text>`,
  `<text x="${to}" y="${y}" text-anchor="end" fill="#555">${last}</text>`,
]
