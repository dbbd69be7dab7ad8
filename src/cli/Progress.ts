/**
 * A running grid on stderr: on a terminal a few lines at the bottom that are drawn again and again; else a plain line
 * per trial every ten seconds, later every minute. What happens once (started, retried, ended) is a line of its own in
 * both. Left out: what the lines hold (`ProgressLines.ts`) and how they are drawn (`Display.ts`).
 */
import { Clock, Effect, Schedule } from "effect"
import { final } from "../metric/Metrics.ts"
import type { Heartbeat } from "../orchestrator/Heartbeat.ts"
import type { GridEvent } from "../orchestrator/GridOptions.ts"
import type { TrialFile } from "../orchestrator/State.ts"
import type { Told } from "../orchestrator/Waiting.ts"
import * as Display from "./Display.ts"
import { duration, isInteractive, note, percent, printable, yellow } from "./Output.ts"
import { type AtWork, gridLines, logLine, secondsLeftOf, type Whole } from "./ProgressLines.ts"
import { secondsLeft, speeds } from "./TimeLeft.ts"
import { damageWords } from "./Trials.ts"

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

/**
 * Takes the events of `RunGrid` and shows them until its scope closes.
 *
 * @param trials those that this run is asked for, in their order
 * @param jobs trials at a time
 */
export const make = Effect.fnUntraced(function* (trials: ReadonlyArray<TrialFile>, jobs: number) {
  const interactive = isInteractive()
  const places = new Map(trials.map(({ id }, i) => [id, i + 1]))
  const atWork = new Map<string, Running>()
  /** Trials that this run does not start any more. */
  const over = new Set<string>()
  const ended: Array<Timed> = []
  let [done, failed] = [0, 0]

  const whole = (): Whole => ({
    total: trials.length,
    done,
    failed,
    secondsLeft: leftOf(trials, atWork, over, ended, jobs),
  })

  if (interactive) {
    yield* Display.show((size) => gridLines([...atWork.values()], whole(), size))
    yield* Effect.forkScoped(Effect.repeat(Effect.sync(Display.redraw), Schedule.spaced(drawEvery)))
  }

  /** Each warning once: those of the last heartbeat were told with it. */
  const warn = (trial: TrialFile, warnings: Heartbeat["warnings"]) => {
    const known = new Set(atWork.get(trial.id)?.heartbeat?.warnings.map(({ alarm }) => alarm))
    const fresh = warnings.filter(({ alarm }) => !known.has(alarm))
    return Effect.forEach(fresh, ({ message }) =>
      note(yellow(`${printable(trial.name)}: ${message}`)),
    )
  }

  const start = (trial: TrialFile, fromStep: number, now: number) =>
    atWork.set(trial.id, {
      trial,
      place: places.get(trial.id) ?? 0,
      heartbeat: undefined,
      fromStep,
      startedAt: now,
      loggedAt: now,
    })

  const onProgress = Effect.fnUntraced(function* (trial: TrialFile, heartbeat: Heartbeat) {
    const work = atWork.get(trial.id)
    if (work === undefined) return
    const now = yield* Clock.currentTimeMillis
    yield* warn(trial, heartbeat.warnings)
    const pause = now - work.startedAt < logEvery.after ? logEvery.first : logEvery.later
    const isDue = !interactive && now - work.loggedAt >= pause
    const next = { ...work, heartbeat, loggedAt: isDue ? now : work.loggedAt }
    atWork.set(trial.id, next)
    if (isDue) yield* note(logLine(next, whole()))
  })

  /** Takes a trial off the display; what it took says how long its siblings will take. */
  const finish = Effect.fnUntraced(function* (trial: TrialFile, isFinished: boolean) {
    const work = atWork.get(trial.id)
    over.add(trial.id)
    atWork.delete(trial.id)
    if (work === undefined || !isFinished) return
    const steps = trial.steps - work.fromStep
    const seconds = ((yield* Clock.currentTimeMillis) - work.startedAt) / 1000
    if (steps >= fewestSteps) ended.push({ trial, secondsPerStep: seconds / steps })
  })

  /** The last message of each that waits: said once, however long it waits. */
  const waiting = new Map<string, string>()
  const onWaiting = Effect.fnUntraced(function* (name: string, told: Told) {
    if (told._tag === "Over") {
      waiting.delete(name)
      return yield* note(`${name}: going on after waiting ${duration(told.seconds)}`)
    }
    if (waiting.get(name) === told.message) return
    waiting.set(name, told.message)
    yield* note(yellow(`${name}: waiting, at most ${duration(told.secondsLeft)}: ${told.message}`))
  })

  return Effect.fnUntraced(function* (event: GridEvent) {
    if (event._tag === "Waiting")
      return yield* onWaiting(printable(event.trial?.name ?? "the grid"), event.told)
    const { trial } = event
    const name = printable(trial.name)
    switch (event._tag) {
      case "Damaged":
        over.add(trial.id)
        atWork.delete(trial.id)
        failed++
        return yield* note(yellow(damageWords(name, event.damage)))
      case "Skipped": {
        const { state } = event.result
        over.add(trial.id)
        done++
        if (state === "failed") failed++
        return yield* note(
          state === "finished"
            ? `${name}: finished before, skipped`
            : `${name}: failed before, skipped; --retry-failed tries it again`,
        )
      }
      case "Started":
        start(trial, event.fromStep, yield* Clock.currentTimeMillis)
        return yield* note(
          event.fromStep > 0
            ? `${name}: going on from step ${event.fromStep}`
            : `${name}: started (${trial.id})`,
        )
      case "Progress":
        waiting.delete(name)
        return yield* onProgress(trial, event.heartbeat)
      case "Retrying": {
        const work = atWork.get(trial.id)
        if (work?.heartbeat !== undefined)
          atWork.set(trial.id, { ...work, heartbeat: { ...work.heartbeat, stepsPerSecond: 0 } })
        return yield* note(
          yellow(
            `${name}: its process ${event.message}; starting it again in ${duration(event.seconds)}`,
          ),
        )
      }
      case "Stopped":
        atWork.delete(trial.id)
        return yield* note(`${name}: stopped, step ${event.step} is saved`)
      case "Elsewhere":
        yield* finish(trial, false)
        return yield* note(`${name}: another process has taken it over`)
      case "Ended": {
        const { message, metrics, seconds, state, warnings } = event.result
        yield* warn(trial, warnings)
        yield* finish(trial, state === "finished")
        done++
        if (state === "failed") failed++
        const accuracy = metrics[final.accuracy.key]
        return yield* note(
          state === "finished"
            ? `${name}: finished after ${duration(seconds)}${accuracy === undefined ? "" : `, accuracy ${percent(accuracy)}`}`
            : yellow(`${name}: failed (${event.result.cause}): ${message}`),
        )
      }
    }
  })
})
