/**
 * Accuracy against cost, or any two metrics: an arm is a point at its means with bars for its spread over the seeds, a
 * trial a small pale point behind it. A line joins the arms on the front. Controls are grey, and the uniform ones are
 * joined in the order of their cost. Left out: means, spreads and which arms are on the front (`report/`).
 */
import { placeLabels, type Place } from "./Labels.ts"
import {
  counted,
  picture,
  type Picture,
  type Role,
  shortened,
  shortNames,
  type Spec,
} from "./Picture.ts"
import { type Scale, scaleOf, scaleSpec } from "./Scale.ts"
import { labelSize } from "./Theme.ts"

/** The least and most of a number over the seeds, or what else the bar of it spans. */
export interface Span {
  readonly low: number
  readonly high: number
}

export interface FrontArm {
  readonly name: string
  /** Beside its point, where the name is long. */
  readonly label?: string
  readonly role: Role
  readonly x: number
  readonly y: number
  readonly xSpan?: Span
  readonly ySpan?: Span
  readonly seeds: number
  readonly isOnFront: boolean
}

export interface FrontTrial {
  readonly id: string
  readonly name: string
  readonly arm: string
  readonly role: Role
  readonly x: number
  readonly y: number
}

export interface Axis {
  /** With its unit. */
  readonly title: string
  /** `percent`: the values are shares. */
  readonly format?: "number" | "percent"
}

export interface Front {
  readonly title: string
  readonly subtitle?: string
  readonly x: Axis
  readonly y: Axis
  /** In the order of the plan: an arm's hue follows from its place. */
  readonly arms: ReadonlyArray<FrontArm>
  readonly trials: ReadonlyArray<FrontTrial>
  /** Values of x to be reached, such as targets. */
  readonly targets?: ReadonlyArray<number>
}

const plot = { width: 620, height: 380 }
/** More names than this are no help. */
const mostNames = 24
const legendRows = 14

const formatOf = ({ format }: Axis): string => (format === "percent" ? ".1%" : ".4~g")

const roleNames: Readonly<Record<Role, string>> = {
  search: "search",
  uniform: "uniform",
  wideThenUniform: "wide, then uniform",
  random: "random",
}
const shapes: Readonly<Record<Role, string>> = {
  search: "circle",
  uniform: "square",
  wideThenUniform: "diamond",
  random: "cross",
}
const roleScale = { domain: Object.values(roleNames), range: Object.values(shapes) }

/** Names with a place, the most telling first. */
const namesOf = ({ arms, trials }: Front, x: Scale, y: Scale) => {
  const pixels = (point: { readonly x: number; readonly y: number }) => ({
    x: plot.width * x.at(point.x),
    y: plot.height * (1 - y.at(point.y)),
  })
  const weight = (arm: FrontArm): number =>
    arm.isOnFront ? 0 : arm.role === "search" ? 2 : arm.role === "uniform" ? 1 : 3
  const isCrowded = arms.length > mostNames
  const few = arms
    .filter((arm) => !isCrowded || weight(arm) < 2)
    .toSorted((a, b) => weight(a) - weight(b))
    .slice(0, mostNames)
  const labels = few.map((arm) => ({
    ...pixels(arm),
    text: shortened(arm.label ?? arm.name, 200, labelSize),
    isBold: arm.isOnFront,
  }))
  const places = placeLabels(
    labels,
    [...arms.map(pixels), ...(trials.length > 60 ? [] : trials.map(pixels))],
    { ...plot, size: labelSize },
  )
  return few.flatMap((arm, i) => {
    const place: Place | undefined = places[i]
    return place === undefined
      ? []
      : [{ x: arm.x, y: arm.y, text: labels[i]!.text, isOnFront: arm.isOnFront, ...place }]
  })
}

/** Both axes, and how points of the two colours are drawn on them. */
interface Ground {
  readonly x: Spec
  readonly y: Spec
  readonly colour: Spec
  readonly shape: Spec
  readonly tooltip: ReadonlyArray<Spec>
}

