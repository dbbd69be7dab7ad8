/**
 * How pictures look, light and dark: one Vega-Lite configuration each. Hues are Okabe and Ito's, which people with any
 * colour blindness can tell apart, moved until each has a contrast of at least 3 to 1 with its ground. Ordered values go
 * from a pale to a strong blue, so that they are read as an order, in grey too.
 */
import type { Spec } from "./Picture.ts"

export const themes = ["light", "dark"] as const
export type Theme = (typeof themes)[number]

export const fontFamily = "IBM Plex Sans"
export const labelSize = 11

interface Colours {
  readonly ground: string
  readonly text: string
  /** Axes, captions, what is not the point. */
  readonly faint: string
  readonly grid: string
  /** Controls. */
  readonly control: string
  readonly hues: ReadonlyArray<string>
  /** From little to much. */
  readonly ramp: ReadonlyArray<string>
  readonly onPale: string
  readonly onStrong: string
}

export const colours: Readonly<Record<Theme, Colours>> = {
  light: {
    ground: "#ffffff",
    text: "#1b1b1f",
    faint: "#5a5a63",
    grid: "#e4e4e8",
    control: "#6b6b75",
    hues: ["#0072b2", "#d55e00", "#008a64", "#b5528b", "#a67c00", "#3d8fc9"],
    ramp: ["#dcebf7", "#a5cbe6", "#65a5d1", "#2f7ab5", "#144f86", "#082a52"],
    onPale: "#1b1b1f",
    onStrong: "#ffffff",
  },
  dark: {
    ground: "#16161a",
    text: "#ececf0",
    faint: "#a9a9b4",
    grid: "#33333b",
    control: "#9a9aa6",
    hues: ["#4da6e8", "#f08040", "#2fbf95", "#dd8dbd", "#e0ac2b", "#a3d8f7"],
    ramp: ["#20324a", "#2a4f7c", "#3a74b0", "#5e9bd6", "#9cc5ee", "#dcecfb"],
    onPale: "#ececf0",
    onStrong: "#16161a",
  },
}

/** The configuration that a specification is drawn with. */
export const configOf = (theme: Theme): Spec => {
  const { control, faint, grid, ground, hues, onPale, onStrong, ramp, text } = colours[theme]
  const label = { labelColor: faint, labelFontSize: labelSize, titleColor: text }
  return {
    background: ground,
    font: fontFamily,
    // a picture has one description, not one for each of its marks
    aria: false,
    padding: 16,
    view: { stroke: grid },
    title: {
      anchor: "start",
      frame: "bounds",
      color: text,
      fontSize: 15,
      fontWeight: 600,
      subtitleColor: faint,
      subtitleFontSize: 12,
      subtitlePadding: 4,
      offset: 14,
    },
    axis: {
      ...label,
      titleFontSize: 12,
      titleFontWeight: "normal",
      titlePadding: 8,
      domainColor: faint,
      gridColor: grid,
      tickColor: faint,
      labelLimit: 0,
    },
    legend: { ...label, titleFontSize: 12, titleFontWeight: 600, labelLimit: 0, symbolLimit: 0 },
    header: { ...label, labelLimit: 0, titleFontSize: 12 },
    range: {
      category: hues,
      ordinal: { scheme: ramp },
      ramp: { scheme: ramp },
      heatmap: { scheme: ramp },
    },
    mark: { color: hues[0]! },
    text: { color: text, fontSize: labelSize },
    style: {
      control: { stroke: control, fill: control, color: control },
      faint: { stroke: faint, fill: faint, color: faint },
      caption: { fill: faint, color: faint, fontSize: labelSize },
      halo: { stroke: ground, fill: ground, color: ground },
      cell: { stroke: ground, strokeWidth: 1 },
      stripe: { fill: faint, color: faint },
      onPale: { fill: onPale, color: onPale },
      onStrong: { fill: onStrong, color: onStrong },
    },
  }
}
