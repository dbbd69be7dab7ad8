/** Random search and evolution: within target at every step, the better assignments found, resumed bit for bit. */
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { bandUnder } from "../../../src/budget/WithinBudget.ts"
import type { Member, PopulationState } from "../../../src/search/population/PopulationState.ts"
import { mutate, winner } from "../../../src/search/Evolution.ts"
import {
  make,
  measures,
  resolved,
  searches,
  searchProblems,
  type SearchSpec,
} from "../../../src/search/Searches.ts"
import type { Searcher } from "../../../src/search/Search.ts"
import { drawWithin, moveWithin } from "../../../src/budget/WithinTarget.ts"
import { activity } from "../../../src/space/DecisionSpace.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"
import { randomCost } from "../../cost/randomTerms.ts"
import { randomSpace } from "../../space/randomSpaces.ts"
import {
  budget,
  costOf,
  lossOf,
  makeQuality,
  many,
  problemOf,
  runSearch,
  signs,
  type Table,
} from "../../rehearse/tabular.ts"

const searcherOf = (spec: SearchSpec, table: Table, steps: number, seed: number) =>
  make(spec, problemOf(table, steps, seed)) as Searcher<PopulationState>

const meanOf = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / values.length

const seeds = [1, 2, 3]

const lossesOf = (spec: SearchSpec, table: Table, steps: number) =>
  seeds.map((seed) =>
    lossOf(table, runSearch(searcherOf(spec, table, steps, seed), table, steps, seed).final),
  )

/** Runs some steps and tells every one of them. */
const advance = (
  searcher: Searcher<PopulationState>,
  start: PopulationState,
  from: number,
  to: number,
  table: Table,
  log: Array<string> = [],
) => {
  let state = start
  for (let step = from; step < to; step++) {
    const { state: proposed, proposals, train } = searcher.propose(state, step)
    const qualities = searcher.needsQuality(proposed, step)
      ? makeQuality(table, 100, step)(step, proposals)
      : []
    const updated = searcher.update(proposed, step, { proposals, qualities })
    log.push(JSON.stringify([proposals, qualities, updated.metrics, train]))
    state = updated.state
  }
  return state
}

describe("random assignments within target", () => {
  it("lie in the band where the space is fine enough, never above it, and differ", () => {
    const { space, cost, target } = problemOf(many, 1, 1)
    const random = randomStream(1, "within")
    const drawn = Array.from({ length: 200 }, () =>
      drawWithin(space, cost, bandUnder(target, 0.02), random),
    )
    for (const choices of drawn) {
      expect(costOf(many, choices)).toBeLessThanOrEqual(target)
      expect(costOf(many, choices)).toBeGreaterThanOrEqual(0.98 * target)
    }
    expect(new Set(drawn.map((choices) => choices.join())).size).toBe(200)
    const wide = drawn.filter((choices) => choices[0] === 2).length
    expect(wide).toBeGreaterThan(20)
    expect(wide).toBeLessThan(180)
  })

  it("are never above the target in conditional spaces either, nor are those moved there", () => {
    for (let seed = 0; seed < 25; seed++) {
      const random = randomStream(seed, "spaces")
      const space = randomSpace(random, 2, 5)
      const cost = randomCost(space, random, 8)
      const { min, max } = cost.range()
      // costs of either sign, as no network has them: the band is absolute here
      const high = min + random.uniform() * (max - min)
      const band = { low: high - 0.02 * (max - min), high }
      for (let i = 0; i < 10; i++) {
        expect(cost.of(drawWithin(space, cost, band, random))).toBeLessThanOrEqual(high)
        const anywhere = space.decisions.map(({ options }) => random.integer(options.length))
        expect(cost.of(moveWithin(space, cost, anywhere, band, random))).toBeLessThanOrEqual(high)
      }
    }
  })
})

