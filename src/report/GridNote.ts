/**
 * The note of a grid in the tracker: the comparison itself. Which arm is best at each cost and by how much, links to the
 * pages that show more, a table of the arms over their seeds, a table of the trials. Left out: the note of a trial
 * (`TrialNote.ts`), the figures (`Figures.ts`).
 *
 * MLflow keeps 8 000 characters of a note, so tables of large grids show their best rows.
 */
import { derived, final } from "../metric/Metrics.ts"
import {
  bestFirst,
  type CostLevel,
  type Difference,
  type FiguredArm,
  type Figures,
} from "./Figures.ts"
import {
  costAmount,
  costText,
  differenceCell,
  differenceText,
  meanText,
  rounded,
  signedText,
} from "./FigureTexts.ts"
import type { ArmTrial } from "./Arms.ts"
import { codeBlock, escaped, markdownTable } from "./Markdown.ts"

export interface GridNote {
  readonly description: string | undefined
  /** The command that runs the grid. */
  readonly command: string
  /** How each trial stands, by its id: `running`, `finished`, ... */
  readonly states: ReadonlyMap<string, string>
  /** Files of the run to show. */
  readonly pictures: ReadonlyArray<{ readonly title: string; readonly path: string }>
  /** Whether the report is among its artifacts. */
  readonly report: string | undefined
}

/** What MLflow keeps, less some room. */
const mostCharacters = 7700
/** Characters that a link has more in MLflow than in a note of ours. */
const linkGrowth = 90
const mostRows = 40
const mostLevels = 8

const trialLink = ({ id, label }: ArmTrial): string => `[${escaped(label)}](fliqs:trial/${id})`

const valueOf = ({ metrics }: FiguredArm, key: string): string => {
  const spread = metrics[key]
  return spread === undefined ? "" : meanText(key, spread)
}

const meanOf = ({ metrics }: FiguredArm, key: string): string => {
  const spread = metrics[key]
  return spread === undefined ? "" : rounded(spread.mean)
}

const bestTrial = ({ trials }: FiguredArm, quality: string): ArmTrial | undefined =>
  trials
    .filter(({ metrics }) => metrics[quality] !== undefined)
    .toSorted((a, b) => b.metrics[quality]! - a.metrics[quality]!)[0]

/** `- at 0.00037: **x1 reinforce** 0.53 ± 0.06; +6.7 points against uniform INT4 at equal cost; ...` */
const levelLine = ({ arms, cost, lead }: CostLevel, figures: Figures): string => {
  const [best] = arms
  if (best === undefined) return ""
  const second = lead ?? best.difference
  const said = second === undefined ? "" : `: ${escaped(differenceText(second))}`
  return `- at ${costAmount(figures.cost, cost)}: **${escaped(best.label)}**, ${valueOf(best, figures.quality)}${said}`
}

const answer = (figures: Figures): ReadonlyArray<string> => {
  const levels = figures.levels.slice(0, mostLevels)
  if (levels.length === 0) return ["No trial has finished yet."]
  return [
    `Best arm at equal cost, by mean ${figures.quality}:`,
    "",
    ...levels.map((level) => levelLine(level, figures)),
    ...(figures.levels.length > levels.length
      ? [`- ${figures.levels.length - levels.length} higher costs are in the table`]
      : []),
  ]
}

const armRow = (arm: FiguredArm, { cost, quality }: Figures): ReadonlyArray<string> => {
  const { counts, difference, isOnFront, label, trials } = arm
  const best = bestTrial(arm, quality)
  return [
    `${escaped(label)}${isOnFront ? " (front)" : ""}`,
    `${counts.finished}/${trials.length}`,
    valueOf(arm, quality),
    valueOf(arm, cost),
    [derived.weightBits.key, derived.activationBits.key].map((key) => meanOf(arm, key)).join(" / "),
    difference === undefined ? "" : escaped(differenceCell(difference)),
    difference === undefined ? "" : escaped(`${difference.against.label} ${costText(difference)}`),
    best === undefined ? "" : trialLink(best),
  ]
}

const armTable = (figures: Figures, most: number): ReadonlyArray<string> => {
  const arms = bestFirst(figures.arms, figures.quality)
  return [
    "### Arms, mean and spread over seeds",
    "",
    ...markdownTable(
      [
        "arm",
        "trials",
        figures.quality,
        figures.cost,
        "mean bits, weights / activations",
        "difference (95 % interval)",
        "to",
        "best trial",
      ],
      arms.slice(0, most).map((arm) => armRow(arm, figures)),
    ),
    ...(arms.length > most ? ["", `${arms.length - most} more arms: \`fliqs compare\``] : []),
  ]
}

