/**
 * A running grid on stderr: on a terminal one line per trial at work, drawn again a few times a second; else a plain
 * line per trial about every ten seconds. What happens once (started, retried, ended) is a line of its own in both.
 */
import { Clock, Effect, Schedule } from "effect"
import type { Heartbeat } from "../orchestrator/Heartbeat.ts"
import type { GridEvent } from "../orchestrator/RunGrid.ts"
import type { TrialFile } from "../orchestrator/State.ts"
import { columns, duration, isInteractive, note, percent, raw, short, yellow } from "./Output.ts"

const drawEvery = "250 millis"
const logEvery = 10_000
const barWidth = 20

interface AtWork {
  readonly trial: TrialFile
  readonly heartbeat: Heartbeat | undefined
  readonly loggedAt: number
}

const shownMetrics: ReadonlyArray<readonly [key: string, label: string]> = [
  ["train/loss", "loss"],
  ["search/reward", "reward"],
  ["search/entropy", "entropy"],
  ["search/cost", "cost"],
]

const secondsLeft = ({ heartbeat, trial }: AtWork): number | undefined =>
  heartbeat === undefined || heartbeat.stepsPerSecond <= 0
    ? undefined
    : (trial.steps - heartbeat.step) / heartbeat.stepsPerSecond

const details = (work: AtWork): ReadonlyArray<string> => {
  const { heartbeat } = work
  if (heartbeat === undefined) return ["getting ready"]
  const left = secondsLeft(work)
  const metrics = shownMetrics.flatMap(([key, label]) => {
    const value = heartbeat.metrics[key]
    return value === undefined ? [] : [`${label} ${short(value, 3)}`]
  })
  return [
    ...(heartbeat.stepsPerSecond > 0 ? [`${short(heartbeat.stepsPerSecond, 3)} steps/s`] : []),
    ...(left === undefined ? [] : [left === 0 ? "finishing" : `${duration(left)} left`]),
    ...metrics,
  ]
}

const bar = (part: number): string => {
  const full = Math.min(barWidth, Math.max(0, Math.round(part * barWidth)))
  return "█".repeat(full) + "░".repeat(barWidth - full)
}

const drawn = (work: AtWork, width: number): string => {
  const step = work.heartbeat?.step ?? 0
  const line = `${bar(step / work.trial.steps)} ${step}/${work.trial.steps} ${work.trial.name}  ${details(work).join(", ")}`
  return line.length >= width ? line.slice(0, width - 1) : line
}

const logged = (work: AtWork): string =>
  `${work.trial.name}: step ${work.heartbeat?.step ?? 0}/${work.trial.steps}, ${details(work).join(", ")}`

/** Takes the events of `RunGrid` and shows them until its scope closes. */
export const make = Effect.fnUntraced(function* (total: number) {
  const interactive = isInteractive()
  const atWork = new Map<string, AtWork>()
  let done = 0
  let lines = 0

  const erase = Effect.suspend(() => {
    const up = lines
    lines = 0
    return up === 0 ? Effect.void : raw(`\u001b[${up}A\u001b[J`)
  })
  const draw = Effect.gen(function* () {
    yield* erase
    if (atWork.size === 0) return
    const shown = [...atWork.values()].map((work) => drawn(work, columns()))
    if (total > 1) shown.push(`${done} of ${total} trials done`)
    lines = shown.length
    yield* raw(`${shown.join("\n")}\n`)
  })
  /** A line that stays. */
  const say = (text: string) =>
    interactive ? Effect.andThen(erase, Effect.andThen(note(text), draw)) : note(text)

  if (interactive) {
    yield* Effect.forkScoped(Effect.repeat(draw, Schedule.spaced(drawEvery)))
    yield* Effect.addFinalizer(() => erase)
  }

  /** Each warning once: those of the last heartbeat were told with it. */
  const warn = (trial: TrialFile, warnings: Heartbeat["warnings"]) => {
    const known = new Set(atWork.get(trial.id)?.heartbeat?.warnings.map(({ alarm }) => alarm))
    const fresh = warnings.filter(({ alarm }) => !known.has(alarm))
    return Effect.forEach(fresh, ({ message }) => say(yellow(`${trial.name}: ${message}`)))
  }

  const onProgress = Effect.fnUntraced(function* (trial: TrialFile, heartbeat: Heartbeat) {
    const now = yield* Clock.currentTimeMillis
    const before = atWork.get(trial.id)
    const isDue = !interactive && now - (before?.loggedAt ?? 0) >= logEvery
    const work = { trial, heartbeat, loggedAt: isDue ? now : (before?.loggedAt ?? now) }
    yield* warn(trial, heartbeat.warnings)
    atWork.set(trial.id, work)
    if (isDue) yield* note(logged(work))
  })

  return Effect.fnUntraced(function* (event: GridEvent) {
    const { name } = event.trial
    switch (event._tag) {
      case "Skipped":
        done++
        return yield* say(
          event.result.state === "finished"
            ? `${name}: finished before, skipped`
            : `${name}: failed before, skipped; --retry-failed tries it again`,
        )
      case "Started":
        atWork.set(event.trial.id, {
          trial: event.trial,
          heartbeat: undefined,
          loggedAt: yield* Clock.currentTimeMillis,
        })
        return yield* say(
          event.fromStep > 0
            ? `${name}: going on from step ${event.fromStep}`
            : `${name}: started (${event.trial.id})`,
        )
      case "Progress":
        return yield* onProgress(event.trial, event.heartbeat)
      case "Retrying":
        return yield* say(
          yellow(
            `${name}: its process ${event.message}; starting it again in ${duration(event.seconds)}`,
          ),
        )
      case "Elsewhere":
        atWork.delete(event.trial.id)
        return yield* say(`${name}: another process has taken it over`)
      case "Ended": {
        done++
        yield* warn(event.trial, event.result.warnings)
        atWork.delete(event.trial.id)
        const { message, metrics, seconds, state } = event.result
        const accuracy = metrics["final/accuracy"]
        return yield* say(
          state === "finished"
            ? `${name}: finished after ${duration(seconds)}${accuracy === undefined ? "" : `, accuracy ${percent(accuracy)}`}`
            : yellow(`${name}: failed: ${message}`),
        )
      }
    }
  })
})
