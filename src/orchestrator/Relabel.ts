/**
 * Gives a trial that is finished the name, arm and cell that it has in the grid that is run now: it may have been trained
 * for another grid, or by a version without such labels. The rest of its record stays.
 */
import { Effect } from "effect"
import * as Record from "../disk/JsonRecord.ts"
import * as Journal from "./Journal.ts"
import type * as Result from "./Result.ts"
import * as State from "./State.ts"
import { labelTags } from "./TrialPage.ts"

/** Labels as one text, to compare them. */
export const labelsText = ({ labels }: Pick<State.TrialFile, "labels">): string =>
  labels === undefined ? "" : JSON.stringify(labels)

export const relabel = Effect.fnUntraced(function* (
  state: string,
  trial: State.TrialFile,
  result: Result.Result,
) {
  const { labels } = trial
  const path = State.trialFile(state, trial.id)
  const before = yield* State.readTrial(path)
  if (labels === undefined || before === undefined) return
  if (labelsText(before) === labelsText(trial)) return
  yield* Effect.scoped(
    Effect.gen(function* () {
      const spool = yield* Journal.openSpool(State.trialFolder(state, trial.id))
      const tags = { "mlflow.runName": labels.name, ...labelTags(trial) }
      for (const [key, value] of Object.entries(tags)) spool.append({ type: "tag", key, value })
      // The record of a run that is over ends with its end.
      spool.append({
        type: "end",
        time: result.finishedAt,
        status: result.state === "finished" ? "FINISHED" : "FAILED",
      })
      yield* Journal.flush(spool)
    }),
  )
  yield* Record.write(path, { ...before, labels })
})