const isControl = "datum.control"
const isSearched = "!datum.control"

const groundOf = (front: Front, x: Scale, y: Scale, words: (name: string) => string): Ground => {
  const searched = front.arms.filter(({ role }) => role === "search").map(({ name }) => words(name))
  const hasLegend = searched.length > 1 && searched.length <= legendRows
  const quantity = (field: string, axis: Axis): Spec => ({
    field,
    type: "quantitative",
    format: formatOf(axis),
    title: axis.title,
  })
  return {
    x: {
      field: "x",
      type: "quantitative",
      scale: scaleSpec(x),
      title: front.x.title,
      axis: { format: formatOf(front.x), tickCount: x.type === "log" ? 6 : 8, labelOverlap: true },
    },
    y: {
      field: "y",
      type: "quantitative",
      scale: scaleSpec(y),
      title: front.y.title,
      axis: { format: formatOf(front.y), tickCount: 8 },
    },
    colour: {
      field: "arm",
      type: "nominal",
      scale: { domain: searched },
      legend: hasLegend ? { title: "arm", symbolType: "circle", symbolOpacity: 1 } : null,
    },
    shape: {
      field: "role",
      type: "nominal",
      scale: roleScale,
      legend: {
        title: null,
        values: [...new Set(front.arms.map(({ role }) => roleNames[role]))],
        symbolStrokeWidth: 1.5,
      },
    },
    tooltip: [
      { field: "name", type: "nominal", title: "name" },
      quantity("y", front.y),
      quantity("x", front.x),
    ],
  }
}

/** Small pale points, one a trial. */
const trialLayers = (
  { trials }: Front,
  { colour, tooltip, x, y }: Ground,
  words: (name: string) => string,
): ReadonlyArray<Spec> => {
  const values = trials.map((trial) => ({
    id: trial.id,
    name: trial.name,
    arm: words(trial.arm),
    control: trial.role !== "search",
    x: trial.x,
    y: trial.y,
  }))
  const points = (filter: string, mark: Spec, encoding: Spec): Spec => ({
    data: { name: "trials", values },
    transform: [{ filter }],
    mark: { type: "point", size: 14, opacity: 0.5, filled: true, ...mark },
    encoding: { x, y, tooltip, ...encoding },
  })
  return [points(isControl, { style: "control" }, {}), points(isSearched, {}, { color: colour })]
}

/** The spread of an arm over its seeds, up and down and to both sides. */
const barLayers = ({ colour, x, y }: Ground): ReadonlyArray<Spec> =>
  [isControl, isSearched].flatMap((filter): ReadonlyArray<Spec> => {
    const mark: Spec = {
      type: "rule",
      strokeWidth: 1.4,
      ...(filter === isControl ? { style: "control" } : {}),
    }
    const encoding: Spec = filter === isControl ? {} : { color: colour }
    return [
      {
        transform: [{ filter: `${filter} && isValid(datum.yLow)` }],
        mark,
        encoding: { x, y: { ...y, field: "yLow" }, y2: { field: "yHigh" }, ...encoding },
      },
      {
        transform: [{ filter: `${filter} && isValid(datum.xLow)` }],
        mark,
        encoding: { y, x: { ...x, field: "xLow" }, x2: { field: "xHigh" }, ...encoding },
      },
    ]
  })

/** A line through some arms in the order of x. */
const lineLayer = ({ x, y }: Ground, filter: string, mark: Spec): Spec => ({
  transform: [{ filter }],
  mark: { type: "line", fill: null, ...mark },
  encoding: { x, y },
})

