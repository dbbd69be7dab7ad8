/**
 * Flags of `run` that change nothing with the other flags or with the trials as they are: an error if they contradict each
 * other, else a warning. `--set` without effect is checked with the plan (`experiment/SettingsWithoutEffect.ts`).
 */
import { Effect, Option } from "effect"
import { printable } from "../../declaration/Errors.ts"
import { parseSets } from "../../experiment/Overrides.ts"
import type { Plan } from "../../experiment/Plan.ts"
import type { TrialState } from "../../orchestrator/TrialStatus.ts"
import { sends } from "../../track/Trackers.ts"
import { Wrong } from "../ErrorMessages.ts"

export interface RunFlags {
  readonly set: ReadonlyArray<string>
  readonly jobs: Option.Option<number>
  readonly failFast: boolean
  readonly maxFailed: Option.Option<number>
  readonly retryFailed: boolean
  readonly restart: boolean
  /** None if the flag is not given. */
  readonly track: Option.Option<boolean>
}

const contradiction = (
  { failFast, maxFailed, restart, retryFailed, track }: RunFlags,
  plan: Plan,
): string | undefined => {
  if (failFast && Option.isSome(maxFailed))
    return "--fail-fast is --max-failed 1; one of them would be right"
  if (restart && retryFailed)
    return "--restart begins all trials anew, those that failed too; leave --retry-failed out"
  if (Option.contains(track, true) && !sends(plan.track))
    return `--track: the experiment says track: { kind: ${plan.track.kind} }; --set track.kind=mlflow would be right`
  return undefined
}

/** Whether a trial of this state is run. */
const isLeft = ({ restart, retryFailed }: RunFlags, state: TrialState): boolean =>
  restart || (state !== "finished" && (state !== "failed" || retryFailed))

const trials = (count: number): string => (count === 1 ? "1 trial is" : `${count} trials are`)

/** Warnings of flags without effect; `states` are those of the trials that are chosen. */
export const flagsWithoutEffect = (
  flags: RunFlags,
  states: ReadonlyArray<TrialState>,
): ReadonlyArray<string> => {
  const left = states.filter((state) => isLeft(flags, state)).length
  const jobs = Option.getOrElse(flags.jobs, () => 0)
  const what = left === 0 ? "nothing is left to run" : `${trials(left)} left to run`
  const untracked = Option.contains(flags.track, false)
    ? parseSets(flags.set).changes.filter(({ path }) => path[0] === "track")
    : []
  return [
    ...(jobs > Math.max(1, left) ? [`--jobs ${jobs}: ${what}; the others have nothing to do`] : []),
    ...(flags.failFast && left < 2 ? [`--fail-fast changes nothing: ${what}`] : []),
    ...(Option.exists(flags.maxFailed, (most) => most > left)
      ? [`--max-failed ${Option.getOrThrow(flags.maxFailed)} changes nothing: ${what}`]
      : []),
    ...(flags.retryFailed && !states.includes("failed")
      ? ["--retry-failed changes nothing: no trial has failed"]
      : []),
    ...(flags.restart && states.every((state) => state === "planned")
      ? ["--restart changes nothing: no trial was begun"]
      : []),
    ...untracked.map(
      ({ at }) =>
        `${printable(at.value.flag ?? "")}: changes nothing, because --no-track sends nothing`,
    ),
  ]
}

/** Fails on flags that contradict each other or the experiment. */
export const checkFlags = (flags: RunFlags, plan: Plan): Effect.Effect<void, Wrong> => {
  const message = contradiction(flags, plan)
  return message === undefined ? Effect.void : Effect.fail(new Wrong({ message }))
}
