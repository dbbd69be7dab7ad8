/**
 * The time that a grid still takes: running trials continue at their speed; waiting trials take the free places in turn,
 * each with the seconds per step of similar trials.
 */
import type { TrialFile } from "../../orchestrator/State.ts"

type Parametrised = Pick<TrialFile, "parameters">

/** Trials that cost about the same per step. */
const costGroup = ({ parameters }: Parametrised): string =>
  JSON.stringify(["space.name", "data.batchSize", "search.kind"].map((key) => parameters[key]))

const meanOf = (values: ReadonlyArray<number>): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length

/** Seconds per step of trials that ended or are at work: of the same group, else of all. */
export const speeds = (
  known: ReadonlyArray<{ readonly trial: Parametrised; readonly secondsPerStep: number }>,
): ((trial: Parametrised) => number | undefined) => {
  const all = meanOf(known.map(({ secondsPerStep }) => secondsPerStep))
  const byGroup = new Map<string, Array<number>>()
  for (const { secondsPerStep, trial } of known)
    byGroup.set(costGroup(trial), [...(byGroup.get(costGroup(trial)) ?? []), secondsPerStep])
  return (trial) => meanOf(byGroup.get(costGroup(trial)) ?? []) ?? all
}

/** Seconds until the last trial ends; undefined while one of these is not known. */
export const secondsLeft = (
  atWork: ReadonlyArray<number | undefined>,
  waiting: ReadonlyArray<number | undefined>,
  jobs: number,
): number | undefined => {
  const places = Array.from({ length: Math.max(jobs, atWork.length) }, (_, i) =>
    i < atWork.length ? atWork[i] : 0,
  )
  if (places.includes(undefined)) return undefined
  const ends = places as Array<number>
  for (const seconds of waiting) {
    if (seconds === undefined) return undefined
    const first = ends.indexOf(Math.min(...ends))
    ends[first]! += seconds
  }
  return Math.max(0, ...ends)
}
