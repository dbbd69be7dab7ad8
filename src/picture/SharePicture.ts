/**
 * Which layers the cost goes to. Of one trial: a bar for each layer and a tick for its share of the multiplications, which
 * is what it would cost with one format everywhere. Of several: a point at each arm's mean, on a line from the least to
 * the most of all trials; of very many arms only the line and its median.
 */
import { counted, picture, type Picture, type Role, shortNames, type Spec } from "./Picture.ts"
import { labelSize } from "./Theme.ts"

export interface ShareTrial {
  readonly id: string
  readonly name: string
  readonly arm: string
  readonly role: Role
  readonly layers: ReadonlyArray<{
    readonly path: string
    readonly macs: number
    /** 0 to 1. */
    readonly costShare: number
  }>
}

export interface Shares {
  readonly title: string
  readonly subtitle?: string
  /** In the order of the plan. */
  readonly arms: ReadonlyArray<{ readonly name: string; readonly role: Role }>
  readonly trials: ReadonlyArray<ShareTrial>
}

const width = 460
const rowLabel = 220
const mostArms = 6

const round = (share: number): number => Math.round(share * 1e5) / 1e5

/** The layers of all trials, in the order of the trial that has the most. */
const layersOf = (trials: ReadonlyArray<ShareTrial>): ReadonlyArray<string> => [
  ...new Set(
    trials
      .map((trial) => trial.layers.map(({ path }) => path))
      .toSorted((a, b) => b.length - a.length)
      .flat(),
  ),
]

/** One row a trial, its layers in lists. */
const rowOf = ({ arm, id, layers, name, role }: ShareTrial, words: (name: string) => string) => {
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0)
  return {
    id,
    name,
    arm: words(arm),
    control: role !== "search",
    y: layers.map(({ path }) => path),
    v: layers.map(({ costShare }) => round(costShare)),
    m: layers.map((layer) => round(macs === 0 ? 0 : layer.macs / macs)),
  }
}

interface Axes {
  readonly x: Spec
  readonly y: Spec
}

const axesOf = (layers: ReadonlyArray<string>): Axes => {
  const labels = JSON.stringify(Object.fromEntries(shortNames(layers, rowLabel, labelSize)))
  return {
    x: {
      field: "v",
      type: "quantitative",
      title: "share of the cost (%)",
      scale: { zero: true },
      axis: { format: ".0%", tickCount: 8 },
    },
    y: {
      field: "y",
      type: "nominal",
      sort: layers,
      title: `layer (${layers.length})`,
      axis: {
        ticks: false,
        domain: false,
        grid: true,
        labelExpr: `${labels}[datum.label]`,
      },
    },
  }
}

const tooltip: ReadonlyArray<Spec> = [
  { field: "y", type: "nominal", title: "layer" },
  { field: "v", type: "quantitative", format: ".1%", title: "share of the cost" },
]

const oneTrial = ({ x, y }: Axes): ReadonlyArray<Spec> => [
  {
    mark: { type: "bar", height: { band: 0.7 } },
    encoding: {
      x,
      y,
      tooltip: [
        ...tooltip,
        { field: "m", type: "quantitative", format: ".1%", title: "share of the MACs" },
      ],
    },
  },
  {
    mark: { type: "tick", style: "faint", thickness: 2, height: 12 },
    encoding: { x: { ...x, field: "m" }, y },
  },
]

const lowToHigh = ({ x, y }: Axes): Spec => ({
  transform: [
    {
      aggregate: [
        { op: "min", field: "v", as: "low" },
        { op: "max", field: "v", as: "high" },
      ],
      groupby: ["y"],
    },
  ],
  mark: { type: "rule", style: "faint", strokeWidth: 1.5, opacity: 0.6 },
  encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y },
})

const armMeans = ({ x, y }: Axes, domain: ReadonlyArray<string>, legend: Spec | null): Spec => ({
  transform: [
    { filter: "!datum.control" },
    { aggregate: [{ op: "mean", field: "v", as: "v" }], groupby: ["y", "arm"] },
  ],
  mark: { type: "point", filled: true, size: 46, opacity: 0.9 },
  encoding: {
    x,
    y,
    color: { field: "arm", type: "nominal", scale: { domain }, legend },
    tooltip: [...tooltip, { field: "arm", type: "nominal", title: "arm" }],
  },
})

const medians = ({ x, y }: Axes): Spec => ({
  transform: [{ aggregate: [{ op: "median", field: "v", as: "v" }], groupby: ["y"] }],
  mark: { type: "tick", thickness: 3, height: 11 },
  encoding: { x, y, tooltip },
})

export const sharePicture = ({ arms, subtitle, title, trials }: Shares): Picture => {
  const layers = layersOf(trials)
  const axes = axesOf(layers)
  const isOne = trials.length === 1
  const searched = arms.filter(({ role }) => role === "search").map(({ name }) => name)
  const here = searched.filter((name) => trials.some(({ arm }) => arm === name))
  const hasArms = here.length > 0 && here.length <= mostArms
  const short = shortNames(searched, 240, labelSize)
  const words = (name: string): string => short.get(name) ?? name
  const legend: Spec = { title: "arm", orient: "bottom", columns: 2, values: here.map(words) }
  const middle = hasArms
    ? armMeans(axes, searched.map(words), here.length < 2 ? null : legend)
    : medians(axes)
  const usual = isOne
    ? `${trials[0]?.name ?? ""}; grey tick: the layer's share of the MACs`
    : `line: least to most of ${counted(trials.length, "trial")}; ${hasArms ? "point: mean of an arm" : "tick: median"}`
  return picture(
    {
      title,
      subtitle: subtitle ?? usual,
      description: `Share of the cost of ${counted(layers.length, "layer")} in ${counted(trials.length, "trial")}.`,
      width: width + rowLabel / 2,
    },
    {
      width,
      height: { step: layers.length > 80 ? 11 : 16 },
      data: { values: trials.map((trial) => rowOf(trial, words)) },
      transform: [{ flatten: ["y", "v", "m"] }],
      layer: isOne ? oneTrial(axes) : [lowToHigh(axes), middle],
    },
  )
}
