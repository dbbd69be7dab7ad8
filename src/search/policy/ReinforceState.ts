/** The state of the REINFORCE search: plain data with a Schema, so that a saved search goes on bit for bit. */
import { Schema } from "effect"
import type { Problem } from "../Search.ts"
import { RandomState, randomStream } from "../../space/RandomStream.ts"
import { assertRowsOf, zerosLike } from "../../space/PerOption.ts"
import { AdamState, initAdam } from "./Adam.ts"
import { InformedState, noInformation } from "./InformedStart.ts"
import { LastSamples, noSamples } from "./LastSamples.ts"
import * as RunningMean from "./RunningMean.ts"
import type { Settings } from "./Settings.ts"
import { noSignal, Signal } from "./Signal.ts"

export const ReinforceState = Schema.Struct({
  /** The stream "proposals". */
  random: RandomState,
  logits: Schema.Array(Schema.Array(Schema.Finite)),
  adam: AdamState,
  /** Of what advantages are made from: rewards, or qualities where the cost is exact. Fed after the delay. */
  baseline: RunningMean.RunningMean,
  /** Of squared advantages. */
  advantageSquares: RunningMean.RunningMean,
  /** No more updates: every step trains the final assignment. */
  frozen: Schema.Boolean,
  /** The first proposal of the step before; empty before the first. */
  lastDrawn: Schema.Array(Schema.Int),
  signal: Signal,
  /** The samples of the last steps. */
  ending: LastSamples,
  /** What options lose alone, of a search that starts informed. */
  alone: Schema.optionalKey(InformedState),
  /** What a hard budget froze. */
  chosen: Schema.optionalKey(Schema.Array(Schema.Int)),
})
export type ReinforceState = typeof ReinforceState.Type

export const initState = (
  { space, seed }: Pick<Problem, "space" | "seed">,
  { prior }: Pick<Settings, "prior">,
): ReinforceState => ({
  random: randomStream(seed, "proposals").state(),
  logits: zerosLike(space),
  adam: initAdam(zerosLike(space)),
  baseline: RunningMean.noMean,
  advantageSquares: RunningMean.noMean,
  frozen: false,
  lastDrawn: [],
  signal: noSignal(space),
  ending: noSamples(space),
  ...(prior === undefined ? {} : { alone: noInformation(space) }),
})

/** Throws when it is not a state of this search over this space. */
export const restoreState = ({ space }: Pick<Problem, "space">, saved: unknown): ReinforceState => {
  const state = Schema.decodeUnknownSync(ReinforceState)(saved)
  assertRowsOf(space, state.logits)
  return state
}
