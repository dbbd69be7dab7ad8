/**
 * Weights that run away: which layer's, and under which assignment. The alarm `divergingFormat`, and the words of a trial
 * whose loss is not finite any more.
 *
 * A layer is watched by the norm of its weights relative to the one it began with. Behind a batch norm weights that blow
 * up leave the loss finite, and the gradient falls to nothing; the norm stays high. Healthy weights stay within a few
 * times their first norm (docs/method.md). Left out: what made them run away (`Cause.ts`), the norms themselves (`Steps.ts`),
 * losses of single proposals (`search/policy/StepFigures.ts`).
 */
import { Schema } from "effect"
import type { Layer } from "../cost/LayerTable.ts"
import type { Choices } from "../space/Decision.ts"
import { valueOf } from "../space/Quantity.ts"
import { causeOf, type Trained } from "./Cause.ts"

/** How many times the norm they began with the weights of a layer may have; one that is not finite has too many. */
export const growthLimit = 100
/** Below this growth no layer is where a loss comes from. */
const suspicious = 10
/** Up to this growth in one step it does not matter under which assignment it was. */
const ordinary = 1.2

export const WatchState = Schema.Struct({
  /** Norm of every layer's weights before the first step, in the order of the layer table. */
  first: Schema.Array(Schema.Finite),
  /** Of every layer: the greatest growth in one step so far, and what was trained in it unless that was little. */
  steepest: Schema.Array(
    Schema.Struct({
      growth: Schema.Finite,
      choices: Schema.optionalKey(Schema.Array(Schema.Int)),
      mixed: Schema.optionalKey(Schema.Boolean),
    }),
  ),
  /** What was said when a layer's weights ran away. */
  alarm: Schema.optionalKey(Schema.String),
})
export type WatchState = typeof WatchState.Type

export const beginWatch = (norms: ArrayLike<number>): WatchState => ({
  first: Array.from(norms),
  steepest: Array.from(norms, () => ({ growth: 0 })),
})

/** A training step, with the norms of all weights before and after. */
export interface WatchedStep extends Trained {
  /** Counts from 1. */
  readonly step: number
  readonly before: ArrayLike<number>
  readonly after: ArrayLike<number>
}

/** now / then: 1 where there was nothing, the greatest number where it is not finite. */
const growthOf = (then: number, now: number): number =>
  Number.isFinite(now) ? (then === 0 ? 1 : now / then) : Number.MAX_VALUE

const isActive = (choices: Choices) => (layer: Layer) => valueOf(layer.active, choices) === 1

interface Grown {
  /** Index of the layer. */
  readonly layer: number
  readonly path: string
  readonly growth: number
}

/** The layers whose weights have grown more than `limit`-fold, the most grown first. */
const grownOver = (
  limit: number,
  { first }: WatchState,
  norms: ArrayLike<number>,
  { network: { table } }: Trained,
): ReadonlyArray<Grown> =>
  table.layers
    .map(({ path }, layer) => ({ layer, path, growth: growthOf(first[layer]!, norms[layer]!) }))
    .filter(({ growth }) => growth > limit)
    .toSorted((a, b) => b.growth - a.growth)

const times = (growth: number): string =>
  growth === Number.MAX_VALUE
    ? "no longer finite"
    : `${Number(growth.toPrecision(3))} times the norm they began with`

/** Under what a layer's weights ran away, and what would be right. */
const reason = ({ steepest }: WatchState, taken: Trained, { layer }: Grown) => {
  const { choices = taken.choices, mixed = taken.mixed } = steepest[layer]!
  return causeOf({ network: taken.network, choices, mixed }, layer)
}

/** The watch after a step whose loss is finite; `alarm` is new in it when a layer's weights ran away just now. */
export const watch = (state: WatchState, taken: WatchedStep): WatchState => {
  if (state.alarm !== undefined) return state
  const { after, before, choices, mixed, network, step } = taken
  const steepest = network.table.layers.map((layer, i) => {
    const growth = growthOf(before[i]!, after[i]!)
    if (!isActive(choices)(layer) || growth <= state.steepest[i]!.growth) return state.steepest[i]!
    return growth > ordinary ? { growth, choices, mixed } : { growth }
  })
  const next = { ...state, steepest }
  const [worst, ...others] = grownOver(growthLimit, next, after, taken)
  if (worst === undefined) return next
  const more = others.length === 0 ? "" : ` (the worst of ${others.length + 1} layers)`
  const { advice, under } = reason(next, taken, worst)
  const alarm =
    `diverging format: the weights of ${worst.path} are ${times(worst.growth)} after step ${step}${more}, ` +
    `most of it under ${under}; ${advice}`
  return { ...next, alarm }
}

/** Why the loss of a step is not finite: where weights had grown most before, and under which formats. */
export const divergence = (state: WatchState, taken: WatchedStep): string => {
  const what = `the loss is not finite at step ${taken.step}`
  if (state.alarm !== undefined) return `${what}; ${state.alarm}`
  const [worst] = grownOver(suspicious, state, taken.before, taken)
  const { advice, under } = worst === undefined ? causeOf(taken) : reason(state, taken, worst)
  const found =
    worst === undefined
      ? `no layer's weights had grown much; it trained under ${under}`
      : `the weights of ${worst.path} were ${times(worst.growth)}, most of it under ${under}`
  return `${what}; ${found}; ${advice}`
}
