/**
 * A study as text: its arms side by side over the seeds, the first against every other, paired by seed.
 *
 * An arm is what trials share that differ in nothing but their seed. A win is a paired difference whose 95 % interval
 * lies above 0. Pure; left out: running trials and where their lines lie (`scripts/study.ts`).
 */
import { Schema } from "effect"
import { flatten } from "../../src/experiment/Parameters.ts"
import { isSearching } from "../../src/search/Searches.ts"
import { final } from "../../src/metric/Metrics.ts"
import { armOf, type Parameters, parameterWord } from "./Arm.ts"
import { pairedDifference } from "../../src/report/Paired.ts"

/** One trial that has ended: a line of JSON. */
export const StudyLine = Schema.Struct({
  id: Schema.String,
  /** `armOf` the parameters. */
  arm: Schema.String,
  /** All of the trial, flat and resolved, as `plan --json` has it. */
  parameters: Schema.Record(Schema.String, Schema.String),
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

/** What `plan --json` says of a trial, as far as a line needs it. */
export interface Planned {
  readonly id: string
  readonly parameters: Parameters
}

const decodePlan = Schema.decodeUnknownSync(
  Schema.Struct({
    trials: Schema.Array(
      Schema.Struct({
        id: Schema.String,
        parameters: Schema.Record(
          Schema.String,
          Schema.Union([Schema.String, Schema.Number, Schema.Boolean]),
        ),
      }),
    ),
  }),
)

/** The trials of `plan --json`, their parameters as the texts that a line keeps. Throws on anything else. */
export const plannedOf = (plan: unknown): ReadonlyArray<Planned> =>
  decodePlan(plan).trials.map(({ id, parameters }) => ({ id, parameters: flatten(parameters) }))

/**
 * The lines of the trials of a plan, in its order: what an experiment said before it was changed, and a line that two
 * machines added, do not count.
 */
export const linesOfPlan = (
  lines: ReadonlyArray<StudyLine>,
  trials: ReadonlyArray<Planned>,
): ReadonlyArray<StudyLine> => {
  const byId = new Map(lines.map((line) => [line.id, line]))
  return trials.flatMap(({ id }) => byId.get(id) ?? [])
}

export interface Arm {
  readonly name: string
  readonly finished: ReadonlyArray<StudyLine>
  readonly failed: number
}

/** Of no arm: the seed, the file it came from, what is done after the search, what a search of this seed found. */
const isShared = (key: string): boolean =>
  key !== "seed" &&
  key !== "name" &&
  !key.startsWith("finish.") &&
  !key.startsWith("search.assignment")

/** The reward is nothing to a fixed assignment. */
const isRead = (key: string, { parameters }: StudyLine): boolean =>
  isSearching(parameters["search.kind"]) || !key.startsWith("reward.")

/** Parameters in which lines of one arm differ: they are arms of their own. */
const differing = (lines: ReadonlyArray<StudyLine>): ReadonlyArray<string> => {
  const keys = new Set(lines.flatMap(({ parameters }) => Object.keys(parameters)))
  return [...keys].filter(
    (key) =>
      isShared(key) &&
      lines.some((line) => isRead(key, line)) &&
      new Set(lines.map(({ parameters }) => parameters[key])).size > 1,
  )
}

/** The arm of each line, with what tells it from others of its name. */
const namesOf = (lines: ReadonlyArray<StudyLine>): ReadonlyArray<string> => {
  const keysOf = new Map(
    [...new Set(lines.map(({ arm }) => arm))].map((arm) => [
      arm,
      differing(lines.filter((line) => line.arm === arm)),
    ]),
  )
  return lines.map(({ arm, parameters }) => {
    const more = keysOf.get(arm)!.flatMap((key) => {
      const value = parameters[key]
      return value === undefined ? [] : [parameterWord(key, value)]
    })
    return [arm, ...more].join(" ")
  })
}

/** In the order of their first lines; the arm of the trial with these parameters, where there is one, before all. */
export const armsOf = (lines: ReadonlyArray<StudyLine>, first?: Parameters): ReadonlyArray<Arm> => {
  const names = namesOf(lines)
  const reference = first === undefined ? undefined : armOf(first)
  const isFirst = (name: string) =>
    names.some((other, i) => other === name && lines[i]!.arm === reference)
  return [...new Set(names)]
    .toSorted((a, b) => Number(isFirst(b)) - Number(isFirst(a)))
    .map((name) => {
      const own = lines.filter((_, i) => names[i] === name)
      const finished = own.filter(({ state }) => state === "finished")
      return { name, finished, failed: own.length - finished.length }
    })
}

/** Of the lines that have one; of two stages it is that of the second. */
export const accuraciesOf = (lines: ReadonlyArray<StudyLine>): ReadonlyArray<number> =>
  lines.flatMap(
    ({ arm, metrics }) =>
      metrics[(arm === "two-stage" ? final.retrainAccuracy : final.accuracy).key] ?? [],
  )

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => a + b, 0) / values.length

/** Sample standard deviation of two or more. */
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
    const [own, others] = [accuraciesOf([line]), accuraciesOf(pair === undefined ? [] : [pair])]
    return own.flatMap((accuracy) => others.map((other) => accuracy - other))
  })

