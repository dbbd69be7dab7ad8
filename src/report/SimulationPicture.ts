/**
 * A picture of rehearsed searches: cost over target, entropy and top probability over the steps, a line per trial. Left
 * out: what a trial decided (`PolicyPicture.ts`).
 */
import type { Moment } from "../rehearse/Rehearse.ts"
import { border, ends, escape, picture } from "./Svg.ts"

export interface Line {
  readonly name: string
  readonly history: ReadonlyArray<Moment>
}

const left = 64
const plot = { width: 520, height: 130 }
const gap = 44
const top = 40
/** The lines that get a name; all are drawn. */
const named = 12

/** Okabe and Ito's colours, distinguishable with colour blindness; further trials repeat them dashed, then dotted. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
const dashes = ["", ` stroke-dasharray="6 2"`, ` stroke-dasharray="1.5 1.5"`]

/** The stroke of line `i`. */
const stroke = (i: number): string =>
  `stroke="${colours[i % colours.length]}"${dashes[Math.floor(i / colours.length) % dashes.length]}`

interface Panel {
  readonly title: string
  readonly value: (moment: Moment) => number | undefined
  /** A value to reach. */
  readonly mark?: number
  /** Larger values are drawn as this one: the expensive first steps would flatten the rest. */
  readonly most?: number
}

const panels: ReadonlyArray<Panel> = [
  { title: "cost / target", value: ({ costOverTarget }) => costOverTarget, mark: 1, most: 2 },
  { title: "entropy, nats", value: ({ entropy }) => entropy },
  { title: "top probability", value: ({ topProbability }) => topProbability, mark: 0.95 },
]

const panel = (
  lines: ReadonlyArray<Line>,
  { mark, most: limit, title, value: of }: Panel,
  y0: number,
): string => {
  const value = (moment: Moment) => Math.min(limit ?? Infinity, of(moment) ?? Number.NaN)
  const last = Math.max(1, ...lines.map(({ history }) => history.at(-1)?.step ?? 1))
  const most = Math.max(
    mark ?? 0,
    ...lines.flatMap(({ history }) => history.map(value).filter(Number.isFinite)),
  )
  const highest = most > 0 ? most * 1.05 : 1
  const x = (step: number) => (left + (plot.width * step) / last).toFixed(1)
  const y = (v: number) => (y0 + plot.height * (1 - v / highest)).toFixed(1)
  const curves = lines.map(({ history }, i) => {
    const points = history
      .filter((moment) => Number.isFinite(value(moment)))
      .map((moment) => `${x(moment.step)},${y(value(moment))}`)
    return `<polyline fill="none" ${stroke(i)} stroke-width="1.4" points="${points.join(" ")}"/>`
  })
  const marked =
    mark === undefined
      ? []
      : [
          `<line x1="${left}" x2="${left + plot.width}" y1="${y(mark)}" y2="${y(mark)}" stroke="#555" stroke-dasharray="4 3"/>`,
          `<text x="${left - 6}" y="${Number(y(mark)) + 4}" text-anchor="end" fill="#555">${mark}</text>`,
        ]
  return [
    `<text x="${left}" y="${y0 - 8}" font-weight="600">${title}</text>`,
    border(left, y0, plot),
    ...marked,
    ...curves,
    ...ends(left, left + plot.width, y0 + plot.height + 14, ["0", `step ${last}`]),
  ].join("\n")
}

/** The picture as an SVG document. */
export const simulationPicture = (lines: ReadonlyArray<Line>, title: string): string => {
  const width = left + plot.width + 20
  const below = top + 20 + panels.length * (plot.height + gap)
  const legend = lines
    .slice(0, named)
    .map(
      ({ name }, i) =>
        `<line x1="${left}" x2="${left + 20}" y1="${below + 5 + 16 * i}" y2="${below + 5 + 16 * i}" ${stroke(i)} stroke-width="2"/>` +
        `<text x="${left + 26}" y="${below + 9 + 16 * i}">${escape(name)}</text>`,
    )
  const more = lines.length - legend.length
  const rest =
    more > 0
      ? [`<text x="${left}" y="${below + 9 + 16 * named}" fill="#555">and ${more} more</text>`]
      : []
  const height = below + 16 * (legend.length + rest.length) + 10
  return picture({ width, height }, { left, text: title }, [
    ...panels.map((each, i) => panel(lines, each, top + 14 + i * (plot.height + gap))),
    ...legend,
    ...rest,
  ])
}
