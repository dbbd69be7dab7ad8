/**
 * A running grid on stderr: on a terminal a few lines at the bottom that are drawn again and again; else a plain line
 * per trial every ten seconds, later every minute. What happens once (started, retried, ended) is a line of its own in
 * both. Left out: what the lines hold (`ProgressLines.ts`) and how they are drawn (`Display.ts`).
 */
import { Clock, Effect, Schedule } from "effect"
import { final } from "../../metric/Metrics.ts"
import type { Heartbeat } from "../../orchestrator/Heartbeat.ts"
import type { GridEvent, TrialSummary } from "../../orchestrator/GridOptions.ts"
import type { TrialFile } from "../../orchestrator/State.ts"
import type { Notice } from "../../orchestrator/Waiting.ts"
import * as Display from "../Display.ts"
import { duration, isInteractive, note, percent, printable, yellow } from "../Output.ts"
import { type AtWork, gridLines, logLine, secondsLeftOf, type Whole } from "./ProgressLines.ts"
import { secondsLeft, speeds } from "./TimeLeft.ts"
import { damageWords } from "../Trials.ts"

const drawEvery = "250 millis"
/** Milliseconds between two log lines of a trial: in its first minutes, and later. */
const logEvery = { first: 10_000, later: 60_000, after: 120_000 }
/** Steps from which on the speed of a trial says something. */
const fewestSteps = 10

interface Running extends AtWork {
  readonly fromStep: number
  readonly startedAt: number
  readonly loggedAt: number
}

type Timed = Parameters<typeof speeds>[0][number]

/** Seconds until the last trial ends, by the trials at work and by those of this run that have `ended`. */
const leftOf = (
  trials: ReadonlyArray<TrialFile>,
  atWork: ReadonlyMap<string, Running>,
  over: ReadonlySet<string>,
  ended: ReadonlyArray<Timed>,
  jobs: number,
): number | undefined => {
  const running = [...atWork.values()]
  const speedOf = speeds([
    ...ended,
    ...running.flatMap(({ heartbeat, trial }) =>
      heartbeat === undefined || heartbeat.stepsPerSecond <= 0
        ? []
        : [{ trial, secondsPerStep: 1 / heartbeat.stepsPerSecond }],
    ),
  ])
  const expected = (trial: TrialFile, step: number): number | undefined => {
    const speed = speedOf(trial)
    return speed === undefined ? undefined : speed * (trial.steps - step)
  }
  return secondsLeft(
    running.map((work) => secondsLeftOf(work) ?? expected(work.trial, work.fromStep)),
    trials.filter(({ id }) => !atWork.has(id) && !over.has(id)).map((trial) => expected(trial, 0)),
    jobs,
  )
}

/** What is shown of a run. */
interface Shown {
  readonly targets: ReadonlyMap<string, number>
  /** The trials that this run is asked for, in their order. */
  readonly trials: ReadonlyArray<TrialFile>
  /** Trials at a time. */
  readonly jobs: number
  readonly interactive: boolean
  readonly atWork: Map<string, Running>
  /** Trials that this run does not start any more. */
  readonly over: Set<string>
  readonly ended: Array<Timed>
  /** The last message of each that waits: shown once, however long it waits. */
  readonly waiting: Map<string, string>
  done: number
  failed: number
}

const wholeOf = ({ atWork, done, ended, failed, jobs, over, trials }: Shown): Whole => ({
  total: trials.length,
  done,
  failed,
  secondsLeft: leftOf(trials, atWork, over, ended, jobs),
})

/** Each warning once: those of the last heartbeat were shown with it. */
const warn = ({ atWork }: Shown, trial: TrialFile, warnings: Heartbeat["warnings"]) => {
  const known = new Set(atWork.get(trial.id)?.heartbeat?.warnings.map(({ alarm }) => alarm))
  const fresh = warnings.filter(({ alarm }) => !known.has(alarm))
  return Effect.forEach(fresh, ({ message }) =>
    note(yellow(`${printable(trial.name)}: ${message}`)),
  )
}

const onStarted = Effect.fnUntraced(function* (shown: Shown, trial: TrialFile, fromStep: number) {
  const now = yield* Clock.currentTimeMillis
  shown.atWork.set(trial.id, {
    trial,
    place: shown.trials.findIndex(({ id }) => id === trial.id) + 1,
    target: shown.targets.get(trial.id),
    heartbeat: undefined,
    fromStep,
    startedAt: now,
    loggedAt: now,
  })
  yield* note(
    fromStep > 0
      ? `${printable(trial.name)}: going on from step ${fromStep}`
      : `${printable(trial.name)}: started (${trial.id})`,
  )
})

const onProgress = Effect.fnUntraced(function* (
  shown: Shown,
  trial: TrialFile,
  heartbeat: Heartbeat,
) {
  const work = shown.atWork.get(trial.id)
  if (work === undefined) return
  const now = yield* Clock.currentTimeMillis
  yield* warn(shown, trial, heartbeat.warnings)
  const pause = now - work.startedAt < logEvery.after ? logEvery.first : logEvery.later
  const isDue = !shown.interactive && now - work.loggedAt >= pause
  const next = { ...work, heartbeat, loggedAt: isDue ? now : work.loggedAt }
  shown.atWork.set(trial.id, next)
  if (isDue) yield* note(logLine(next, wholeOf(shown)))
})

