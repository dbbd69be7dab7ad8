/**
 * Tabular problems: a table of costs and a table of losses per decision and option, and a quality that behaves like the
 * held-out accuracy of a network in training (it grows over the run, and most of a step's noise is shared by all its
 * proposals): what a right controller must solve in a second, without a network.
 */
import { type CostModel, compileTerms } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { Absolute } from "../../src/reward/Absolute.ts"
import { bind } from "../../src/reward/Reward.ts"
import type { Problem, SearchMetrics, Searcher } from "../../src/search/Search.ts"
import { makeQuality as simulatedQuality } from "../../src/rehearse/SyntheticQuality.ts"
import type { Choices, DecisionSpace } from "../../src/space/Decision.ts"
import { ofDecision } from "../../src/space/Quantity.ts"

export interface Table {
  readonly decisions: number
  readonly options: number
  readonly cost: (decision: number, option: number) => number
  readonly loss: (decision: number, option: number) => number
  readonly target: number
  readonly beta: number
  /** What options lose or gain together, beside what each of them loses. */
  readonly interaction?: (choices: Choices) => number
}

const bits = [2, 4, 8]

/** No budget: one option of each decision is better by 0.05, or all are alike. */
export const signs = (loss: number): Table => ({
  decisions: 6,
  options: 3,
  cost: () => 1,
  loss: (i, k) => (k === i % 3 ? 0 : loss),
  target: 6,
  beta: 0,
})

/** Sensitive and robust layers in turn; the target is met by 8, 2, 8, 2, ... bits alone at the least loss. */
export const budget: Table = {
  decisions: 8,
  options: 3,
  cost: (_, k) => bits[k]! ** 2,
  loss: (i, k) => (i % 2 === 0 ? 0.2 : 0.01) * 2 ** (2 - bits[k]!),
  target: 272,
  beta: 1,
}

/** Twenty layers of falling sensitivity and different size. */
export const many: Table = {
  decisions: 20,
  options: 3,
  cost: (i, k) => (1 + (i % 4)) * bits[k]! ** 2,
  loss: (i, k) => 0.1 * 0.8 ** i * 2 ** (2 - bits[k]!),
  target: 1040,
  beta: 1,
}

/**
 * Two pairs of layers that lose 0.05 where exactly one of the two is narrow and nothing where both are, beside four layers
 * that lose 0.04 each. The target lets four of eight be narrow: the pairs lose nothing, and measured alone look worse.
 */
export const pairs: Table = {
  decisions: 8,
  options: 2,
  cost: (_, k) => bits[k + 1]! ** 2,
  loss: (i, k) => (i >= 4 && k === 0 ? 0.04 : 0),
  interaction: ([a, b, c, d]) => 0.05 * (Number(a !== b) + Number(c !== d)),
  target: 4 * 16 + 4 * 64,
  beta: 1,
}

const spaceOf = (table: Table): DecisionSpace => ({
  decisions: Array.from({ length: table.decisions }, (_, i) => ({
    path: `layer${i}.format`,
    tag: "format",
    role: "format",
    options: Array.from({ length: table.options }, (_, k) => k),
    sizes: Array.from({ length: table.options }, (_, k) => k),
    active: "always" as const,
  })),
})

const row = (table: Table, f: (i: number, k: number) => number, i: number): Array<number> =>
  Array.from({ length: table.options }, (_, k) => f(i, k))

export const problemOf = (
  table: Table,
  steps: number,
  seed: number,
): Problem & { readonly reward: NonNullable<Problem["reward"]> } => {
  const space = spaceOf(table)
  const terms = space.decisions.map((_, i) => ofDecision(i, row(table, table.cost, i)))
  const model: CostModel = Gbops
  const { target, beta } = table
  return {
    space,
    cost: compileTerms(terms, model, space),
    target,
    steps,
    seed,
    reward: bind(Absolute, { beta } as never, target),
    assignment: null,
  }
}

export const lossOf = (table: Table, choices: Choices): number =>
  choices.reduce((sum, k, i) => sum + table.loss(i, k), table.interaction?.(choices) ?? 0)

export const costOf = (table: Table, choices: Choices): number =>
  choices.reduce((sum, k, i) => sum + table.cost(i, k), 0)

/** Qualities of one step, as a rehearsed search sees them. */
export const makeQuality = (table: Table, steps: number, seed: number) =>
  simulatedQuality((choices) => lossOf(table, choices), steps, seed)

export interface Outcome<State> {
  readonly state: State
  readonly final: Choices
  readonly topProbability: number
  readonly metrics: ReadonlyArray<SearchMetrics>
  readonly alarms: ReadonlyArray<string>
}

/** Runs a searcher from the first step to the last. */
export const runSearch = <State>(
  searcher: Searcher<State>,
  table: Table,
  steps: number,
  seed: number,
): Outcome<State> => {
  const quality = makeQuality(table, steps, seed)
  const metrics: Array<SearchMetrics> = []
  const alarms: Array<string> = []
  let state = searcher.init()
  for (let step = 0; step < steps; step++) {
    const proposed = searcher.propose(state, step)
    const measured = quality(step, proposed.proposals)
    const qualities = searcher.needsQuality(proposed.state, step, proposed.proposals)
      ? measured
      : []
    const updated = searcher.update(proposed.state, step, {
      proposals: proposed.proposals,
      qualities,
    })
    state = updated.state
    metrics.push(updated.metrics)
    alarms.push(...searcher.alarms(state, step).map(({ alarm }) => alarm))
  }
  return {
    state,
    final: searcher.final(state),
    topProbability: searcher.argmaxProbability(state),
    metrics,
    alarms,
  }
}
