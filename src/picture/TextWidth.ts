/**
 * How wide a text is in the font of the pictures, by the advances of its characters (`fonts/widths.json`, written by
 * `npm run fonts`): so labels are laid out in Node as a browser lays them out. Kerning is left out; it only narrows.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../disk/Installation.ts"

export type Weight = "normal" | "bold"

type Advances = Readonly<Record<string, number>>

/** Of a character that the font lacks: as wide as the widest letters. */
const unknown = 1

let read: Readonly<Record<string, Advances>> | undefined
const advances = (weight: Weight): Advances => {
  read ??= JSON.parse(readFileSync(join(root, "fonts", "widths.json"), "utf8")) as Readonly<
    Record<string, Advances>
  >
  return read[weight === "bold" ? "600" : "400"] ?? {}
}

/** In pixels. */
export const textWidth = (text: string, size: number, weight: Weight = "normal"): number => {
  const own = advances(weight)
  return size * [...text].reduce((sum, character) => sum + (own[character] ?? unknown), 0)
}
