/** The requested trials of a run that have not finished at its end: how many, which, and what to do. */
import { Effect } from "effect"
import { mayPass } from "../../orchestrator/Causes.ts"
import type { TrialSummary } from "../../orchestrator/GridOptions.ts"
import { note } from "../Output.ts"
import { Ended, exitCodes } from "../ErrorMessages.ts"

const namesOf = (summaries: ReadonlyArray<TrialSummary>): string => {
  const names = summaries.map(({ trial }) => `${trial.name} (${trial.id})`)
  return `${names.slice(0, 3).join(", ")}${names.length > 3 ? `, and ${names.length - 3} more` : ""}`
}

/** Fails with a message if a requested trial has not finished. */
export const tellUnfinished = Effect.fnUntraced(function* (summaries: ReadonlyArray<TrialSummary>) {
  const left = summaries.filter(({ state }) => state !== "finished")
  if (left.length === 0) return
  const failed = left.filter(({ state }) => state === "failed")
  const passing = failed.filter(({ result }) => mayPass(result?.cause))
  const damaged = left.filter(({ state }) => state === "damaged")
  const others = left.filter(({ state }) => state !== "failed" && state !== "damaged")
  if (failed.length > passing.length)
    yield* note(
      `${failed.length - passing.length} of ${summaries.length} trials failed; \`fliqs show ID\` shows why, --retry-failed tries them again`,
    )
  if (passing.length > 0)
    yield* note(
      `${passing.length} of ${summaries.length} trials failed for want of memory or storage; the same command goes on with them: ${namesOf(passing)}`,
    )
  if (damaged.length > 0)
    yield* note(
      `${damaged.length} of ${summaries.length} trials are damaged and were left as they are: ${namesOf(damaged)}`,
    )
  if (others.length > 0)
    yield* note(
      `${others.length} of ${summaries.length} trials have not finished: ${namesOf(others)}; run the same command again`,
    )
  return yield* new Ended({ code: exitCodes.failed })
})