describe("random search", () => {
  it("keeps one of the best of its candidates", () => {
    for (const seed of seeds) {
      const searcher = searcherOf({ kind: "random" }, many, 400, seed)
      const losses = searcher.init().members.map(({ choices }) => lossOf(many, choices))
      const { final } = runSearch(searcher, many, 400, seed)
      expect(costOf(many, final)).toBeLessThanOrEqual(many.target)
      const better = losses.filter((loss) => loss < lossOf(many, final)).length
      expect(better).toBeLessThan(losses.length / 8)
    }
  })

  it("measures all candidates on the same batches, right before the best is frozen", () => {
    const searcher = searcherOf({ kind: "random", candidates: 8, batches: 5 }, many, 100, 1)
    const start = searcher.init()
    const needs = Array.from({ length: 50 }, (_, step) => searcher.needsQuality(start, step))
    expect(needs.indexOf(true)).toBe(45)
    const measured = advance(searcher, start, 0, 49, many)
    expect(measured.members.map(({ count }) => count)).toEqual(Array(8).fill(4))
    const frozen = advance(searcher, measured, 49, 50, many)
    expect(frozen.frozen).toEqual(searcher.final(frozen))
    expect(searcher.propose(frozen, 50).proposals).toEqual([frozen.frozen])
    expect(searcher.argmaxProbability(frozen)).toBe(1)
  })

  it("of one candidate trains one assignment from the first step and measures nothing", () => {
    const spec = { kind: "random", candidates: 1 } as const
    const searcher = searcherOf(spec, budget, 50, 7)
    const { metrics, final } = runSearch(searcher, budget, 50, 7)
    expect(final).toEqual(searcher.propose(searcher.init(), 0).train)
    expect(costOf(budget, final)).toBe(budget.target)
    expect(metrics.every(({ quality, frozen }) => quality === undefined && frozen)).toBe(true)
    expect(metrics.slice(1).every(({ switching }) => switching === 0)).toBe(true)
    expect(searcherOf(spec, budget, 50, 8).final(searcher.init())).toEqual(final)
    const other = searcherOf(spec, budget, 50, 8)
    expect(other.final(other.init())).not.toEqual(final)
    expect(measures(spec)).toBe(false)
    expect(resolved(spec, 50)).toEqual({ kind: "random", candidates: 1, tolerance: 0.02 })
  })

  it("says so when no assignment comes close to the target", () => {
    const coarse: Table = { ...budget, cost: (_, k) => 100 ** k, target: 50 }
    const { alarms, final } = runSearch(
      searcherOf({ kind: "random" }, coarse, 60, 1),
      coarse,
      60,
      1,
    )
    expect(alarms).toEqual(["candidatesBelowTarget", "costOffTarget"])
    expect(costOf(coarse, final)).toBe(8)
    expect(runSearch(searcherOf({ kind: "random" }, many, 60, 1), many, 60, 1).alarms).toEqual([])
  })
})

describe("evolution", () => {
  it("finds the better option of each decision where there is no budget", () => {
    for (const loss of lossesOf({ kind: "evolution" }, signs(0.05), 800))
      expect(loss).toBeLessThan(0.051)
  })

  it("comes near the least loss within target, nearer than random search", () => {
    const evolved = lossesOf({ kind: "evolution" }, many, 1200)
    const drawn = lossesOf({ kind: "random" }, many, 400)
    expect(meanOf(evolved)).toBeLessThan(0.0596 + 0.02)
    expect(meanOf(evolved)).toBeLessThan(meanOf(drawn) - 0.02)
    for (const loss of lossesOf({ kind: "evolution" }, budget, 1200))
      expect(loss).toBeLessThan(0.0525 + 0.02)
  })

  it("never proposes above the target once the delay is over", () => {
    const searcher = searcherOf({ kind: "evolution" }, many, 100, 3)
    const log: Array<string> = []
    advance(searcher, searcher.init(), 0, 100, many, log)
    for (const line of log.slice(25))
      for (const choices of JSON.parse(line)[0] as Array<Array<number>>)
        expect(costOf(many, choices)).toBeLessThanOrEqual(many.target)
  })

  it("lets the oldest member go, whatever it is worth", () => {
    const searcher = searcherOf({ kind: "evolution", population: 4 }, many, 100, 1)
    const before = advance(searcher, searcher.init(), 0, 30, many)
    const after = advance(searcher, before, 30, 31, many)
    const choicesOf = ({ members }: PopulationState) => members.map(({ choices }) => choices)
    expect(choicesOf(after).slice(0, 3)).toEqual(choicesOf(before).slice(1))
    expect(after.members.map(({ count }) => count)).toEqual([3, 2, 1, 0])
  })

  it("breeds from the best of a tournament, changing as many decisions as it is told", () => {
    const random = randomStream(1, "breeding")
    const members: Array<Member> = [0, 1, 2].map((k) => ({ choices: [k], sum: k, count: 4 }))
    expect(winner(members, 3, random).choices).toEqual([2])
    const winners = Array.from({ length: 300 }, () => winner(members, 1, random).choices[0])
    expect(new Set(winners).size).toBe(3)

    const space = randomSpace(randomStream(4, "space"), 2, 6)
    let changed = 0
    let possible = 0
    for (let i = 0; i < 1000; i++) {
      const choices = space.decisions.map(({ options }) => random.integer(options.length))
      const active = activity(space, choices)
      const mutant = mutate(space, choices, 1, random)
      mutant.forEach((k, j) => {
        if (k !== choices[j]) changed++
        expect(active[j] === 1 || k === choices[j]).toBe(true)
        expect(k).toBeLessThan(space.decisions[j]!.options.length)
      })
      if (space.decisions.some(({ options }, j) => active[j] === 1 && options.length > 1))
        possible++
    }
    expect(changed / possible).toBeGreaterThan(0.9)
    expect(changed / possible).toBeLessThan(1.1)
  })
})

