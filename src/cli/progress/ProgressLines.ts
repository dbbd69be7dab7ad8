/**
 * The lines of a running grid, for a terminal of any size: whole fields that fit; those of least worth are left out first,
 * and none is cut. A trial takes one line. Left out: when the lines
 * are drawn (`Display.ts`), where their values come from (`ProgressDisplay.ts`).
 */
import * as Metrics from "../../metric/Metrics.ts"
import * as Costs from "../../cost/Costs.ts"
import type { Heartbeat } from "../../orchestrator/Heartbeat.ts"
import type { TrialFile } from "../../orchestrator/State.ts"
import type { Size } from "../Display.ts"
import { printable, short, width } from "../Output.ts"

export interface AtWork {
  readonly trial: TrialFile
  /** Its place among the trials of the run, from 1. */
  readonly place: number
  /** What it searches for, in the unit of its cost; undefined without a target. */
  readonly target: number | undefined
  readonly heartbeat: Heartbeat | undefined
}

/** The state of the run as a whole. */
export interface Whole {
  readonly total: number
  readonly done: number
  readonly failed: number
  /** Seconds until the last trial ends; undefined while not known. */
  readonly secondsLeft: number | undefined
}

/** A part of a line. The higher its worth, the longer it stays when there is less room. */
interface Field {
  readonly text: string
  readonly worth: number
}

const gap = "  "

