/**
 * A search rehearsed without a network: a synthetic quality in the place of training and measuring.
 *
 * The quality behaves like the held-out accuracy of a network in training: it grows over the run, options cost some of
 * it, and most of a step's noise is shared by all its proposals, for they are measured on one batch. What it says about
 * a search: whether the policy, the reward and the schedule find the target and commit in so many steps. What it does
 * not: how a real network takes a format. Left out: searches that follow a network's gradients.
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import { activity, widest, widestChoices } from "../space/DecisionSpace.ts"
import { randomStream } from "../space/Random.ts"
import type { PerOption } from "./Policy.ts"
import type { Problem, Searcher, SearchMetrics } from "./Search.ts"

/** How much of the final quality a network has after a share of its steps, 0.15 to 0.945. */
const grownAt = (share: number): number => 1 - 0.85 * (1 + 20 * share) ** -0.9
const ceiling = 0.8
/** Standard deviation of a quality, and the share of its variance that is a step's. */
const noise = 0.05
const sharedVariance = 0.7

/** Qualities of the proposals of one step, by what each of them loses. */
export const makeQuality = (lossOf: (choices: Choices) => number, steps: number, seed: number) => {
  const random = randomStream(seed, "quality")
  return (step: number, proposals: ReadonlyArray<Choices>): Array<number> => {
    const grown = grownAt(step / steps)
    const shared = Math.sqrt(sharedVariance) * random.normal()
    return proposals.map(
      (choices) =>
        ceiling * grown -
        grown * lossOf(choices) +
        noise * (shared + Math.sqrt(1 - sharedVariance) * random.normal()),
    )
  }
}

/** What narrowest options everywhere lose by default, in all. */
const defaultLoss = 0.3

/** Per decision and option, what it loses: a_i 2^(2 - bits) for a format, else a_i (1 - size / largest size). */
export const lossTable = (space: DecisionSpace, sensitivities: ReadonlyArray<number>): PerOption =>
  space.decisions.map((decision, i) => shapeOf(decision).map((share) => sensitivities[i]! * share))

const shapeOf = (decision: DecisionSpace["decisions"][number]): ReadonlyArray<number> => {
  const largest = decision.sizes[widest(decision)]!
  return decision.sizes.map((size) =>
    decision.role === "format" ? 2 ** (2 - size) : largest > 0 ? 1 - size / largest : 0,
  )
}

/**
 * Sensitivities where none are known, by size: 1 / sqrt of the cost that hangs on the decision at the widest
 * assignment, for what is small averages over little; scaled so that the options that lose most lose 0.3 together.
 */
export const defaultSensitivities = (
  space: DecisionSpace,
  cost: CompiledCost,
): ReadonlyArray<number> => {
  const choices = widestChoices(space)
  const total = cost.of(choices)
  const spans = space.decisions.map((_, i) => {
    const costs = cost.withChoice(choices, i, total)
    return Math.max(...costs) - Math.min(...costs)
  })
  const mean = spans.reduce((sum, span) => sum + span, 0) / Math.max(1, spans.length)
  return scaled(
    space,
    spans.map((span) => (span > 0 ? Math.sqrt(mean / span) : 1)),
  )
}

/** In these proportions, so that the options that lose most lose 0.3 together; all 0 when none loses anything. */
const scaled = (space: DecisionSpace, raw: ReadonlyArray<number>): ReadonlyArray<number> => {
  const most = lossTable(space, raw).reduce((sum, row) => sum + Math.max(...row), 0)
  return raw.map((value) => (most > 0 ? (value * defaultLoss) / most : 0))
}

/** An increase of the loss, in nats, beyond which a network is as good as lost. */
const lost = 10

/**
 * Sensitivities by what was measured: per decision and option, how much the loss rises over that of the widest option.
 * The least squared error of a_i over its options, none below 0; in proportion, for nats are no accuracy.
 */
