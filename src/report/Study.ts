/**
 * A study as text: its arms side by side over the seeds, the first against every other, paired by seed.
 *
 * An arm is what trials share that differ in nothing but their seed. A win is a paired difference whose 95 % interval
 * lies above 0. Pure; left out: running trials and where their lines lie (`scripts/study.ts`).
 */
import { Schema } from "effect"
import { type Control, controlName } from "../experiment/Experiment.ts"
import { pairedDifference } from "./Paired.ts"

/** One trial that has ended: a line of JSON. */
export const StudyLine = Schema.Struct({
  id: Schema.String,
  arm: Schema.String,
  seed: Schema.Int,
  state: Schema.Literals(["finished", "failed"]),
  metrics: Schema.Record(Schema.String, Schema.Finite),
  assignment: Schema.Record(Schema.String, Schema.Json),
  steps: Schema.Int,
  /** Wall time of training, all attempts together. */
  seconds: Schema.Finite,
  /** Why it failed. */
  message: Schema.optionalKey(Schema.String),
})
export type StudyLine = typeof StudyLine.Type

/** What `plan --json` says of a trial, as far as it names its arm. */
export interface Planned {
  readonly id: string
  readonly control: Control | null
  readonly cell: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

const lastPart = (path: string): string => path.split(/[./]/).findLast((part) => part !== "yaml")!

/**
 * The arm of every trial of a plan: `reinforce`, `uniform INT4`, `reinforce budget=hard`. All that differs between the
 * trials but the seed and what is done after the search.
 */
export const armNames = (trials: ReadonlyArray<Planned>): ReadonlyArray<string> => {
  const own = trials.filter(({ control }) => control === null)
  const differs = (key: string) => new Set(own.map(({ cell }) => cell[key])).size > 1
  const isNamed = (key: string) =>
    key !== "search.kind" &&
    key !== "search.uniform" &&
    key !== "seed" &&
    !key.startsWith("finish.") &&
    // what searches found differs by seed
    !key.startsWith("search.assignment.")
  return trials.map(({ cell, control, parameters }) => {
    const format = parameters["search.uniform"]
    // one random assignment is not the search of that name
    const first = control === null ? cell["search.kind"]! : controlName(control)
    const more = Object.entries(cell)
      .filter(([key]) => isNamed(key) && differs(key))
      .map(([key, value]) => (key === "space" ? lastPart(value) : `${lastPart(key)}=${value}`))
    return [first, ...(format === undefined ? [] : [format]), ...more].join(" ")
  })
}

/**
 * The lines of the trials of a plan, in its order, each in the arm that the plan puts it in: what an experiment said
 * before it was changed, and a line that two machines added, do not count.
 */
export const linesOfPlan = (
  lines: ReadonlyArray<StudyLine>,
  trials: ReadonlyArray<Planned>,
): ReadonlyArray<StudyLine> => {
  const byId = new Map(lines.map((line) => [line.id, line]))
  const arms = armNames(trials)
  return trials.flatMap(({ id }, i) => {
    const line = byId.get(id)
    return line === undefined ? [] : [{ ...line, arm: arms[i]! }]
  })
}

export interface Arm {
  readonly name: string
  readonly finished: ReadonlyArray<StudyLine>
  readonly failed: number
}

/** In the order of their first lines; the arm named `first`, where there is one, before all. */
export const armsOf = (lines: ReadonlyArray<StudyLine>, first?: string): ReadonlyArray<Arm> => {
  const names = [...new Set(lines.map(({ arm }) => arm))]
  return names
    .toSorted((a, b) => Number(b === first) - Number(a === first))
    .map((name) => {
      const own = lines.filter(({ arm }) => arm === name)
      const finished = own.filter(({ state }) => state === "finished")
      return { name, finished, failed: own.length - finished.length }
    })
}

export const accuracyOf = ({ metrics }: StudyLine): number => metrics["final/accuracy"] ?? NaN

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => a + b, 0) / values.length