describe("the weights", () => {
  /** What 400 steps train, and how often formats drawn narrow were to be trained wide, and were. */
  const trained = (spec: SearchSpec) => {
    const searcher = searcherOf(spec, many, 400, 1)
    let state = searcher.init()
    const steps = Array.from({ length: 400 }, (_, step) => {
      const probabilities = searcher.probabilities(state)
      const { state: proposed, proposals, train } = searcher.propose(state, step)
      const qualities = searcher.needsQuality(proposed, step)
        ? makeQuality(many, 400, step)(step, proposals)
        : []
      const isFrozen = proposed.frozen !== null
      state = searcher.update(proposed, step, { proposals, qualities }).state
      const [drawn] = proposals
      const narrow = drawn!.flatMap((k, i) => (k === 2 ? [] : [i]))
      const wide = narrow.filter((i) => train[i] === 2).length
      const unsettled = narrow.map(
        (i) =>
          probabilities[i]!.reduce((h, p) => (p > 0 ? h - p * Math.log(p) : h), 0) / Math.log(3),
      )
      const expected = unsettled.reduce((a, b) => a + b, 0)
      const variance = unsettled.reduce((a, b) => a + b * (1 - b), 0)
      const isEither = train.every((k, i) => k === drawn![i] || k === 2)
      return {
        isFrozen,
        drawn: drawn!,
        train,
        narrow: narrow.length,
        wide,
        expected,
        variance,
        isEither,
      }
    })
    return {
      searching: steps.filter((one) => !one.isFrozen),
      after: steps.filter((one) => one.isFrozen),
    }
  }
  const sumOf = <K extends string>(steps: ReadonlyArray<Record<K, number>>, key: K) =>
    steps.reduce((sum, one) => sum + one[key], 0)

  it.each(["random", "evolution"] as const)(
    "of %s train a format wide with probability H / ln K of the members' shares, until the best is frozen",
    (kind) => {
      const { searching, after } = trained({ kind })
      expect(searching).toHaveLength(200)
      for (const { isEither } of searching) expect(isEither).toBe(true)
      const deviation = Math.abs(sumOf(searching, "wide") - sumOf(searching, "expected"))
      expect(deviation).toBeLessThan(4 * Math.sqrt(sumOf(searching, "variance")))
      expect(sumOf(searching, "wide")).toBeGreaterThan(0.5 * sumOf(searching, "narrow"))
      for (const { drawn, train } of after) expect(train).toEqual(drawn)
    },
  )

  it("train ever more as drawn while a population agrees", () => {
    const { searching } = trained({ kind: "evolution", freezeAt: 0.9 })
    const shareOf = (steps: typeof searching) => sumOf(steps, "wide") / sumOf(steps, "narrow")
    expect(shareOf(searching.slice(-60))).toBeLessThan(0.5 * shareOf(searching.slice(40, 100)))
  })

  it.each(["random", "evolution"] as const)(
    "of %s train what is drawn, where that is asked for",
    (kind) => {
      const { searching } = trained({ kind, trainFormats: "drawn" })
      for (const { drawn, train } of searching) expect(train).toEqual(drawn)
    },
  )
})