export const fittedSensitivities = (
  space: DecisionSpace,
  increases: PerOption,
): ReadonlyArray<number> =>
  scaled(
    space,
    space.decisions.map((decision, i) => {
      const shape = shapeOf(decision)
      const over = shape.map((value) => value - shape[widest(decision)]!)
      const products = over.map((value, k) => value * Math.min(increases[i]![k]!, lost))
      const squares = over.map((value) => value ** 2)
      const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)
      return sum(squares) === 0 ? 0 : Math.max(0, sum(products) / sum(squares))
    }),
  )

/** What the active decisions of an assignment lose. */
export const lossOf = (space: DecisionSpace, losses: PerOption, choices: Choices): number => {
  const active = activity(space, choices)
  return choices.reduce((sum, option, i) => (active[i] === 1 ? sum + losses[i]![option]! : sum), 0)
}

/** Quality of a finished network without noise. */
export const finalQuality = (loss: number): number => grownAt(1) * (ceiling - loss)

export interface Moment {
  /** Steps done. */
  readonly step: number
  readonly costOverTarget: number
  /** Nats, mean over the active decisions. */
  readonly entropy: number
  readonly topProbability: number
}

export interface Rehearsal {
  readonly final: Choices
  readonly costOverTarget: number
  readonly topProbability: number
  readonly loss: number
  /** Steps after which the cost stayed within 2 % of the target; null when it is not there in the end. */
  readonly onTargetAt: number | null
  /** Steps after which the top probability stayed at 0.95 or above; null when it is not there in the end. */
  readonly committedAt: number | null
  readonly history: ReadonlyArray<Moment>
  readonly alarms: ReadonlyArray<{ readonly alarm: string; readonly message: string }>
}

export const onTarget = (costOverTarget: number): boolean => Math.abs(costOverTarget - 1) <= 0.02
export const isCommitted = (topProbability: number): boolean => topProbability >= 0.95

const points = 200

/** E[cost] while a policy is drawn from, the cost of what is trained once it is not. */
const costOf = ({ cost, expectedCost, frozen }: SearchMetrics): number =>
  frozen || Number.isNaN(expectedCost) ? cost : expectedCost

/** Runs a search from the first step to the last. */
export const rehearse = (
  searcher: Searcher,
  {
    space,
    cost,
    target,
    steps,
    seed,
  }: Pick<Problem, "space" | "cost" | "target" | "steps" | "seed">,
  losses: PerOption,
): Rehearsal => {
  const quality = makeQuality((choices) => lossOf(space, losses, choices), steps, seed)
  const every = Math.max(1, Math.round(steps / points))
  const history: Array<Moment> = []
  const alarms: Array<Rehearsal["alarms"][number]> = []
  let state = searcher.init()
  let offTarget = 0
  let uncommitted = 0
  for (let step = 0; step < steps; step++) {
    const done = step + 1
    const proposed = searcher.propose(state, step)
    const qualities = quality(step, proposed.proposals)
    const updated = searcher.update(proposed.state, step, {
      proposals: proposed.proposals,
      qualities: searcher.needsQuality(proposed.state, step) ? qualities : [],
      // losses that add up are what d loss / d probability is
      ...(searcher.relaxed?.(proposed.state, step) === undefined ? {} : { slopes: losses }),
    })
    state = updated.state
    const { argmaxProbability, entropy } = updated.metrics
    const moment = {
      step: done,
      costOverTarget: costOf(updated.metrics) / target,
      entropy,
      topProbability: argmaxProbability,
    }
    if (!onTarget(moment.costOverTarget)) offTarget = done
    if (!isCommitted(moment.topProbability)) uncommitted = done
    if (done === 1 || done % every === 0 || done === steps) history.push(moment)
    alarms.push(...searcher.alarms(state, step))
  }
  const final = searcher.final(state)
  const costOverTarget = cost.of(final) / target
  const topProbability = searcher.argmaxProbability(state)
  return {
    final,
    costOverTarget,
    topProbability,
    loss: lossOf(space, losses, final),
    onTargetAt: onTarget(costOverTarget) && offTarget < steps ? offTarget + 1 : null,
    committedAt: isCommitted(topProbability) && uncommitted < steps ? uncommitted + 1 : null,
    history,
    alarms,
  }
}
