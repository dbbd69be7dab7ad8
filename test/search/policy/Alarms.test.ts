import { describe, expect, it } from "vitest"
import { Absolute } from "../../../src/reward/Absolute.ts"
import { AbsoluteOneSided } from "../../../src/reward/AbsoluteOneSided.ts"
import { HardExponential } from "../../../src/reward/HardExponential.ts"
import { bind, type Reward } from "../../../src/reward/Reward.ts"
import { SoftExponential } from "../../../src/reward/SoftExponential.ts"
import { alarmsAt, isAlarmStep, type Moment } from "../../../src/search/policy/Alarms.ts"
import { makeReinforce } from "../../../src/search/Reinforce.ts"
import { resolve } from "../../../src/search/policy/Settings.ts"
import { addSignal, noSignal, zOf } from "../../../src/search/policy/Signal.ts"
import type { DecisionSpace } from "../../../src/space/Decision.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"
import { budget, problemOf, runSearch, signs } from "../../rehearse/tabular.ts"

const run = { steps: 1000, delayEnd: 250, proposals: 4 }

/** A history in which all goes well: entropy falls in time, the end is on target. */
const good = (done: number): Moment => ({
  ...run,
  done,
  entropyRatio: 1 - done / 1000,
  topProbability: done / 1000,
  costDeviation: 0.01,
  signal: 20,
  modeAgreement: 1,
})

/** Every alarm of a whole history, with the step after which it went off. */
const history = (change: (moment: Moment) => Partial<Moment>): Array<string> =>
  Array.from({ length: run.steps }, (_, step) => good(step + 1)).flatMap((moment) =>
    alarmsAt({ ...moment, ...change(moment) }).map(({ alarm }) => `${alarm}@${moment.done}`),
  )

const alarmsOf = (loss: number, knobs: object, steps = 1000) => {
  const table = signs(loss)
  const settings = resolve({ kind: "reinforce", ...knobs }, steps)
  return runSearch(makeReinforce(settings, problemOf(table, steps, 1)), table, steps, 1).alarms
}

const decision = (path: string) => ({
  path,
  tag: "format",
  role: "format" as const,
  options: [0, 1, 2],
  sizes: [0, 1, 2],
  active: "always" as const,
})

describe("alarms over a history", () => {
  it("are silent when all goes well", () => {
    expect(history(() => ({}))).toEqual([])
  })

  it("go off once each, at their moment", () => {
    expect(history(({ done }) => ({ entropyRatio: done < 300 ? 1 : 0.2 }))).toEqual([
      "collapsedEarly@400",
    ])
    expect(history(({ done }) => ({ entropyRatio: done < 500 ? 0.5 : 0.05 }))).toEqual([
      "commitmentTooStrong@600",
    ])
    expect(history(() => ({ topProbability: 0.89 }))).toEqual(["notCommitted@1000"])
    expect(history(() => ({ costDeviation: 0.06 }))).toEqual(["costOffTarget@1000"])
    expect(history(() => ({ signal: 2.9 }))).toEqual(["noQualitySignal@250"])
    expect(history(() => ({ modeAgreement: 0.9 }))).toEqual(["finalIsNotMode@1000"])
  })

  it("stay silent at their thresholds", () => {
    expect(history(() => ({ entropyRatio: 0.3 }))).toEqual([])
    const halved = (least: number) =>
      history(({ done }) => ({ entropyRatio: done < 500 ? 0.5 : least }))
    expect(halved(0.1)).toEqual([])
    expect(halved(0.0999)).toEqual(["commitmentTooStrong@600"])
    expect(history(() => ({ entropyRatio: 0.2999 }))).toEqual(["collapsedEarly@400"])
    expect(history(() => ({ topProbability: 0.8999 }))).toEqual(["notCommitted@1000"])
    expect(history(() => ({ costDeviation: 0.0501 }))).toEqual(["costOffTarget@1000"])
    expect(history(() => ({ signal: 2.999 }))).toEqual(["noQualitySignal@250"])
    expect(history(() => ({ modeAgreement: 0.999 }))).toEqual(["finalIsNotMode@1000"])
    expect(history(() => ({ topProbability: 0.9 }))).toEqual([])
    expect(history(() => ({ costDeviation: 0.05 }))).toEqual([])
    expect(history(() => ({ signal: 3 }))).toEqual([])
  })

  it("say nothing of the signal when fewer than four proposals were measured", () => {
    expect(history(() => ({ signal: 0, proposals: 3 }))).toEqual([])
    expect(history(() => ({ signal: 0, proposals: 4 }))).toEqual(["noQualitySignal@250"])
  })

  it("are looked at only where one could go off", () => {
    const steps = Array.from({ length: 1000 }, (_, i) => i + 1).filter((n) => isAlarmStep(run, n))
    expect(steps).toEqual([250, 400, 600, 1000])
  })
})

