/**
 * A picture: a Vega-Lite specification as plain JSON, with a title and words for who does not see it. A specification
 * names no colours of a theme: the configuration of light or dark is added where it is drawn (`Theme.ts`). Left out:
 * drawing (`Render.ts`), what a picture shows (one file each).
 */
import { textWidth } from "./TextWidth.ts"

/** Plain JSON. */
export type Json =
  | string
  | number
  | boolean
  | null
  | undefined
  | ReadonlyArray<Json>
  | { readonly [key: string]: Json }

export type Spec = { readonly [key: string]: Json }

export interface Picture {
  readonly title: string
  /** What it shows, in words: the alternative text. */
  readonly description: string
  readonly spec: Spec
}

/** What a trial or an arm is: found by a search, or one of the controls it is compared with. */
export type Role = "search" | "uniform" | "wideThenUniform" | "random"

const schema = "https://vega.github.io/schema/vega-lite/v6.json"
const titleSize = 15
export const subtitleSize = 12

/** `1 arm`, `3 arms`. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`

const widthOf = (text: string, size: number, weight: "normal" | "bold" = "normal"): number =>
  textWidth(text, size, weight)

/** Text in lines of at most this width; a longer word is a line of its own. */
export const wrapped = (
  text: string,
  width: number,
  size: number,
  weight: "normal" | "bold" = "normal",
): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`
    if (lines.length > 0 && widthOf(longer, size, weight) <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** Text cut to a width, with three dots in place of the rest. */
export const shortened = (text: string, width: number, size: number): string => {
  if (widthOf(text, size) <= width) return text
  let kept = [...text]
  while (kept.length > 1 && widthOf(`${kept.join("")}...`, size) > width) kept = kept.slice(0, -1)
  return `${kept.join("").trimEnd()}...`
}

/** Names cut to a width and still different from each other: of two that would become equal, the second gets a number. */
export const shortNames = (
  names: ReadonlyArray<string>,
  width: number,
  size: number,
): ReadonlyMap<string, string> => {
  const taken = new Set<string>()
  return new Map(
    names.map((name) => {
      const short = shortened(name, width, size)
      let own = short
      for (let n = 2; taken.has(own); n++) own = `${short} (${n})`
      taken.add(own)
      return [name, own]
    }),
  )
}

/** The whole of a picture. Titles are broken into lines as wide as the plot. */
export const picture = (
  {
    description,
    subtitle,
    title,
    width,
  }: {
    readonly title: string
    readonly subtitle: string
    readonly description: string
    /** Of the plot with its labels, in pixels. */
    readonly width: number
  },
  content: Spec,
): Picture => ({
  title,
  description,
  spec: {
    $schema: schema,
    description,
    title: {
      text: wrapped(title, width, titleSize, "bold"),
      ...(subtitle === "" ? {} : { subtitle: wrapped(subtitle, width, subtitleSize) }),
    },
    ...content,
  },
})