const gaps = ({ finished }: Arm): ReadonlyArray<number> =>
  finished.flatMap(({ arm, metrics }) =>
    arm === "two-stage" ? [] : (metrics[final.retrainGap.key] ?? []),
  )

const row = (cells: ReadonlyArray<string>): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`

/** What an arm's networks cost on average, in the unit of their cost. */
export const costOf = ({ finished }: Arm): number =>
  mean(finished.flatMap(({ metrics }) => metrics[final.cost.key] ?? []))

/** The target of an arm's searches, in the unit of their cost. */
const targetOf = ({ finished }: Arm): number =>
  mean(finished.map(({ metrics }) => metrics[final.cost.key]! / metrics[final.costOverTarget.key]!))

/** A fixed assignment has no target: it stands at its cost over that of the first arm. */
const ratioOf = (arm: Arm, first: Arm): number => {
  const isFixed = arm.finished.some(({ parameters }) => !isSearching(parameters["search.kind"]))
  const isOfOneCost = [arm, first].every(
    ({ finished }) =>
      finished[0]?.parameters["reward.cost.kind"] ===
      first.finished[0]?.parameters["reward.cost.kind"],
  )
  return isFixed && isOfOneCost && first.finished.length > 0
    ? costOf(arm) / targetOf(first)
    : mean(arm.finished.flatMap(({ metrics }) => metrics[final.costOverTarget.key] ?? []))
}

const armRow = (arm: Arm, first: Arm): string => {
  const { failed, finished, name } = arm
  const accuracies = accuraciesOf(finished)
  const spread = accuracies.length < 2 ? undefined : deviation(accuracies)
  const minutes = mean(finished.map(({ seconds }) => seconds / 60))
  const differences = arm === first ? [] : differencesOf(first, arm)
  const none = finished.length === 0
  return row([
    name,
    `${finished.length}${failed === 0 ? "" : ` (${failed} failed)`}`,
    none ? "" : `${points(mean(accuracies))}${spread === undefined ? "" : ` ± ${points(spread)}`}`,
    none ? "" : String(Number(costOf(arm).toPrecision(4))),
    none ? "" : ratioOf(arm, first).toFixed(3),
    arm === first ? "" : interval(differences),
    arm === first ? "" : verdict(differences),
    none ? "" : minutes.toFixed(1),
  ])
}

/** The table of a study and what else its lines say, as Markdown. Accuracies in percent, differences in points. */
export const studyText = (lines: ReadonlyArray<StudyLine>, reference?: Parameters): string => {
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