describe("alarms of real runs", () => {
  it("miss the quality where options are all alike, and see it where they differ", () => {
    expect(alarmsOf(0, {})).toContain("noQualitySignal")
    expect(alarmsOf(0.05, {})).not.toContain("noQualitySignal")
  })

  it("see a policy that is not made to commit", () => {
    const none = { commitment: { schedule: "none" }, stopAt: "off" }
    expect(alarmsOf(0, none)).toContain("notCommitted")
    expect(alarmsOf(0, {})).not.toContain("notCommitted")
  })

  it("see a commitment that comes too soon", () => {
    const early = { commitment: { schedule: "constant", max: 5 }, costGradient: "sampled" }
    expect(alarmsOf(0, early)).toContain("collapsedEarly")
  })

  it("see a cost that does not land", () => {
    const table = { ...budget, beta: 0 }
    const searcher = makeReinforce(resolve({ kind: "reinforce" }, 1000), problemOf(table, 1000, 1))
    expect(runSearch(searcher, table, 1000, 1).alarms).toContain("costOffTarget")
  })
})

describe("a cost below target", () => {
  /** The cheapest options are the best, so a search ends far below its target unless it is made to reach it. */
  const cheapIsBest = { ...budget, loss: (_: number, k: number) => 0.05 * k }
  const alarmsUnder = (reward: Reward, beta: number, knobs: object = {}) => {
    const problem = problemOf(cheapIsBest, 1000, 1)
    const bound = bind(reward, { beta }, problem.target)
    const settings = resolve({ kind: "reinforce", ...knobs }, 1000)
    const searcher = makeReinforce(settings, { ...problem, reward: bound })
    return runSearch(searcher, cheapIsBest, 1000, 1).alarms
  }

  it("is off target for a reward that punishes it, and for no other", () => {
    expect(alarmsUnder(Absolute as unknown as Reward, 0.01)).toContain("costOffTarget")
    expect(alarmsUnder(Absolute as unknown as Reward, 0.01, { budget: "hard" })).toContain(
      "costOffTarget",
    )
    for (const [reward, beta] of [
      [AbsoluteOneSided, 1],
      [SoftExponential, -0.07],
      [HardExponential, -1],
    ] as const)
      expect(alarmsUnder(reward as unknown as Reward, beta)).not.toContain("costOffTarget")
  })
})

describe("the quality signal", () => {
  const space: DecisionSpace = { decisions: [decision("a"), decision("b")] }

  /** z after many steps of four proposals whose quality depends on decision 0 by `effect`, under shared drift. */
  const z = (effect: number, seed: number): number => {
    const random = randomStream(seed, "signal")
    let signal = noSignal(space)
    for (let step = 0; step < 100; step++) {
      const proposals = Array.from({ length: 4 }, () => [random.integer(3), random.integer(3)])
      const drift = step / 50 + random.normal()
      const qualities = proposals.map(([a]) => drift + effect * a! + 0.1 * random.normal())
      const active = proposals.map(() => Uint8Array.of(1, 1))
      signal = addSignal(signal, proposals, active, qualities)
    }
    return zOf(signal)
  }

  it("is near standard normal without an effect, whatever the steps have in common", () => {
    const values = Array.from({ length: 200 }, (_, seed) => z(0, seed))
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
    expect(Math.abs(mean)).toBeLessThan(0.25)
    expect(variance).toBeGreaterThan(0.5)
    expect(variance).toBeLessThan(1.7)
    expect(values.filter((value) => value > 3).length).toBeLessThan(8)
  })

  it("is large with one", () => {
    for (let seed = 0; seed < 10; seed++) expect(z(0.1, seed)).toBeGreaterThan(20)
  })

  it("is 0 before anything was measured", () => {
    expect(zOf(noSignal(space))).toBe(0)
  })
})
