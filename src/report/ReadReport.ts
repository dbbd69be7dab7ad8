/**
 * The report of a plan, from what its state folder knows now: records, journals, policies. A trial that cannot be read
 * stands on the page with what is wrong with it. Left out: the page itself (`ReportPage.ts`).
 */
import { Clock, Effect, FileSystem } from "effect"
import { stringify } from "yaml"
import { shellCommand } from "../declaration/Shell.ts"
import { version } from "../disk/Installation.ts"
import type { Plan, PlannedTrial } from "../experiment/Plan.ts"
import * as State from "../orchestrator/State.ts"
import * as TrialIndex from "../orchestrator/TrialIndex.ts"
import { standingOf, type TrialStanding } from "../orchestrator/TrialStatus.ts"
import { spread, thinned } from "../picture/Series.ts"
import { scrub } from "../track/Secrets.ts"
import { readCurves } from "../track/SpoolMetrics.ts"
import { totalSteps } from "../train/TrainSpec.ts"
import { type Figures, figuresOf } from "./Figures.ts"
import { gridPictures, type PolicyFile, trialPictures } from "./GridPictures.ts"
import { packPicture, packTrial } from "./PackedData.ts"
import { isDrawn } from "./PictureData.ts"
import type { ReportHead, ReportTrial } from "./ReportData.ts"
import { reportPage } from "./ReportPage.ts"
import { targetIn } from "./Targets.ts"
import { recordOf } from "./TrialRecords.ts"

export interface ReportOptions {
  /** The first words of commands: `./fliqs` in a checkout. */
  readonly program: string
  /** Changes of the plan, as `--set` takes them. */
  readonly sets: ReadonlyArray<string>
  /** The state folder as commands name it; undefined where they find it themselves. */
  readonly state?: string
}

/** Trials that are read and packed at once. */
const concurrency = 8

const readText = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(fs.readFileString(path), () => undefined)
})

/** Beyond so many trials their pages show fewer points: the file would be slow to make and to open. */
const manyTrials = 200
const fewMoments = 20
const fewPoints = 40

const parsePolicy = (text: string | undefined, isLarge: boolean): PolicyFile | undefined => {
  try {
    if (text === undefined) return undefined
    const { decisions, history } = JSON.parse(text) as PolicyFile
    return { decisions, history: isLarge ? spread(history, fewMoments) : history }
  } catch {
    return undefined
  }
}

/** A planned trial and how it stands. */
interface Read {
  readonly planned: PlannedTrial
  readonly standing: TrialStanding
  readonly target: number | undefined
}

const readAll = Effect.fnUntraced(function* (plan: Plan, folder: string) {
  const index = TrialIndex.open(folder)
  const all = yield* Effect.forEach(plan.trials, (planned) =>
    Effect.map(standingOf(index, planned.id), (standing): Read => ({
      planned,
      standing,
      target: targetIn(planned),
    })),
  )
  yield* index.save
  return all
})

const commandsOf = (
  { file }: Plan,
  { planned: { id }, standing }: Read,
  { program, sets, state }: ReportOptions,
): ReportTrial["commands"] => {
  const where = state === undefined ? [] : ["--state", state]
  const changes = sets.flatMap((set) => ["--set", set])
  const run = (...more: ReadonlyArray<string>) =>
    scrub(shellCommand([program, "run", file, ...changes, "--only", id, ...more, ...where]))
  const on = (...words: ReadonlyArray<string>) => shellCommand([program, ...words, ...where])
  return standing.state === "finished"
    ? [
        ["Run this trial again, from scratch", run("--restart")],
        ["Show it", on("show", id)],
        ["Export its network as ONNX", on("export", id, "--to", "onnx", "--out", `${id}.onnx`)],
        ["Measure it on the test split", on("evaluate", id)],
      ]
    : [
        ["Run this trial, or go on with it", run()],
        ["Show it", on("show", id)],
      ]
}

