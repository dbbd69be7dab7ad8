/**
 * Parallel coordinates of a grid: an axis for every setting that differs and for the results, a line for every trial, as
 * strong as its result is good. Numbers are spread over their axis, words stand in the order of the plan.
 */
import { counted, picture, type Picture, shortened, type Spec } from "./Picture.ts"
import { rounded } from "./Series.ts"
import { labelSize } from "./Theme.ts"

export interface Dimension {
  readonly key: string
  /** With the unit. */
  readonly title: string
  readonly format?: "number" | "percent"
}

export interface ParallelTrial {
  readonly id: string
  readonly name: string
  /** A trial without a value on an axis has no line over it. */
  readonly values: Readonly<Record<string, string | number>>
}

export interface Parallel {
  readonly title: string
  readonly subtitle?: string
  readonly dimensions: ReadonlyArray<Dimension>
  /** The dimension that lines are coloured by: a number. */
  readonly colour: string
  readonly trials: ReadonlyArray<ParallelTrial>
}

const gap = 128
const height = 320
/** More words than this on an axis cannot be read: every second, third... is left out. */
const mostTicks = 18

interface Tick {
  readonly at: number
  readonly text: string
}

interface Axis {
  readonly ticks: ReadonlyArray<Tick>
  readonly at: (value: string | number) => number
}

const textOf = (value: number, format: Dimension["format"]): string =>
  format === "percent"
    ? `${Number((100 * value).toPrecision(3))} %`
    : String(Number(value.toPrecision(3)))

/** 0 at the foot of the axis, 1 at its head. */
const axisOf = ({ format, key }: Dimension, trials: ReadonlyArray<ParallelTrial>): Axis => {
  const given = [...new Set(trials.flatMap(({ values }) => values[key] ?? []))]
  const numbers = given.filter((value) => typeof value === "number")
  if (numbers.length === given.length && numbers.length > 1) {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)]
    const at = (value: string | number) => (Number(value) - low) / (high - low)
    const sorted = numbers.toSorted((a, b) => a - b)
    const areApart = sorted.every((value, i) => i === 0 || at(value) - at(sorted[i - 1]!) > 0.05)
    const some = areApart
      ? numbers
      : [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (high - low))
    return { at, ticks: some.map((value) => ({ at: at(value), text: textOf(value, format) })) }
  }
  const at = (value: string | number) =>
    given.length < 2 ? 0.5 : given.indexOf(value) / (given.length - 1)
  const every = Math.ceil(given.length / mostTicks)
  return {
    at,
    ticks: given
      .filter((_, i) => i % every === 0)
      .map((value) => ({
        at: at(value),
        text: typeof value === "number" ? textOf(value, format) : value,
      })),
  }
}

/** Where an axis stands, and how high on it. */
const place = (dimensions: number) => ({
  x: {
    field: "x",
    type: "quantitative",
    scale: { domain: [0, Math.max(1, dimensions - 1)], nice: false },
    axis: null,
  },
  y: {
    field: "y",
    type: "quantitative",
    scale: { domain: [0, 1], nice: false },
    axis: null,
  },
})

/** One row a trial: the axes that it has a value on, and where. */
const linesOf = (
  { colour, dimensions, trials }: Parallel,
  axes: ReadonlyArray<Axis>,
): ReadonlyArray<Spec> =>
  trials.map(({ id, name, values }) => {
    const there = dimensions.flatMap(({ key }, i) => (values[key] === undefined ? [] : [i]))
    const result = values[colour]
    return {
      id,
      n: name,
      c: typeof result === "number" ? rounded(result) : null,
      x: there,
      y: there.map((i) => Math.round(axes[i]!.at(values[dimensions[i]!.key]!) * 1e4) / 1e4),
    }
  })

const lineLayer = (parallel: Parallel, axes: ReadonlyArray<Axis>): Spec => {
  const { colour, dimensions, trials } = parallel
  const isCrowded = trials.length > 60
  const coloured = dimensions.find(({ key }) => key === colour)
  return {
    data: { values: linesOf(parallel, axes) },
    transform: [{ flatten: ["x", "y"] }],
    mark: {
      type: "line",
      interpolate: "monotone",
      strokeWidth: isCrowded ? 1.1 : 1.8,
      opacity: isCrowded ? 0.55 : 0.85,
    },
    encoding: {
      ...place(dimensions.length),
      detail: { field: "id" },
      color: {
        field: "c",
        type: "quantitative",
        scale: { range: "ramp" },
        legend: {
          title: coloured?.title ?? colour,
          format: coloured?.format === "percent" ? ".1%" : ".4~g",
          gradientLength: 160,
          gradientOpacity: 1,
          offset: 24,
        },
      },
      tooltip: { field: "n", type: "nominal", title: "trial" },
    },
  }
}

export const parallelPicture = (parallel: Parallel): Picture => {
  const { dimensions, subtitle, title, trials } = parallel
  const width = gap * Math.max(1, dimensions.length - 1)
  const axes = dimensions.map((dimension) => axisOf(dimension, trials))
  const ticks = axes.flatMap((axis, x) =>
    axis.ticks.map(({ at, text }) => ({ x, y: at, t: shortened(text, gap - 22, labelSize) })),
  )
  const heads = dimensions.map((dimension, i) => ({
    x: i,
    y: 1,
    t: shortened(dimension.title, gap - 16, labelSize),
  }))
  const { x, y } = place(dimensions.length)
  const text = (mark: Spec, values: ReadonlyArray<Spec>): Spec => ({
    data: { values },
    mark: { type: "text", clip: false, ...mark },
    encoding: { x, y, text: { field: "t" } },
  })
  const tick: Spec = { align: "right", dx: -6, baseline: "middle" }
  return picture(
    {
      title,
      subtitle: subtitle ?? `${counted(trials.length, "trial")}; a line a trial`,
      description: `Parallel coordinates of ${counted(trials.length, "trial")} over ${dimensions.map((one) => one.title).join(", ")}.`,
      width,
    },
    {
      width,
      height,
      view: { stroke: null },
      layer: [
        {
          data: { values: dimensions.map((_, i) => ({ x: i })) },
          mark: { type: "rule", style: "faint", strokeWidth: 1 },
          encoding: { x },
        },
        lineLayer(parallel, axes),
        text({ ...tick, style: "halo", strokeWidth: 4 }, ticks),
        text(tick, ticks),
        text({ dy: -16, fontWeight: 600, align: "center" }, heads),
      ],
    },
  )
}
