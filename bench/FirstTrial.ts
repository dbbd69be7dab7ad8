/** The first trial of an experiment, in this process, for benches of whole trials. Left out: processes, journals, checkpoints. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Result } from "effect"
import type { Batches } from "../src/data/Batches.ts"
import { read } from "../src/declaration/Document.ts"
import { expand } from "../src/experiment/Plan.ts"
import { searchPhase, startOf, trainPhase } from "../src/train/Phase.ts"
import type { Session } from "../src/train/Session.ts"
import { prepare, type Prepared } from "../src/train/Trial.ts"

export const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.provide(NodeServices.layer)))

/** @param sets as `--set` takes them */
export const firstTrial = async (file: string, sets: ReadonlyArray<string>): Promise<Prepared> => {
  const plan = await run(Effect.flatMap(read(file), (document) => expand(document, { sets })))
  return Result.getOrThrow(prepare(plan.trials[0]!.declaration))
}

/** Trains all steps of the search; the state of the searcher at the end. */
export const trainAll = async (
  prepared: Prepared,
  session: Session,
  data: Batches,
): Promise<unknown> => {
  const phase = searchPhase(prepared)
  const events = trainPhase(phase, startOf(phase), prepared, session, data)
  for (let next = await events.next(); ; next = await events.next())
    if (next.done === true) return next.value.search
}