describe("a population's state", () => {
  const specs: ReadonlyArray<SearchSpec> = [
    { kind: "random", candidates: 6, batches: 10 },
    { kind: "random", candidates: 1 },
    { kind: "evolution", population: 5, batches: 10 },
  ]

  it("restores at any step to exactly the uninterrupted run", () => {
    for (const spec of specs) {
      const searcher = searcherOf(spec, many, 100, 1)
      const whole: Array<string> = []
      const end = advance(searcher, searcher.init(), 0, 100, many, whole)
      for (const at of [1, 24, 26, 39, 41, 50, 77]) {
        const log: Array<string> = []
        const before = advance(searcher, searcher.init(), 0, at, many, log)
        const resumed = searcherOf(spec, many, 100, 1)
        const restored = resumed.restore(JSON.parse(JSON.stringify(before)))
        expect(advance(resumed, restored, at, 100, many, log)).toEqual(end)
        expect(log).toEqual(whole)
      }
    }
  })

  it("is refused by a search of another space, and by an update without its qualities", () => {
    const searcher = searcherOf({ kind: "evolution" }, many, 100, 1)
    const start = searcher.init()
    expect(() => searcherOf({ kind: "evolution" }, budget, 100, 1).restore(start)).toThrow(
      /another space/,
    )
    const { state, proposals } = searcher.propose(start, 30)
    expect(() => searcher.update(state, 30, { proposals, qualities: [] })).toThrow(
      /needs the quality/,
    )
  })

  it("survives members whose quality is not finite", () => {
    const searcher = searcherOf({ kind: "evolution", population: 4 }, many, 100, 1)
    const { state, proposals } = searcher.propose(searcher.init(), 30)
    for (const qualities of [[Number.NaN, 0.1, 0.2, -Infinity], Array(4).fill(Number.NaN)]) {
      const { state: next } = searcher.update(state, 30, { proposals, qualities })
      expect(searcher.restore(JSON.parse(JSON.stringify(next)))).toEqual(next)
    }
  })
})

describe("the blocks of random and evolution", () => {
  const decode = Schema.decodeUnknownSync(searches.schema, { onExcessProperty: "error" })
  const problemsOf = (spec: unknown) =>
    searchProblems(decode(spec), undefined, 2000).map(({ path }) => path.join("."))

  it("resolve to themselves once written out", () => {
    for (const spec of [
      { kind: "random", batches: 4 },
      { kind: "evolution", mutations: 2 },
    ]) {
      const written = resolved(decode(spec), 700)
      expect(resolved(decode(JSON.parse(JSON.stringify(written))), 700)).toEqual(written)
    }
  })

  it("need steps between delay and freeze for their batches, and take fewer where few are", () => {
    const batchesOf = (spec: unknown, steps: number) =>
      (resolved(decode(spec), steps) as { readonly batches: number }).batches
    for (const kind of ["random", "evolution"]) {
      expect(batchesOf({ kind }, 2000)).toBe(16)
      expect(batchesOf({ kind }, 20)).toBe(3)
      expect(batchesOf({ kind }, 1)).toBe(1)
      expect(batchesOf({ kind, batches: 5 }, 20)).toBe(5)
    }
    const problems = (spec: unknown, steps: number) =>
      searchProblems(decode(spec), undefined, steps)
    expect(problems({ kind: "random", batches: 5 }, 20)).toEqual([])
    expect(problems({ kind: "random", batches: 6 }, 20)[0]!.message).toContain("5 or fewer")
    // one step to breed in
    expect(problems({ kind: "evolution", batches: 5 }, 20)[0]!.message).toContain("4 or fewer")
    for (const steps of [1, 2, 3, 4, 5, 8, 20, 100])
      for (const kind of ["random", "evolution"]) expect(problems({ kind }, steps)).toEqual([])
  })

  it("need steps between delay and freeze, and a tournament no larger than the population", () => {
    expect(problemsOf({ kind: "random" })).toEqual([])
    expect(problemsOf({ kind: "random", delay: 0.5 })).toEqual(["search.freezeAt"])
    expect(problemsOf({ kind: "random", delay: 0.5, candidates: 1 })).toEqual([])
    expect(problemsOf({ kind: "evolution", freezeAt: 0.2 })).toEqual(["search.freezeAt"])
    expect(problemsOf({ kind: "evolution", population: 4 })).toEqual([])
    expect(problemsOf({ kind: "evolution", population: 4, tournament: 5 })).toEqual([
      "search.tournament",
    ])
  })
})