/** Sample standard deviation; NaN for fewer than two. */
const deviation = (values: ReadonlyArray<number>): number => {
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (values.length - 1))
}

const points = (share: number): string => (100 * share).toFixed(2)
const signed = (share: number): string => `${share < 0 ? "-" : "+"}${points(Math.abs(share))}`

const interval = (differences: ReadonlyArray<number>): string => {
  if (differences.length === 0) return "no pairs yet"
  const { high, low, mean: middle, pairs } = pairedDifference(differences)
  return pairs === 1
    ? `${signed(middle)}, one seed`
    : `${signed(middle)}, ${signed(low)} to ${signed(high)}`
}

const verdict = (differences: ReadonlyArray<number>): string => {
  if (differences.length < 2) return ""
  const { high, low } = pairedDifference(differences)
  return low > 0 ? "win" : high < 0 ? "loss" : "open"
}

/** Of the first arm less the other, seed by seed. */
const differencesOf = (first: Arm, other: Arm): ReadonlyArray<number> =>
  first.finished.flatMap((line) => {
    const pair = other.finished.find(({ seed }) => seed === line.seed)
    return pair === undefined ? [] : [accuracyOf(line) - accuracyOf(pair)]
  })

const gaps = ({ finished }: Arm): ReadonlyArray<number> =>
  finished.flatMap(({ metrics }) => metrics["final/retrain_gap"] ?? [])

const row = (cells: ReadonlyArray<string>): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`

const armRow = (arm: Arm, first: Arm): string => {
  const { failed, finished, name } = arm
  const of = (key: string) => finished.flatMap(({ metrics }) => metrics[key] ?? [])
  const accuracies = finished.map(accuracyOf)
  const spread = deviation(accuracies)
  const minutes = mean(finished.map(({ seconds }) => seconds / 60))
  const differences = arm === first ? [] : differencesOf(first, arm)
  const none = finished.length === 0
  return row([
    name,
    `${finished.length}${failed === 0 ? "" : ` (${failed} failed)`}`,
    none ? "" : `${points(mean(accuracies))}${Number.isNaN(spread) ? "" : ` ± ${points(spread)}`}`,
    none ? "" : String(Number(mean(of("final/cost")).toPrecision(4))),
    none ? "" : mean(of("final/cost_over_target")).toFixed(3),
    arm === first ? "" : interval(differences),
    arm === first ? "" : verdict(differences),
    none ? "" : minutes.toFixed(1),
  ])
}

/** The table of a study and what else its lines say, as Markdown. Accuracies in percent, differences in points. */
export const studyText = (lines: ReadonlyArray<StudyLine>, reference?: string): string => {
  const arms = armsOf(lines, reference)
  const first = arms[0]
  if (first === undefined) return "No trial has finished yet."
  const retrained = arms
    .filter((arm) => gaps(arm).length > 0)
    .map((arm) => `Retrain gap of ${arm.name}: ${interval(gaps(arm))} (${gaps(arm).length} seeds).`)
  return [
    row([
      "arm",
      "seeds",
      "accuracy, mean ± spread",
      "cost",
      "cost / target",
      `${first.name} less it, 95 % interval`,
      "",
      "minutes",
    ]),
    "|---|---|---|---|---|---|---|---|",
    ...arms.map((arm) => armRow(arm, first)),
    ...(retrained.length === 0 ? [] : ["", ...retrained]),
  ].join("\n")
}

/** `text` with what stands between the markers of `name` replaced; both are added at the end where they are missing. */
export const replaceBetween = (text: string, name: string, content: string): string => {
  const [begin, end] = [`<!-- study ${name} -->`, `<!-- end of ${name} -->`]
  const block = `${begin}\n\n${content}\n\n${end}`
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  return from < 0 || to < from
    ? `${text.trimEnd()}\n\n${block}\n`
    : `${text.slice(0, from)}${block}${text.slice(to + end.length)}`
}