/** Time left, no more precise than the estimate: `45 s left`, `12 min left`, `1 h 05 min left`, `3 d 4 h left`. */
export const timeLeft = (seconds: number): string => {
  const minutes = Math.round(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (seconds < 60) return `${Math.ceil(seconds)} s left`
  if (hours < 1) return `${minutes} min left`
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min left`
  return `${Math.floor(hours / 24)} d ${hours % 24} h left`
}

/** Seconds until a trial ends, by its speed now. */
export const secondsLeftOf = ({ heartbeat, trial }: AtWork): number | undefined =>
  heartbeat === undefined || heartbeat.stepsPerSecond <= 0
    ? undefined
    : Math.max(0, trial.steps - heartbeat.step) / heartbeat.stepsPerSecond

/** Three digits, trailing zeros kept: a field of constant width does not move the line. */
const three = (value: number): string => {
  const size = Math.abs(value)
  return size >= 1e-4 && size < 1000 ? value.toPrecision(3) : short(value, 3)
}

const costText = (value: number, { parameters }: TrialFile): string => {
  const kind = parameters["reward.cost.kind"] ?? "gbops"
  const { printUnit, scale } = Costs.Costs.members[kind as Costs.CostSpec["kind"]]
  return `${three(value / scale)} ${printUnit}`
}

/** What a heartbeat measured, most important first. */
const figures = ({ heartbeat, target, trial }: AtWork): ReadonlyArray<Field> => {
  if (heartbeat === undefined) return []
  const { metrics, stepsPerSecond } = heartbeat
  const figure = (
    label: string,
    value: number | undefined,
    worth: number,
    show: (value: number) => string = three,
  ): ReadonlyArray<Field> =>
    value === undefined ? [] : [{ text: `${label} ${show(value)}`, worth }]
  const isSearching = Metrics.search.reward.key in metrics
  const loss =
    metrics[
      [Metrics.phases.retrain.loss.key, Metrics.phases.fineTune.loss.key].find(
        (key) => key in metrics,
      ) ?? Metrics.phases.train.loss.key
    ]
  return [
    ...(stepsPerSecond > 0 ? [{ text: `${short(stepsPerSecond, 3)} steps/s`, worth: 45 }] : []),
    ...figure("reward", metrics[Metrics.search.reward.key], 55),
    ...figure("entropy", metrics[Metrics.search.entropy.key], 50),
    ...(target === undefined
      ? figure("cost", metrics[Metrics.search.cost.key], 65, (value) => costText(value, trial))
      : figure("cost/target", metrics[Metrics.search.cost.key], 65, (value) =>
          (value / target).toFixed(3),
        )),
    ...figure("loss", loss, isSearching ? 25 : 70),
    ...figure("quality", metrics[Metrics.search.quality.key], 20),
  ]
}

/** The state of a trial: its place, its step, its time. */
const standing = (work: AtWork, total: number): ReadonlyArray<Field> => {
  const { heartbeat, place, trial } = work
  const left = secondsLeftOf(work)
  return [
    ...(total > 1 ? [{ text: `trial ${place}/${total}`, worth: 15 }] : []),
    { text: `step ${heartbeat?.step ?? 0}/${trial.steps}`, worth: 100 },
    ...(heartbeat === undefined
      ? [{ text: "getting ready", worth: 80 }]
      : left === undefined
        ? []
        : [{ text: left === 0 ? "finishing" : timeLeft(left), worth: 80 }]),
  ]
}

const lengthOf = (fields: ReadonlyArray<Field>): number =>
  fields.reduce((sum, { text }) => sum + width(text) + gap.length, -gap.length)

/** The fields that fit beside each other, in their order: they are taken by worth, up to the first that does not fit. */
const fitting = (fields: ReadonlyArray<Field>, columns: number): ReadonlyArray<Field> => {
  const kept = new Set<Field>()
  let room = columns + gap.length
  for (const field of fields.toSorted((a, b) => b.worth - a.worth)) {
    room -= width(field.text) + gap.length
    if (room < 0) break
    kept.add(field)
  }
  return fields.filter((field) => kept.has(field))
}

/** A name in so many columns: whole words, and an ellipsis if some are left out; undefined if none fits. */
const nameIn = (name: string, columns: number): string | undefined => {
  if (width(name) <= columns) return name
  const words = name.split(" ")
  for (let count = words.length - 1; count > 0; count--) {
    const text = `${words.slice(0, count).join(" ")} …`
    if (width(text) <= columns) return text
  }
  return undefined
}

const [fewestBar, mostBar] = [10, 20]

/** Full and empty parts of a bar. A terminal without UTF-8 shows wrong characters for the blocks, so it gets others. */
const barSigns = (): readonly [string, string] => {
  const { LANG, LC_ALL, LC_CTYPE } = process.env
  const locale = [LC_ALL, LC_CTYPE, LANG].find((value) => value !== undefined && value !== "")
  return locale !== undefined && !/utf-?8/i.test(locale) ? ["#", "."] : ["█", "░"]
}

/** A bar, if there is room for one. */
const barIn = ({ heartbeat, trial }: AtWork, columns: number): string | undefined => {
  const length = Math.min(mostBar, columns)
  if (length < fewestBar) return undefined
  const part = (heartbeat?.step ?? 0) / Math.max(1, trial.steps)
  const full = Math.min(length, Math.max(0, Math.round(part * length)))
  const [filled, empty] = barSigns()
  return filled.repeat(full) + empty.repeat(length - full)
}

/** A trial in one line: its bar, its figures and its name, as many of them as fit. */
const trialLine = (work: AtWork, total: number, columns: number): string => {
  // Without any of its name nobody knows which trial a line is of, where there are several.
  const name = nameIn(printable(work.trial.name), Math.floor(columns / 3))
  const fields: ReadonlyArray<Field> = [
    { text: "".padEnd(fewestBar, "-"), worth: 40 },
    ...standing(work, total),
    ...figures(work),
    ...(name === undefined ? [] : [{ text: name, worth: total > 1 ? 90 : 35 }]),
  ]
  const [bar] = fields
  const kept = fitting(fields, columns)
  const room = columns - lengthOf(kept)
  // What is left lengthens the bar.
  return kept
    .map((field) => (field === bar ? barIn(work, fewestBar + room)! : field.text))
    .join(gap)
}

/** The last line: how many are done and how long the rest takes; none for a run of one trial. */
export const wholeLine = (whole: Whole, columns: number): string | undefined => {
  const { done, failed, secondsLeft, total } = whole
  if (total <= 1) return undefined
  const fields = [
    { text: `${done} of ${total} trials done`, worth: 3 },
    ...(failed > 0 ? [{ text: `${failed} failed`, worth: 1 }] : []),
    ...(secondsLeft === undefined ? [] : [{ text: `grid: ${timeLeft(secondsLeft)}`, worth: 2 }]),
  ]
  return fitting(fields, columns)
    .map(({ text }) => text)
    .join(gap)
}

/** All lines, at most `rows` of them. */
export const gridLines = (
  atWork: ReadonlyArray<AtWork>,
  whole: Whole,
  { columns, rows }: Size,
): ReadonlyArray<string> => {
  if (atWork.length === 0) return []
  const last = wholeLine(whole, columns)
  const room = Math.max(1, rows - (last === undefined ? 0 : 1))
  const some = atWork.length > room ? atWork.slice(0, Math.max(1, room - 1)) : atWork
  const more = atWork.length - some.length
  return [
    ...some.map((work) => trialLine(work, whole.total, columns)),
    ...(more > 0 && room > 1 ? [`and ${more} more at work`] : []),
    ...(last === undefined ? [] : [last]),
  ]
}

/** One trial in plain words, for a log. */
export const logLine = (work: AtWork, whole: Whole): string => {
  const name = printable(work.trial.name)
  const all = wholeLine(whole, Infinity)
  const fields = [...standing(work, whole.total), ...figures(work)].map(({ text }) =>
    text.replace(/ +/g, " "),
  )
  return `${name}: ${fields.join(", ")}${all === undefined ? "" : ` (${all.split(gap).join(", ")})`}`
}
