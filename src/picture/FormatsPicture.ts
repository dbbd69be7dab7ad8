/**
 * What every trial chose for every layer: rows are layers, columns are trials by arm, a cell is as strong as its weights
 * have bits; below, the widths, kernels and other architecture decisions in the same columns. With few trials the names
 * stand in the cells, with many the arms stand above their columns. Left out: how it was chosen (`PolicyPicture.ts`).
 */
import {
  counted,
  picture,
  type Picture,
  type Role,
  shortened,
  shortNames,
  type Spec,
} from "./Picture.ts"
import { textWidth } from "./TextWidth.ts"
import { labelSize } from "./Theme.ts"

export interface FormatsTrial {
  readonly id: string
  readonly name: string
  readonly arm: string
  readonly role: Role
  /** The layers that are there under its assignment. */
  readonly layers: ReadonlyArray<{
    readonly path: string
    readonly weightFormat: string
    readonly activationFormat: string
    readonly weightBits: number
  }>
  /** Path of an architecture decision -> what it chose; inactive ones are left out. */
  readonly architecture: Readonly<Record<string, string | number>>
}

export interface Formats {
  readonly title: string
  readonly subtitle?: string
  /** In the order of the plan. */
  readonly trials: ReadonlyArray<FormatsTrial>
}

/** Width of a column in which the formats of both operands can be read. */
const wideColumn = 78
const plotWidth = 640
const rowLabel = 220
const mostNamed = 12

/** `INT4`, and for two formats `INT4/INT8`. */
const pairOf = (weights: string, activations: string): string =>
  weights === activations ? weights : `${weights}/${activations}`