const trialTable = (
  figures: Figures,
  { states }: GridNote,
  most: number,
): ReadonlyArray<string> => {
  const trials = figures.arms
    .flatMap((arm) => arm.trials)
    .toSorted((a, b) => (b.metrics[figures.quality] ?? -1) - (a.metrics[figures.quality] ?? -1))
  const shown = trials.slice(0, most)
  const of = ({ metrics }: ArmTrial, key: string) =>
    metrics[key] === undefined ? "" : rounded(metrics[key])
  return [
    "### Trials, the best first",
    "",
    ...markdownTable(
      ["trial", "state", figures.quality, "cost / target", figures.cost],
      shown.map((trial) => [
        trial.state === "finished" ? trialLink(trial) : escaped(trial.label),
        states.get(trial.id) ?? trial.state,
        of(trial, figures.quality),
        of(trial, final.costOverTarget.key),
        of(trial, figures.cost),
      ]),
    ),
    ...(trials.length > shown.length
      ? ["", `${trials.length - shown.length} more: [All trials](fliqs:view/trials)`]
      : []),
  ]
}

const links = ({ report }: GridNote): string =>
  [
    "[Accuracy against cost](fliqs:view/accuracy)",
    "[Arms, mean over seeds](fliqs:view/arms)",
    "[Curves](fliqs:view/curves)",
    "[All trials](fliqs:view/trials)",
    ...(report === undefined ? [] : [`[Report](fliqs:artifact/${report})`]),
  ].join(" | ")

/** `+2.1 points over uniform INT4 (95 %: +0.9 to +3.3, 3 seeds)`: MLflow shows one line of it. */
const shortDifference = (difference: Difference): string => {
  const { against, interval, mean, metric, pairs, side } = difference
  const signed = (value: number) => signedText(metric, value)
  const over =
    interval === undefined
      ? "one seed"
      : `95 %: ${signed(interval.low)} to ${signed(interval.high)}, ${pairs} seeds`
  const where = side === "near" ? "" : ` ${costText(difference)}`
  return `${signed(mean)} points over ${escaped(against.label)}${where} (${over})`
}

/** `**x1 reinforce** is best at 0.0048 GBOPs: 0.742, ...`; the name is the link to the arm's best trial. */
const bestAt = (level: CostLevel, figures: Figures): ReadonlyArray<string> => {
  const { quality } = figures
  const [best] = level.arms
  if (best === undefined) return []
  const second = level.lead ?? best.difference
  const trial = bestTrial(best, quality)
  const label = escaped(best.label)
  const name = trial === undefined ? label : `[${label}](fliqs:trial/${trial.id})`
  const value = rounded(best.metrics[quality]?.mean ?? Number.NaN, 3)
  const said = second === undefined ? "" : `, ${shortDifference(second)}`
  return [`**${name}** is best at ${costAmount(figures.cost, level.cost)}: ${value}${said}`]
}

/**
 * The best arm at the cost that most arms have, in a sentence, and below, where MLflow folds it, at the other costs that
 * several arms have; undefined while no trial has finished.
 */
export const gridHeadline = (figures: Figures): string | undefined => {
  const [first, ...rest] = figures.levels.toSorted((a, b) => b.arms.length - a.arms.length)
  const others = rest.filter(({ arms }) => arms.length > 1).slice(0, mostLevels)
  const sentences = [first, ...others].flatMap((level) =>
    level === undefined ? [] : bestAt(level, figures),
  )
  return sentences.length === 0
    ? undefined
    : [...sentences, "[The whole comparison](fliqs:grid/)"].join("\n\n")
}

const progress = ({ counts }: Figures): string =>
  [
    `${counts.finished} of ${counts.trials} trials finished`,
    ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
  ].join(", ")

const written = (figures: Figures, note: GridNote, most: number): string =>
  [
    ...answer(figures),
    "",
    `${progress(figures)}. ${links(note)}`,
    "",
    ...armTable(figures, most),
    "",
    ...note.pictures.flatMap(({ path, title }) => [`![${escaped(title)}](fliqs:file/${path})`, ""]),
    ...trialTable(figures, note, most),
    "",
    ...(note.description === undefined ? [] : [note.description, ""]),
    ...codeBlock(note.command),
    "",
  ].join("\n")

/** The note of a grid, with as many rows as MLflow has room for. */
export const gridNote = (figures: Figures, note: GridNote): string => {
  for (let most = mostRows; ; most = Math.floor(most * 0.7)) {
    const text = written(figures, note, most)
    const length = text.length + linkGrowth * text.split("](fliqs:").length
    if (length <= mostCharacters || most <= 2) return text
  }
}

/** The metrics of the run of a grid. */
export const gridMetrics = (figures: Figures): Readonly<Record<string, number>> => {
  const { arms, counts, quality } = figures
  const means = arms.flatMap(({ label, metrics }) => {
    const spread = metrics[quality]
    return spread === undefined ? [] : [{ label, spread }]
  })
  const few = (value: number) => Number(value.toPrecision(5))
  return {
    "grid/trials_finished": counts.finished,
    "grid/trials_failed": counts.failed,
    ...(means.length === 0
      ? {}
      : {
          "grid/best_accuracy": few(Math.max(...means.map(({ spread }) => spread.max))),
          "grid/best_arm_accuracy": few(Math.max(...means.map(({ spread }) => spread.mean))),
        }),
    ...Object.fromEntries(
      means.map(({ label, spread }) => [
        `mean_accuracy/${label.replaceAll("/", ":")}`,
        few(spread.mean),
      ]),
    ),
  }
}
