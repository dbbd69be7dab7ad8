/**
 * Numbers over the steps, one panel each: a thin line for every trial in the hue of its arm and, where an arm has several
 * seeds, a strong one for their mean. With many arms the first few are in colour, the rest grey. Left out: which trials
 * there are.
 */
import { phases, search } from "../metric/Metrics.ts"
import { dashes, hueCount } from "./Palette.ts"
import { counted, picture, type Picture, type Role, shortNames, type Spec } from "./Picture.ts"
import { type Series, thinned } from "./Series.ts"
import { labelSize } from "./Theme.ts"

export interface CurvedTrial {
  readonly id: string
  readonly name: string
  readonly arm: string
  /** Key of a panel -> the numbers of this trial. */
  readonly curves: Readonly<Record<string, Series>>
}

export interface Panel {
  readonly key: string
  /** With the unit. */
  readonly title: string
  /** A value to reach. */
  readonly mark?: number
  /** Larger values are drawn as this one: the first steps would flatten the rest. */
  readonly most?: number
  readonly format?: "number" | "percent"
}

export interface Curves {
  readonly title: string
  readonly subtitle?: string
  /** In the order of the plan: an arm's hue follows from its place. */
  readonly arms: ReadonlyArray<{ readonly name: string; readonly role: Role }>
  readonly trials: ReadonlyArray<CurvedTrial>
  /** Arms in colour, where there are more than can be told apart; by default the first. */
  readonly highlighted?: ReadonlyArray<string>
}

const plot = { width: 560, height: 130 }
const mostColoured = 8
/** What is grey: controls, and arms beyond those in colour. */
const rest = "other arms"

/** Points of a curve: fewer where there are many, so that files stay small and lines calm. */
const pointsOf = (trials: number): number => (trials <= 12 ? 160 : trials <= 60 ? 80 : 40)

/** The arms of a picture: which are in colour, and what each is called in it. */
const coloursOf = ({ arms, highlighted, trials }: Curves) => {
  const shown = new Set(trials.map(({ arm }) => arm))
  const searched = arms.filter(({ role }) => role === "search").map(({ name }) => name)
  const here = searched.filter((name) => shown.has(name))
  const few =
    here.length <= mostColoured
      ? here
      : (highlighted ?? here).filter((name) => here.includes(name)).slice(0, mostColoured)
  const short = shortNames(searched, 240, labelSize)
  const words = (name: string): string => short.get(name) ?? name
  return {
    few: new Set(few),
    words,
    domain: searched.map(words),
    legend: few.map(words),
    armsHere: shown.size,
    hidden: here.length - few.length,
    controls: shown.size - here.length,
  }
}

/** One row a curve, its points in lists. */
const rowsOf = (
  { trials }: Curves,
  panels: ReadonlyArray<Panel>,
  { few, words }: ReturnType<typeof coloursOf>,
): ReadonlyArray<Spec> =>
  panels.flatMap(({ key, most: limit = Infinity }) =>
    trials.flatMap(({ arm, curves, id, name }) => {
      const series = curves[key]
      if (series === undefined || series.steps.length === 0) return []
      const { steps, values } = thinned(series, pointsOf(trials.length))
      const limited = values.map((value) => Math.min(limit, value))
      return [{ c: key, id, name, arm: few.has(arm) ? words(arm) : rest, s: steps, v: limited }]
    }),
  )

/** How the lines of one picture look. */
interface Look {
  readonly colour: Spec
  readonly dash: Spec
  readonly opacity: number
  readonly hasRest: boolean
  readonly isMeaned: boolean
}