const inOrder = (lists: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => [
  ...new Set(lists.toSorted((a, b) => b.length - a.length).flat()),
]

/** Where each choice stands among all choices of decisions of its name, 0 for the least to 1. */
const ranksOf = (trials: ReadonlyArray<FormatsTrial>) => {
  const choices = new Map<string, Set<string | number>>()
  const fieldOf = (path: string) => path.split(".").at(-1)!
  for (const { architecture } of trials)
    for (const [path, choice] of Object.entries(architecture)) {
      const known = choices.get(fieldOf(path)) ?? new Set()
      choices.set(fieldOf(path), known.add(choice))
    }
  const sorted = new Map(
    [...choices].map(([field, set]) => [
      field,
      [...set].toSorted((a, b) =>
        typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : 1,
      ),
    ]),
  )
  return (path: string, choice: string | number): number => {
    const all = sorted.get(fieldOf(path))!
    return all.length < 2 ? 0.5 : all.indexOf(choice) / (all.length - 1)
  }
}

/** Names aslant need so much room beside each other. */
const slantedStep = 13

/** The arms above their columns: their names level where all fit, else aslant; an arm of few columns has a stripe only. */
const armRows = (trials: ReadonlyArray<FormatsTrial>, step: number) => {
  const rows = [...new Set(trials.map(({ arm }) => arm))].map((arm, i) => {
    const own = trials.flatMap((trial, k) => (trial.arm === arm ? [k] : []))
    return {
      arm,
      from: own[0]! - 0.5,
      to: own.at(-1)! + 0.5,
      width: own.length * step,
      isEven: i % 2 === 0,
    }
  })
  const isLevel = rows.every(({ arm, width }) => textWidth(arm, labelSize) + 6 <= width)
  const values = rows.map(({ width, ...row }) => ({
    ...row,
    text: isLevel ? row.arm : width < slantedStep ? "" : shortened(row.arm, 110, labelSize),
  }))
  return { isLevel: isLevel || values.every(({ text }) => text === ""), values }
}

/** The columns of the picture. */
interface Columns {
  readonly trials: ReadonlyArray<FormatsTrial>
  /** Pixels of one. */
  readonly step: number
  readonly width: number
  readonly x: Spec
}

const columnsOf = (given: ReadonlyArray<FormatsTrial>): Columns => {
  const arms = [...new Set(given.map(({ arm }) => arm))]
  const trials = given.toSorted((a, b) => arms.indexOf(a.arm) - arms.indexOf(b.arm))
  const count = Math.max(1, trials.length)
  const step =
    count <= mostNamed ? Math.max(46, Math.min(wideColumn, 900 / count)) : plotWidth / count
  return {
    trials,
    step,
    width: step * count,
    x: {
      field: "i",
      type: "quantitative",
      scale: { domain: [-0.5, count - 0.5], nice: false, zero: false },
      axis: null,
    },
  }
}

/** Rows of one kind: layers, or decisions. */
interface Rows {
  readonly names: ReadonlyArray<string>
  readonly title: string
  readonly height: number
  /** Above this value a cell is strong. */
  readonly middle: number
  readonly colour: Spec
  /** Heads of the tooltip: the row, and what is in the cell. */
  readonly words: readonly [string, string]
  /** One a trial, its cells in lists: a tenth of the text. */
  readonly values: ReadonlyArray<Spec>
}

const gridSpec = (rows: Rows, { step, width, x }: Columns): Spec => {
  const y: Spec = {
    field: "y",
    type: "nominal",
    sort: rows.names,
    title: rows.title,
    axis: {
      grid: false,
      ticks: false,
      domain: false,
      labelFontSize: rows.height < 13 ? 9 : labelSize,
      labelExpr: labelExpression(rows.names),
    },
  }
  const rectangles: Spec = {
    transform: [
      { calculate: "datum.i - 0.5", as: "from" },
      { calculate: "datum.i + 0.5", as: "to" },
    ],
    mark: { type: "rect", ...(step > 8 ? { style: "cell" } : {}) },
    encoding: {
      x: { ...x, field: "from" },
      x2: { field: "to" },
      y,
      color: { field: "b", type: "quantitative", ...rows.colour },
      tooltip: [
        { field: "n", type: "nominal", title: "trial" },
        { field: "y", type: "nominal", title: rows.words[0] },
        { field: "t", type: "nominal", title: rows.words[1] },
      ],
    },
  }
  const text = (filter: string, style: string): Spec => ({
    transform: [{ filter }],
    mark: { type: "text", fontSize: 10, style },
    encoding: { x, y, text: { field: "t" } },
  })
  const { middle } = rows
  return {
    width,
    height: Math.max(1, rows.names.length) * rows.height,
    data: { values: rows.values },
    transform: [{ flatten: ["y", "b", "t"] }],
    layer: [
      rectangles,
      ...(step < 40
        ? []
        : [text(`datum.b <= ${middle}`, "onPale"), text(`datum.b > ${middle}`, "onStrong")]),
    ],
  }
}

/** As long as its rows are high, so that it pushes nothing apart. */
const gradientLength = (rows: number, height: number, most: number): number =>
  Math.min(most, Math.max(34, rows * height - 16))

const layerRows = (trials: ReadonlyArray<FormatsTrial>): Rows => {
  const names = inOrder(trials.map((trial) => trial.layers.map(({ path }) => path)))
  const bits = trials.flatMap((trial) => trial.layers.map(({ weightBits }) => weightBits))
  const [least, most] = [Math.min(...bits), Math.max(...bits)]
  const height = names.length > 80 ? 11 : 17
  return {
    names,
    title: `layer (${names.length})`,
    height,
    middle: (least + most) / 2,
    colour: {
      scale: { range: "ramp", domain: least < most ? [least, most] : [least - 1, most + 1] },
      legend: {
        title: "weights (bits)",
        gradientLength: gradientLength(names.length, height, 120),
        tickMinStep: 1,
        format: "d",
      },
    },
    words: ["layer", "weights/activations"],
    values: trials.map(({ id, layers, name }, i) => ({
      i,
      n: name,
      id,
      y: layers.map(({ path }) => path),
      b: layers.map(({ weightBits }) => weightBits),
      t: layers.map((layer) => pairOf(layer.weightFormat, layer.activationFormat)),
    })),
  }
}

const decisionRows = (trials: ReadonlyArray<FormatsTrial>): Rows => {
  const names = inOrder(trials.map(({ architecture }) => Object.keys(architecture)))
  const rank = ranksOf(trials)
  return {
    names,
    title: `architecture (${names.length})`,
    height: names.length > 80 ? 11 : 17,
    middle: 0.5,
    colour: {
      scale: { range: "ramp", domain: [0, 1] },
      legend: {
        title: "choice",
        values: [0, 1],
        labelExpr: "datum.value === 0 ? 'least' : 'most'",
        gradientLength: gradientLength(names.length, 17, 50),
      },
    },
    words: ["decision", "choice"],
    values: trials.map(({ architecture, id, name }, i) => {
      const own = Object.entries(architecture)
      return {
        i,
        n: name,
        id,
        y: own.map(([path]) => path),
        b: own.map(([path, choice]) => rank(path, choice)),
        t: own.map(([, choice]) => String(choice)),
      }
    }),
  }
}

export const formatsPicture = ({ subtitle, title, trials: given }: Formats): Picture => {
  const columns = columnsOf(given)
  const { trials, width } = columns
  const layers = layerRows(trials)
  const decisions = decisionRows(trials)
  const usual =
    trials.length < 2
      ? (trials[0]?.name ?? "")
      : `${counted(trials.length, "trial")} by arm; formats of weights/activations, one where they are equal`
  const head = trials.length > mostNamed ? armRow(columns) : nameRow(columns)
  return picture(
    {
      title,
      subtitle: subtitle ?? usual,
      description: `Formats of ${counted(layers.names.length, "layer")} and ${counted(decisions.names.length, "architecture decision")} in ${counted(trials.length, "trial")}.`,
      width: Math.max(360, width + rowLabel / 2),
    },
    {
      vconcat: [
        ...(trials.length < 2 ? [] : [head]),
        gridSpec(layers, columns),
        ...(decisions.names.length === 0 ? [] : [gridSpec(decisions, columns)]),
      ],
      spacing: 8,
      resolve: { scale: { color: "independent" }, legend: { color: "independent" } },
    },
  )
}

/** Row names cut to a width, in the labels only: the rows keep their whole names. */
const labelExpression = (rows: ReadonlyArray<string>): string =>
  `${JSON.stringify(Object.fromEntries(shortNames(rows, rowLabel, labelSize)))}[datum.label]`

/** The names of a few trials, aslant above their columns. */
const nameRow = ({ trials, width, x }: Columns): Spec => ({
  width,
  height: 70,
  view: { stroke: null },
  data: { values: trials.map(({ name }, i) => ({ i, t: shortened(name, 150, labelSize) })) },
  mark: { type: "text", angle: -35, align: "left", baseline: "middle", dx: -10, clip: false },
  encoding: { x, y: { value: 64 }, text: { field: "t" } },
})

/** Stripes over the columns of many trials, below the arms' names. */
const armRow = ({ step, trials, width, x }: Columns): Spec => {
  const { isLevel, values } = armRows(trials, step)
  const height = isLevel ? 18 : 76
  return {
    width,
    height,
    view: { stroke: null },
    data: { values },
    layer: [
      {
        transform: [{ calculate: "datum.isEven ? 0.55 : 0.25", as: "o" }],
        mark: { type: "rect", style: "stripe", height: 5, y: height - 3 },
        encoding: {
          x: { ...x, field: "from" },
          x2: { field: "to" },
          opacity: { field: "o", type: "quantitative", scale: null },
          tooltip: { field: "arm", type: "nominal", title: "arm" },
        },
      },
      {
        transform: [{ calculate: "(datum.from + datum.to) / 2", as: "middle" }],
        mark: {
          type: "text",
          baseline: "middle",
          style: "caption",
          ...(isLevel ? {} : { angle: -35, align: "left", dx: -4, clip: false }),
        },
        encoding: {
          x: { ...x, field: "middle" },
          y: { value: height - 13 },
          text: { field: "text" },
        },
      },
    ],
  }
}
