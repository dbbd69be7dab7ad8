/** Which run of the server a spool belongs to: found by a tag of our own, or created; there may be two for a moment. */
import { Effect } from "effect"
import type { Start } from "../Event.ts"
import * as Limits from "../Limits.ts"
import type { MlflowHttp } from "./MlflowHttp.ts"
import * as MlflowRuns from "./MlflowRuns.ts"
import type { Pair, Run } from "./MlflowRuns.ts"
import type * as Sent from "../Sent.ts"

/** Our own tag that finds a run again; two spools never share it. */
export const spoolTag = "fliqs.spool_id"
const size = (run: Run) => run.data?.metrics?.length ?? 0

/** The run of this spool: found (of two, the fuller one), or created. */
export const claim = Effect.fnUntraced(function* (
  http: MlflowHttp,
  experimentId: string,
  id: string,
  start: Start,
  tags: ReadonlyArray<Pair>,
) {
  const found = yield* MlflowRuns.find(http, experimentId, spoolTag, id)
  const before = found.toSorted((a, b) => size(b) - size(a))[0]
  if (before !== undefined) {
    yield* MlflowRuns.update(http, before.info.run_id, "RUNNING")
    return before
  }
  return yield* MlflowRuns.create(http, {
    experimentId,
    name: start.name,
    startTime: start.time,
    tags: [{ key: spoolTag, value: id }, ...tags].slice(0, Limits.maxParametersOrTags),
  })
})

/** A request to create the run may have come through after we gave it up and asked again: what it left goes. */
export const removeTwins = Effect.fnUntraced(function* (http: MlflowHttp, sent: Sent.Sent) {
  const runs = yield* MlflowRuns.find(http, sent.experimentId, spoolTag, sent.spoolId)
  const twins = runs.filter((run) => run.info.run_id !== sent.runId && size(run) === 0)
  yield* Effect.forEach(twins, (twin) => MlflowRuns.remove(http, twin.info.run_id), {
    discard: true,
  })
})
