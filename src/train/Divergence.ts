/**
 * Weights that run away: which layer, and under which formats. The alarm `divergingFormat`, and the words of a trial whose
 * loss is not finite any more.
 *
 * A layer is watched by the norm of its weights relative to the one it began with. Behind a batch norm weights that blow
 * up leave the loss finite, and the gradient falls to nothing; the norm stays high. Healthy weights stay within a few
 * times their first norm (docs/method.md). Left out: the norms themselves (`Steps.ts`), losses of single proposals
 * (`search/StepFigures.ts`).
 */
import { Schema } from "effect"
import type { FormatSlot, Layer } from "../cost/LayerTable.ts"
import type { Format } from "../format/Format.ts"
import type { Network } from "../model/Build.ts"
import type { Choices } from "../space/Decision.ts"
import { valueOf } from "../space/Quantity.ts"

/** How many times the norm they began with the weights of a layer may have; one that is not finite has too many. */
export const growthLimit = 100
/** Below this growth no layer is to blame for a loss. */
const suspicious = 10

export const WatchState = Schema.Struct({
  /** Norm of every layer's weights before the first step, in the order of the layer table. */
  first: Schema.Array(Schema.Finite),
  /** Of every layer: the greatest growth in one step so far, and under which formats that was. */
  steepest: Schema.Array(Schema.Struct({ growth: Schema.Finite, formats: Schema.String })),
  /** What was said when a layer's weights ran away. */
  alarm: Schema.optionalKey(Schema.String),
})
export type WatchState = typeof WatchState.Type

export const beginWatch = (norms: ArrayLike<number>): WatchState => ({
  first: Array.from(norms),
  steepest: Array.from(norms, () => ({ growth: 0, formats: "" })),
})

/** A training step, with the norms of all weights before and after. */
export interface WatchedStep {
  readonly network: Network
  /** Counts from 1. */
  readonly step: number
  /** What it trained. */
  readonly choices: Choices
  /** Whether it trained all formats at once, weighted. */
  readonly mixed: boolean
  readonly before: ArrayLike<number>
  readonly after: ArrayLike<number>
}

/** now / then: 1 where there was nothing, the greatest number where it is not finite. */
const growthOf = (then: number, now: number): number =>
  Number.isFinite(now) ? (then === 0 ? 1 : now / then) : Number.MAX_VALUE

/** The format that an operand has under these choices. */
export const formatIn = ({ decision, formats }: FormatSlot, choices: Choices): Format =>
  formats[decision === null ? 0 : choices[decision]!]!

const formatsOf = ({ activationFormat, weightFormat }: Layer, choices: Choices): string => {
  const weights = formatIn(weightFormat, choices).name
  const inputs = formatIn(activationFormat, choices).name
  return weights === inputs ? weights : `${weights} weights and ${inputs} inputs`
}

const isActive = (choices: Choices) => (layer: Layer) => valueOf(layer.active, choices) === 1

/** What the watch knows of layers whose weights have grown more than `limit`-fold, the most grown first. */
const grownOver = (
  limit: number,
  { first, steepest }: WatchState,
  norms: ArrayLike<number>,
  { table }: Network,
) =>
  table.layers
    .map(({ path }, i) => {
      const growth = growthOf(first[i]!, norms[i]!)
      return { path, growth, formats: steepest[i]!.formats }
    })
    .filter(({ growth }) => growth > limit)
    .toSorted((a, b) => b.growth - a.growth)

const times = (growth: number): string =>
  growth === Number.MAX_VALUE
    ? "no longer finite"
    : `${Number(growth.toPrecision(3))} times the norm they began with`

const mend = "offer wider formats there, or lower train.learningRate.peak"

/** The watch after a step whose loss is finite; `alarm` is new in it when a layer's weights ran away just now. */
export const watch = (state: WatchState, taken: WatchedStep): WatchState => {
  if (state.alarm !== undefined) return state
  const { after, before, choices, mixed, network, step } = taken
  const steepest = network.table.layers.map((layer, i) => {
    const growth = growthOf(before[i]!, after[i]!)
    if (!isActive(choices)(layer) || growth <= state.steepest[i]!.growth) return state.steepest[i]!
    return { growth, formats: mixed ? "all of its formats at once" : formatsOf(layer, choices) }
  })
  const next = { ...state, steepest }
  const [worst, ...others] = grownOver(growthLimit, next, after, network)
  if (worst === undefined) return next
  const more = others.length === 0 ? "" : ` (the worst of ${others.length + 1} layers)`
  const alarm =
    `diverging format: the weights of ${worst.path} are ${times(worst.growth)} after step ${step}, ` +
    `most of it under ${worst.formats}${more}; ${mend}`
  return { ...next, alarm }
}

/** Why the loss of a step is not finite: the layer whose weights had grown most before, else the narrowest format. */
export const divergence = (
  state: WatchState,
  { before, choices, network, step }: WatchedStep,
): string => {
  const what = `the loss is not finite at step ${step}`
  if (state.alarm !== undefined) return `${what}; ${state.alarm}`
  const [worst] = grownOver(suspicious, state, before, network)
  if (worst !== undefined)
    return (
      `${what}; the weights of ${worst.path} were ${times(worst.growth)}, ` +
      `most of it under ${worst.formats}; ${mend}`
    )
  const active = network.table.layers.filter(isActive(choices)).flatMap((layer) =>
    [layer.weightFormat, layer.activationFormat].map((slot) => ({
      path: layer.path,
      format: formatIn(slot, choices),
    })),
  )
  const narrowest = active.reduce((a, b) => (b.format.bits < a.format.bits ? b : a))
  return (
    `${what}; no layer's weights had grown much, and the narrowest format was ${narrowest.format.name} at ` +
    `${narrowest.path}; ${mend}`
  )
}
