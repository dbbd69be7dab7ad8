/**
 * Every arm with the values of its seeds: a row an arm, a dot a seed, a strong tick at their mean, and a number beside the
 * row, such as what its networks cost. Left out: means (`report/`).
 */
import { counted, picture, type Picture, type Role, shortNames, type Spec } from "./Picture.ts"
import { labelSize } from "./Theme.ts"

export interface SeedsArm {
  readonly name: string
  readonly role: Role
  /** Undefined while none of its trials has finished. */
  readonly mean?: number
  readonly values: ReadonlyArray<{ readonly name: string; readonly value: number }>
  /** Beside its row. */
  readonly note: string
}

export interface Seeds {
  readonly title: string
  readonly subtitle?: string
  readonly x: { readonly title: string; readonly format?: "number" | "percent" }
  readonly noteTitle: string
  /** From above to below. */
  readonly arms: ReadonlyArray<SeedsArm>
}

const width = 430
const rowLabel = 330

/** From a little below the least value to a little above the most. */
const xOf = (axis: Seeds["x"], values: ReadonlyArray<number>): Spec => {
  const [low, high] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)]
  const margin = high > low ? 0.04 * (high - low) : Math.abs(high) / 20 || 1
  const percent = (high - low || 2 * margin) < 0.05 ? ".1%" : ".0%"
  return {
    field: "v",
    type: "quantitative",
    title: axis.title,
    scale: { domain: [low - margin, high + margin], nice: false, zero: false },
    axis: { tickCount: 8, format: axis.format === "percent" ? percent : ".4~g" },
  }
}

const yOf = (arms: ReadonlyArray<SeedsArm>): Spec => {
  const names = arms.map(({ name }) => name)
  const labels = Object.fromEntries(shortNames(names, rowLabel, labelSize))
  return {
    field: "arm",
    type: "nominal",
    scale: { domain: names },
    title: null,
    axis: {
      ticks: false,
      domain: false,
      grid: true,
      labelExpr: `${JSON.stringify(labels)}[datum.label]`,
    },
  }
}

/** The dots and the tick of every arm; controls in grey, the others in their hues. */
const markLayers = ({ arms, x: axis }: Seeds, x: Spec, y: Spec): ReadonlyArray<Spec> => {
  const searched = arms.filter(({ role }) => role === "search").map(({ name }) => name)
  const dots = arms.flatMap(({ name, role, values }) =>
    values.map(({ name: n, value }) => ({ arm: name, control: role !== "search", n, v: value })),
  )
  const means = arms.flatMap(({ mean, name, role }) =>
    mean === undefined ? [] : [{ arm: name, control: role !== "search", v: mean }],
  )
  const format = axis.format === "percent" ? ".2%" : ".4~g"
  const tooltip: ReadonlyArray<Spec> = [
    { field: "n", type: "nominal", title: "trial" },
    { field: "v", type: "quantitative", format, title: axis.title },
  ]
  const marks = (isControl: boolean, style: Spec, encoding: Spec): ReadonlyArray<Spec> => [
    {
      data: { values: dots.filter(({ control }) => control === isControl) },
      mark: { type: "point", filled: true, size: 52, opacity: 0.6, ...style },
      encoding: { x, y, tooltip, ...encoding },
    },
    {
      data: { values: means.filter(({ control }) => control === isControl) },
      mark: { type: "tick", thickness: 3, height: 16, opacity: 1, ...style },
      encoding: { x, y, ...encoding },
    },
  ]
  const color: Spec = { field: "arm", type: "nominal", scale: { domain: searched }, legend: null }
  return [...marks(true, { style: "control" }, {}), ...marks(false, {}, { color })]
}

export const seedsPicture = (seeds: Seeds): Picture => {
  const { arms, noteTitle, subtitle, title, x: axis } = seeds
  const all = arms.flatMap(({ values }) => values.map(({ value }) => value))
  const y = yOf(arms)
  return picture(
    {
      title,
      subtitle: subtitle ?? `a dot a seed, a tick at their mean; at the right: ${noteTitle}`,
      description: `${axis.title} of ${counted(arms.length, "arm")} and ${counted(all.length, "trial")}.`,
      width: width + rowLabel / 2,
    },
    {
      width,
      height: { step: arms.length > 60 ? 15 : 24 },
      layer: [
        ...markLayers(seeds, xOf(axis, all), y),
        {
          data: { values: arms.map(({ name, note }) => ({ arm: name, t: note })) },
          mark: { type: "text", align: "left", baseline: "middle", clip: false },
          encoding: { x: { value: width + 10 }, y, text: { field: "t" } },
        },
      ],
    },
  )
}
