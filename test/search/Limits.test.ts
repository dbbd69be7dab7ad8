import { describe, expect, it } from "vitest"
import { compileTerms } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import type { Limit } from "../../src/cost/LimitKinds.ts"
import { Memory } from "../../src/cost/Memory.ts"
import { make as makeReward, type RewardSpec } from "../../src/reward/Rewards.ts"
import { rehearse } from "../../src/rehearse/Rehearse.ts"
import { make, type SearchSpec } from "../../src/search/Searches.ts"
import type { Choices, DecisionSpace } from "../../src/space/Decision.ts"
import { combine, constant, ofDecision, type Quantity, valueOf } from "../../src/space/Quantity.ts"
import { type Random, randomStream } from "../../src/space/RandomStream.ts"
import { allChoices } from "../space/randomSpaces.ts"

/** Layers of two to eight bits each, with widths in some spaces; losses that ask for bits where they cost most. */
const problemOf = (random: Random, coupled: boolean) => {
  const layers = 6
  const options = [2, 4, 8]
  const decisions = Array.from({ length: layers }, (_, i) => ({
    path: `layer${i}.format`,
    tag: "format",
    role: "format" as const,
    options,
    sizes: options,
    active: "always" as const,
  }))
  const width = {
    path: "width",
    tag: "width",
    role: "architecture" as const,
    options: [1, 2],
    sizes: [1, 2],
    active: "always" as const,
  }
  const space: DecisionSpace = { decisions: coupled ? [...decisions, width] : decisions }
  const widths = coupled ? ofDecision(layers, [1, 2]) : constant(1)
  const bits = decisions.map((_, i) => ofDecision(i, options))
  const termsOf = (power: number): ReadonlyArray<Quantity> =>
    bits.map((b) => {
      const size = 1 + 9 * random.uniform()
      return combine([b, widths], ([n, w]) => size * n! ** power * w!)
    })
  const cost = compileTerms(termsOf(2), Gbops, space)
  const memory = compileTerms(termsOf(1), Memory, space)
  // two neighbouring inputs are held at once
  const held = bits
    .slice(1)
    .map((b, i) => combine([bits[i]!, b, widths], ([x, y, w]) => (x! + y!) * w!))
  const peakOf = (choices: Choices) =>
    held.reduce((most, table) => Math.max(most, valueOf(table, choices)), 0)
  const all = allChoices(space)
  // a target and limits that some assignment meets, but not the best one at the target
  const met = all[random.integer(all.length)]!
  const limits: ReadonlyArray<Limit> = [
    {
      ...Memory,
      max: memory.of(met),
      beta: 1,
      of: memory.of,
      withChoice: memory.withChoice,
      sum: memory,
    },
    {
      ...Memory,
      kind: "peakMemory",
      max: peakOf(met),
      beta: 1,
      of: peakOf,
      withChoice: (choices, decision) =>
        Float64Array.from(space.decisions[decision]!.options, (_, k) =>
          peakOf(choices.with(decision, k)),
        ),
      tables: () => held,
    },
  ]
  const losses = space.decisions.map(({ options: some }) => {
    const sensitivity = 0.2 * random.uniform()
    return some.map((_, k) => sensitivity * (some.length - 1 - k))
  })
  return { space, cost, target: cost.of(met), limits, losses }
}

const searches: ReadonlyArray<readonly [string, SearchSpec]> = [
  ["reinforce", { kind: "reinforce", delay: 0.15, decideBy: 0.4, measureEvery: 1 }],
  ["with a hard budget", { kind: "reinforce", budget: "hard" }],
  ["never frozen", { kind: "reinforce", stopAt: "off" }],
  ["of a preset", { kind: "reinforce", preset: "tunas" }],
  ["with sampled costs", { kind: "reinforce", costGradient: "sampled", decideBy: 0.5 }],
  ["random", { kind: "random", candidates: 8 }],
  ["one random draw", { kind: "random", candidates: 1 }],
  ["evolution", { kind: "evolution", population: 6 }],
  ["sensitivity", { kind: "sensitivity" }],
  ["differentiable", { kind: "differentiable" }],
] as ReadonlyArray<readonly [string, SearchSpec]>

const rewardOf = (kind: string): RewardSpec =>
  ({
    kind,
    quality: "heldOutAccuracy",
    beta: kind.endsWith("Exponential") ? -0.5 : 1,
    cost: { kind: "gbops", target: 1 },
  }) as RewardSpec

describe("a search with limits", () => {
  it.each(searches)("%s never ends above one of them", (name, spec) => {
    for (let seed = 0; seed < 6; seed++) {
      const random = randomStream(seed, "limited searches")
      const isFormats = seed % 2 === 0 || spec.kind === "differentiable"
      const { cost, limits, losses, space, target } = problemOf(random, !isFormats)
      const kinds = ["absolute", "absoluteOneSided", "hardExponential"]
      const kind = kinds[spec.kind === "differentiable" ? seed % 2 : seed % 3]!
      const problem = { space, cost, target, steps: 120, seed }
      const searcher = make(spec, {
        ...problem,
        limits,
        reward: makeReward(rewardOf(kind), target),
        assignment: null,
      })
      const { final } = rehearse(searcher, problem, losses)
      for (const limit of limits)
        expect([name, seed, limit.kind, limit.of(final) <= limit.max]).toEqual([
          name,
          seed,
          limit.kind,
          true,
        ])
      if (spec.kind === "reinforce" && spec.budget !== "hard") continue
      expect(cost.of(final)).toBeLessThanOrEqual(target * (1 + 1e-9))
    }
  })

  it("moves below a limit that the quality is against, and says that it binds", () => {
    const random = randomStream(11, "binding")
    const { cost, losses, space } = problemOf(random, false)
    const { max, min } = cost.range()
    const memory = compileTerms(
      space.decisions.map((_, i) => ofDecision(i, [2, 4, 8])),
      Memory,
      space,
    )
    const limit: Limit = {
      ...Memory,
      max: 24,
      beta: 1,
      of: memory.of,
      withChoice: memory.withChoice,
      sum: memory,
    }
    const problem = { space, cost, target: (min + max) / 2, steps: 3000, seed: 1 }
    const found = (beta: number) => {
      const spec = { kind: "reinforce", stopAt: "off" } as SearchSpec
      const searcher = make(spec, {
        ...problem,
        limits: [{ ...limit, beta }],
        reward: makeReward(rewardOf("absoluteOneSided"), problem.target),
        assignment: null,
      })
      let state = searcher.init()
      for (let step = 0; step < 2000; step++) {
        const { proposals, state: next } = searcher.propose(state, step)
        const qualities = proposals.map(
          (choices) => 1 - choices.reduce((sum, k, i) => sum + losses[i]![k]!, 0),
        )
        state = searcher.update(next, step, {
          proposals,
          qualities: searcher.needsQuality(next, step, proposals) ? qualities : [],
        }).state
      }
      const last = searcher.probabilities(state).map((row) => row.indexOf(Math.max(...row)))
      return memory.of(last)
    }
    // what the policy itself came to, before it is held to the limit
    expect(found(0)).toBeGreaterThan(limit.max)
    expect(found(2)).toBeLessThanOrEqual(limit.max * 1.1)
    const searcher = make(
      { kind: "sensitivity" },
      {
        ...problem,
        limits: [{ ...limit, max: 24 }],
        reward: makeReward(rewardOf("absoluteOneSided"), problem.target),
        assignment: null,
      },
    )
    const { alarms } = rehearse(searcher, problem, losses)
    expect(alarms.map(({ alarm }) => alarm)).toContain("limitBinds")
  })
})