/** Takes a trial off the display; what it took predicts how long its siblings will take. */
const finish = Effect.fnUntraced(function* (shown: Shown, trial: TrialFile, isFinished: boolean) {
  const { atWork, ended, over } = shown
  const work = atWork.get(trial.id)
  over.add(trial.id)
  atWork.delete(trial.id)
  if (work === undefined || !isFinished) return
  const steps = trial.steps - work.fromStep
  const seconds = ((yield* Clock.currentTimeMillis) - work.startedAt) / 1000
  if (steps >= fewestSteps) ended.push({ trial, secondsPerStep: seconds / steps })
})

const onWaiting = Effect.fnUntraced(function* ({ waiting }: Shown, name: string, notice: Notice) {
  if (notice._tag === "Over") {
    waiting.delete(name)
    return yield* note(`${name}: going on after waiting ${duration(notice.seconds)}`)
  }
  if (waiting.get(name) === notice.message) return
  waiting.set(name, notice.message)
  yield* note(
    yellow(`${name}: waiting, at most ${duration(notice.secondsLeft)}: ${notice.message}`),
  )
})

type EventOf<Tag extends GridEvent["_tag"]> = Extract<GridEvent, { readonly _tag: Tag }>

const onDamaged = (shown: Shown, { damage, trial }: EventOf<"Damaged">) => {
  shown.over.add(trial.id)
  shown.atWork.delete(trial.id)
  shown.failed++
  return note(yellow(damageWords(printable(trial.name), damage)))
}

const onSkipped = (shown: Shown, { result: { state }, trial }: EventOf<"Skipped">) => {
  const name = printable(trial.name)
  shown.over.add(trial.id)
  shown.done++
  if (state === "failed") shown.failed++
  return note(
    state === "finished"
      ? `${name}: finished before, skipped`
      : `${name}: failed before, skipped; --retry-failed tries it again`,
  )
}

const onRetrying = ({ atWork }: Shown, { message, seconds, trial }: EventOf<"Retrying">) => {
  const work = atWork.get(trial.id)
  if (work?.heartbeat !== undefined)
    atWork.set(trial.id, { ...work, heartbeat: { ...work.heartbeat, stepsPerSecond: 0 } })
  return note(
    yellow(
      `${printable(trial.name)}: its process ${message}; starting it again in ${duration(seconds)}`,
    ),
  )
}

const onEnded = Effect.fnUntraced(function* (shown: Shown, { result, trial }: EventOf<"Ended">) {
  const { message, metrics, seconds, state, warnings } = result
  const name = printable(trial.name)
  yield* warn(shown, trial, warnings)
  yield* finish(shown, trial, state === "finished")
  shown.done++
  if (state === "failed") shown.failed++
  const accuracy = metrics[final.accuracy.key]
  yield* note(
    state === "finished"
      ? `${name}: finished after ${duration(seconds)}${accuracy === undefined ? "" : `, accuracy ${percent(accuracy)}`}`
      : yellow(`${name}: failed (${result.cause}): ${message}`),
  )
})

const onEvent = Effect.fnUntraced(function* (shown: Shown, event: GridEvent) {
  if (event._tag === "Waiting")
    return yield* onWaiting(shown, printable(event.trial?.name ?? "the grid"), event.notice)
  if (event._tag === "Engine") return yield* note(event.message)
  const { trial } = event
  const name = printable(trial.name)
  switch (event._tag) {
    case "Damaged":
      return yield* onDamaged(shown, event)
    case "Skipped":
      return yield* onSkipped(shown, event)
    case "Started":
      return yield* onStarted(shown, trial, event.fromStep)
    case "Progress":
      shown.waiting.delete(name)
      return yield* onProgress(shown, trial, event.heartbeat)
    case "Retrying":
      return yield* onRetrying(shown, event)
    case "Stopped":
      shown.atWork.delete(trial.id)
      return yield* note(`${name}: stopped, step ${event.step} is saved`)
    case "Elsewhere":
      yield* finish(shown, trial, false)
      return yield* note(`${name}: another process has taken it over`)
    case "Ended":
      return yield* onEnded(shown, event)
  }
})

/** What is known before the first event. */
interface Known {
  /** Trials that have ended and are not spoken of. */
  readonly before?: ReadonlyArray<Pick<TrialSummary, "trial" | "state">>
  /** The cost targets of trials, by their ids. */
  readonly targets?: ReadonlyMap<string, number>
}

/**
 * Takes the events of `RunGrid` and shows them until its scope closes.
 *
 * @param trials those that this run is asked for, in their order
 * @param jobs trials at a time
 */
export const make = Effect.fnUntraced(function* (
  trials: ReadonlyArray<TrialFile>,
  jobs: number,
  { before = [], targets = new Map() }: Known = {},
) {
  const shown: Shown = {
    trials,
    jobs,
    interactive: isInteractive(),
    atWork: new Map(),
    over: new Set(before.map(({ trial }) => trial.id)),
    ended: [],
    waiting: new Map(),
    done: before.length,
    failed: before.filter(({ state }) => state === "failed").length,
    targets,
  }
  if (shown.interactive) {
    yield* Display.show((size) => gridLines([...shown.atWork.values()], wholeOf(shown), size))
    yield* Effect.forkScoped(Effect.repeat(Effect.sync(Display.redraw), Schedule.spaced(drawEvery)))
  }
  return (event: GridEvent) => onEvent(shown, event)
})