const armLayers = (ground: Ground): ReadonlyArray<Spec> => {
  const { colour, shape, x, y } = ground
  const seeds: Spec = { field: "seeds", type: "quantitative", title: "seeds" }
  const tooltip = [...ground.tooltip, seeds]
  const mark: Spec = { type: "point", filled: true, opacity: 1 }
  return [
    {
      transform: [{ filter: isControl }],
      mark: { ...mark, style: "control", size: 56 },
      encoding: { x, y, shape, tooltip },
    },
    {
      transform: [{ filter: isSearched }],
      mark: { ...mark, size: 90 },
      encoding: { x, y, shape, color: colour, tooltip },
    },
  ]
}

/** Names beside points, with the ground behind them, so that no line of the grid runs through. */
const nameLayers = (names: ReturnType<typeof namesOf>, { x, y }: Ground): ReadonlyArray<Spec> =>
  [true, false].flatMap((isBold) => {
    const text = (mark: Spec): Spec => ({
      data: { values: names.filter(({ isOnFront }) => isOnFront === isBold) },
      mark: {
        type: "text",
        align: { expr: "datum.align" },
        baseline: "middle",
        dx: { expr: "datum.dx" },
        dy: { expr: "datum.dy" },
        ...(isBold ? { fontWeight: 600 } : {}),
        ...mark,
      },
      encoding: { x, y, text: { field: "text" } },
    })
    return [text({ style: "halo", strokeWidth: 3 }), text(isBold ? {} : { style: "caption" })]
  })

const ends = (spans: ReadonlyArray<Span | undefined>): ReadonlyArray<number> =>
  spans.flatMap((span) => (span === undefined ? [] : [span.low, span.high]))

const armRow = (arm: FrontArm, words: (name: string) => string): Spec => ({
  arm: words(arm.name),
  name: arm.name,
  role: roleNames[arm.role],
  control: arm.role !== "search",
  x: arm.x,
  y: arm.y,
  xLow: arm.xSpan?.low,
  xHigh: arm.xSpan?.high,
  yLow: arm.ySpan?.low,
  yHigh: arm.ySpan?.high,
  seeds: arm.seeds,
  front: arm.isOnFront,
})

export const frontPicture = (front: Front): Picture => {
  const { arms, targets = [], trials } = front
  const all = [...arms, ...trials]
  const x = scaleOf(
    [...all.map((point) => point.x), ...ends(arms.map(({ xSpan }) => xSpan)), ...targets],
    true,
  )
  const y = scaleOf(
    [...all.map((point) => point.y), ...ends(arms.map(({ ySpan }) => ySpan))],
    false,
  )
  const short = shortNames(
    arms.map(({ name }) => name),
    260,
    labelSize,
  )
  const words = (name: string): string => short.get(name) ?? name
  const ground = groundOf(front, x, y, words)
  const target: Spec = {
    data: { values: targets.map((value) => ({ target: value })) },
    mark: { type: "rule", style: "faint", strokeDash: [4, 3], strokeWidth: 1 },
    encoding: { x: { ...ground.x, field: "target" } },
  }
  const uniform: Spec = { style: "control", strokeWidth: 1, strokeDash: [2, 2] }
  const onFront = arms.filter(({ isOnFront }) => isOnFront).map(({ name }) => name)
  return picture(
    {
      title: front.title,
      subtitle: front.subtitle ?? "",
      description: `${front.y.title} against ${front.x.title} of ${counted(arms.length, "arm")} and ${counted(trials.length, "trial")}. On the front: ${onFront.join(", ") || "none"}.`,
      width: plot.width,
    },
    {
      ...plot,
      data: { name: "arms", values: arms.map((arm) => armRow(arm, words)) },
      layer: [
        ...(targets.length === 0 ? [] : [target]),
        ...trialLayers(front, ground, words),
        lineLayer(ground, "datum.role === 'uniform'", uniform),
        lineLayer(ground, "datum.front", { style: "faint", strokeWidth: 1.6 }),
        ...barLayers(ground),
        ...armLayers(ground),
        ...nameLayers(namesOf(front, x, y), ground),
      ],
    },
  )
}
