import { describe, expect, it } from "vitest"
import { metricsEvery, policyEvery, Progress } from "../../src/train/Progress.ts"
import { learningRateAt } from "../../src/train/TrainSpec.ts"

describe("what is told while training", () => {
  it("is a mean since the last point, of finite values only", () => {
    const progress = new Progress()
    progress.add({ a: 1, b: NaN })
    progress.add({ a: 3, b: 4 })
    expect(progress.take()).toEqual({ a: 2, b: 4 })
    expect(progress.take()).toEqual({})
  })

  it("goes through JSON in the middle of a mean", () => {
    const progress = new Progress()
    progress.add({ a: 1 })
    progress.keepPolicy(1, [[0.123456, 0.876544]])
    const again = new Progress(JSON.parse(JSON.stringify(progress.state())))
    again.add({ a: 2 })
    expect(again.take()).toEqual({ a: 1.5 })
    expect(again.policyRows).toEqual([{ step: 1, probabilities: [[0.1235, 0.8765]] }])
  })

  it.each([
    [20, 1],
    [600, 3],
    [2000, 10],
    [8000, 10],
    [100_000, 100],
  ])("has a point of a run of %i steps every %i", (steps, every) => {
    expect(metricsEvery(steps)).toBe(every)
    expect(policyEvery(steps)).toBe(Math.ceil(steps / 100))
  })
})

describe("the learning rate", () => {
  const of = (kind: "cosine" | "constant" | "step", step: number) =>
    learningRateAt(
      { kind, peak: 0.1, warmupSteps: 10, milestones: [0.5, 0.75], factor: 0.1 } as never,
      step,
      110,
    )

  it("climbs to its peak, then follows its schedule", () => {
    expect(of("cosine", 0)).toBeCloseTo(0.01, 12)
    expect(of("cosine", 9)).toBeCloseTo(0.1, 12)
    expect(of("cosine", 60)).toBeCloseTo(0.05, 12)
    expect(of("cosine", 110)).toBeCloseTo(0, 12)
    expect(of("constant", 100)).toBe(0.1)
    expect(of("step", 54)).toBeCloseTo(0.1, 12)
    expect(of("step", 55)).toBeCloseTo(0.01, 12)
    expect(of("step", 83)).toBeCloseTo(0.001, 12)
  })

  describe("with a second schedule", () => {
    const at = (at: number | "frozen", step: number, frozenAt?: number) =>
      learningRateAt(
        { kind: "cosine", peak: 0.1, warmupSteps: 10, restart: { factor: 0.5, at } },
        step,
        110,
        frozenAt,
      )

    it("starts again at a share of the peak once the search is frozen, and falls to 0", () => {
      for (const step of [0, 9, 60, 79]) expect(at("frozen", step)).toBe(of("cosine", step))
      expect(at("frozen", 79, 80)).toBe(of("cosine", 79))
      expect(at("frozen", 80, 80)).toBeCloseTo(0.05, 12)
      expect(at("frozen", 95, 80)).toBeCloseTo(0.025, 12)
      expect(at("frozen", 110, 80)).toBeCloseTo(0, 12)
    })

    it("starts at a share of the steps whether or not the search is frozen", () => {
      for (const frozenAt of [undefined, 0, 30]) {
        expect(at(0.5, 54, frozenAt)).toBe(of("cosine", 54))
        expect(at(0.5, 55, frozenAt)).toBeCloseTo(0.05, 12)
      }
    })

    it("goes on with the first where nothing is searched", () => {
      for (const step of [0, 60, 109]) expect(at("frozen", step, 0)).toBe(of("cosine", step))
    })
  })
})