const panelSpec = ({ format, key, mark, title }: Panel, isLast: boolean, look: Look): Spec => {
  const { colour, dash, hasRest, isMeaned, opacity } = look
  const x: Spec = {
    field: "s",
    type: "quantitative",
    scale: { nice: false },
    title: isLast ? "step" : null,
    axis: { format: "~s", tickCount: 8, grid: false, labels: isLast, ticks: isLast },
  }
  const y: Spec = {
    field: "v",
    type: "quantitative",
    title: null,
    scale: { zero: false },
    axis: { tickCount: 4, format: format === "percent" ? ".0%" : "~g" },
  }
  const tooltip: ReadonlyArray<Spec> = [
    { field: "name", type: "nominal", title: "trial" },
    { field: "s", type: "quantitative", title: "step" },
    { field: "v", type: "quantitative", format: ".4~g", title },
  ]
  const line = (filter: string, markOf: Spec, encoding: Spec): Spec => ({
    transform: [{ filter }],
    mark: { type: "line", interpolate: "monotone", ...markOf },
    encoding: { x, y, detail: { field: "id" }, tooltip, ...encoding },
  })
  const coloured = { color: colour, strokeDash: dash }
  const grey: Spec = { style: "faint", fill: null, strokeWidth: 0.9, opacity }
  const thin: Spec = isMeaned ? { strokeWidth: 0.9, opacity } : { strokeWidth: 1.6, opacity: 1 }
  const means: Spec = {
    transform: [
      { filter: `datum.arm !== '${rest}'` },
      { aggregate: [{ op: "mean", field: "v", as: "v" }], groupby: ["arm", "s"] },
    ],
    mark: { type: "line", strokeWidth: 2.4, interpolate: "monotone" },
    encoding: { x, y, ...coloured },
  }
  const reference: Spec = {
    data: { values: [{ mark }] },
    mark: { type: "rule", style: "faint", strokeDash: [4, 3] },
    encoding: { y: { field: "mark", type: "quantitative" } },
  }
  return {
    ...plot,
    title: {
      text: title,
      fontSize: 12,
      fontWeight: 600,
      offset: 6,
      anchor: "start",
      frame: "group",
    },
    transform: [{ filter: `datum.c === ${JSON.stringify(key)}` }, { flatten: ["s", "v"] }],
    layer: [
      ...(hasRest ? [line(`datum.arm === '${rest}'`, grey, {})] : []),
      line(`datum.arm !== '${rest}'`, thin, coloured),
      ...(isMeaned ? [means] : []),
      ...(mark === undefined ? [] : [reference]),
    ],
  }
}

export const curvesPicture = (curves: Curves, panels: ReadonlyArray<Panel>): Picture => {
  const { subtitle = "", title, trials } = curves
  const present = panels.filter(({ key }) =>
    trials.some((trial) => trial.curves[key] !== undefined),
  )
  const arms = coloursOf(curves)
  const { armsHere, controls, domain, hidden } = arms
  const isMeaned = trials.length > armsHere
  const legend: Spec = {
    title: "arm",
    values: arms.legend,
    orient: "bottom",
    columns: 2,
    direction: "horizontal",
    symbolType: "stroke",
    symbolStrokeWidth: 3,
    symbolOpacity: 1,
  }
  const look: Look = {
    colour: {
      field: "arm",
      type: "nominal",
      scale: { domain },
      legend: arms.legend.length === 0 ? null : legend,
    },
    dash: {
      field: "arm",
      type: "nominal",
      scale: {
        domain,
        range: domain.map((_, i) => dashes[Math.floor(i / hueCount) % dashes.length]!),
      },
      legend: arms.legend.length === 0 ? null : legend,
    },
    opacity: trials.length <= 6 ? 0.8 : trials.length <= 40 ? 0.45 : 0.22,
    hasRest: hidden + controls > 0,
    isMeaned,
  }
  const grey = [
    ...(controls === 0 ? [] : [counted(controls, "control")]),
    ...(hidden === 0 ? [] : [counted(hidden, "other arm")]),
  ]
  const notes = [
    ...(subtitle === "" ? [] : [subtitle]),
    ...(isMeaned ? ["thin: trials; strong: mean of an arm's seeds"] : []),
    ...(grey.length === 0 ? [] : [`grey: ${grey.join(", ")}`]),
  ]
  return picture(
    {
      title,
      subtitle: notes.join("; "),
      description: `${present.map((one) => one.title).join(", ") || "Nothing yet"} over the steps, of ${counted(trials.length, "trial")} in ${counted(armsHere, "arm")}.`,
      width: plot.width,
    },
    present.length === 0
      ? { data: { values: [] }, mark: "line" }
      : {
          data: { values: rowsOf(curves, present, arms) },
          vconcat: present.map((one, i) => panelSpec(one, i === present.length - 1, look)),
          spacing: 16,
          resolve: { scale: { color: "shared", strokeDash: "shared" } },
        },
  )
}

export const costOverTarget = "expectedCostOverTarget"

/** What to watch of a search. */
export const searchPicture = (curves: Curves): Picture =>
  curvesPicture(curves, [
    { key: search.reward.key, title: "reward, mean of the proposals" },
    { key: search.entropy.key, title: "entropy (nats, mean over the decisions)" },
    { key: search.commitment.key, title: "commitment" },
    { key: costOverTarget, title: "expected cost over target (2 and more as 2)", mark: 1, most: 2 },
  ])

/** How the weights learn. */
export const learningPicture = (curves: Curves): Picture =>
  curvesPicture(curves, [
    { key: phases.train.loss.key, title: "training loss (nats)" },
    { key: phases.train.accuracy.key, title: "training accuracy (%)", format: "percent" },
    { key: "fine_tune/loss", title: "fine-tuning loss (nats)" },
    { key: "retrain/loss", title: "retraining loss (nats)" },
  ])