const alarmsOf = ({ standing: { damage, result } }: Read): ReadonlyArray<string> => [
  ...(damage === undefined ? [] : [`damaged: ${damage.path}: ${damage.message}; ${damage.fix}`]),
  ...(result?.message === undefined ? [] : [`${result.cause ?? "failed"}: ${result.message}`]),
  ...(result?.warnings.map(({ message }) => message) ?? []),
]

const reportTrial = (
  plan: Plan,
  read: Read,
  { arm, trial }: Pick<ReportTrial, "arm" | "trial">,
  options: ReportOptions,
): Omit<ReportTrial, "yaml"> => {
  const { result, state, step } = read.standing
  return {
    arm,
    trial,
    state,
    step,
    steps: totalSteps(read.planned.declaration),
    ...(result === undefined ? {} : { seconds: result.seconds }),
    alarms: alarmsOf(read),
    assignment: result?.assignment ?? {},
    commands: commandsOf(plan, read, options),
  }
}

/** Reads what the page of a trial shows, and packs it: a large grid never lies whole in memory. */
const packOne = Effect.fnUntraced(function* (
  folder: string,
  title: string,
  figures: Figures,
  { planned, target }: Read,
  known: Omit<ReportTrial, "yaml">,
) {
  const { arm, trial } = known
  const place = State.trialFolder(folder, trial.id)
  const yaml = scrub(
    (yield* readText(`${place}/artifacts/trial.yaml`)) ?? stringify(planned.declaration),
  )
  const isLarge = figures.counts.trials > manyTrials
  const read = yield* readCurves(TrialIndex.spoolOf(folder, trial.id), isDrawn)
  const curves = isLarge
    ? new Map([...read].map(([key, curve]) => [key, thinned(curve, fewPoints)]))
    : read
  const policy = arm.isSearch
    ? parsePolicy(yield* readText(`${place}/artifacts/policy.json`), isLarge)
    : undefined
  const pictures = trialPictures(figures, arm, trial, {
    curves,
    ...(policy === undefined ? {} : { policy }),
    ...(target === undefined ? {} : { target }),
  })
  const one = { ...known, yaml }
  return { one, curves, data: yield* Effect.promise(() => packTrial(title, one, pictures)) }
})

const headOf = Effect.fnUntraced(function* (plan: Plan, { program, sets, state }: ReportOptions) {
  const words = [
    program,
    "run",
    plan.file,
    ...sets.flatMap((set) => ["--set", set]),
    ...(state === undefined ? [] : ["--state", state]),
  ]
  return {
    title: plan.name,
    ...(plan.description === undefined ? {} : { description: plan.description }),
    command: scrub(shellCommand(words)),
    made: { time: new Date(yield* Clock.currentTimeMillis), version: version() },
  } satisfies ReportHead
})

/** The page of a grid, as it stands now. */
export const reportOf = Effect.fn("reportOf")(function* (
  plan: Plan,
  folder: string,
  options: ReportOptions,
) {
  const head = yield* headOf(plan, options)
  const all = yield* readAll(plan, folder)
  const byId = new Map(all.map((read) => [read.planned.id, read]))
  const figures = figuresOf(
    all.map(({ planned, standing: { result, state } }) => recordOf(planned, state, result)),
  )
  const members = figures.arms.flatMap((arm) => arm.trials.map((trial) => ({ arm, trial })))
  const packed = yield* Effect.forEach(
    members,
    (member) => {
      const read = byId.get(member.trial.id)!
      const known = reportTrial(plan, read, member, options)
      return packOne(folder, head.title, figures, read, known)
    },
    { concurrency },
  )
  const targets = new Map(
    all.flatMap(({ planned: { id }, target }) => (target === undefined ? [] : [[id, target]])),
  )
  const curves = new Map(packed.map(({ curves: own, one }) => [one.trial.id, own]))
  const pictures = gridPictures(figures, { title: head.title, curves, targets })
  const drawn = yield* Effect.promise(() => Promise.all(pictures.map(packPicture)))
  return reportPage({
    ...head,
    figures,
    pictures,
    trials: packed.map(({ one }) => one),
    data: [...drawn, ...packed.map(({ data }) => data)],
  })
})
