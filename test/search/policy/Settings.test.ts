import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { resolve } from "../../../src/search/policy/Settings.ts"
import {
  identity,
  normsOf,
  resolved,
  searches,
  searchProblems,
} from "../../../src/search/Searches.ts"

const decode = Schema.decodeUnknownSync(searches.schema, { onExcessProperty: "error" })

const endOf = (schedule: "linear" | "none") =>
  resolve({ kind: "reinforce", commitment: { schedule } }, 100).commitment.max

const problemPaths = (spec: unknown) =>
  searchProblems(decode(spec), undefined, 3000).map(({ path }) => path.join("."))

const rewardOf = (quality: "trainLoss" | "heldOutAccuracy") =>
  ({ kind: "absolute", quality, beta: 1, cost: { kind: "gbops", target: 1 } }) as const

const findingsWith = (quality: "trainLoss" | "heldOutAccuracy") =>
  searchProblems({ kind: "reinforce", preset: "fliqs" }, rewardOf(quality), 3000)

describe("settings", () => {
  it("default to what the method recommends", () => {
    expect(resolved(decode({ kind: "reinforce" }), 3000)).toEqual({
      kind: "reinforce",
      proposals: 4,
      optimizer: {
        learningRate: 1.5 / Math.sqrt(750),
        learningRateGrowth: 1,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
      },
      delay: 0.15,
      decideBy: 0.4,
      delaySampling: "widest",
      trainFormats: "settled",
      commitment: { schedule: "normalised", max: 6 },
      costGradient: "exact",
      baseline: { kind: "leaveOneOut", decay: 0.95 },
      temperature: 1,
      reduce: "mean",
      stopAt: 0.995,
      measureEvery: 1,
      widest: 0.7,
    })
    expect(resolve({ kind: "reinforce", proposals: 1 }, 3000).baseline.kind).toBe("movingAverage")
  })

  it("reproduce the published constants of FLIQS and TuNAS", () => {
    expect(resolve({ kind: "reinforce", preset: "fliqs" }, 3000)).toEqual({
      preset: "fliqs",
      proposals: 1,
      optimizer: {
        learningRate: 5e-3,
        learningRateGrowth: 1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
      },
      delay: 0.25,
      decideBy: 1,
      delaySampling: "uniform",
      trainFormats: "drawn",
      commitment: { schedule: "cosine", max: 0.5 },
      costGradient: "sampled",
      baseline: { kind: "movingAverage", decay: 0.99 },
      temperature: 1,
      reduce: "mean",
      stopAt: "off",
      measureEvery: 1,
      widest: 0,
    })
    // google-research/tunas, mobile_architecture_search.py: flags and their defaults
    expect(resolve({ kind: "reinforce", preset: "tunas" }, 3000)).toEqual({
      preset: "tunas",
      proposals: 1,
      optimizer: {
        learningRate: (3e-4 * 4096) / 256,
        learningRateGrowth: 10,
        beta1: 0,
        beta2: 0.999,
        epsilon: 1e-8,
      },
      delay: 0.25,
      decideBy: 1,
      delaySampling: "widest",
      trainFormats: "drawn",
      commitment: { schedule: "none", max: 0 },
      costGradient: "sampled",
      baseline: { kind: "movingAverage", decay: 0.95 },
      temperature: 1,
      reduce: "sum",
      stopAt: "off",
      measureEvery: 1,
      widest: 0,
    })
  })

  it("name their preset in what a result is recorded with", () => {
    for (const preset of ["fliqs", "tunas"])
      expect(resolved(decode({ kind: "reinforce", preset }), 700)).toHaveProperty("preset", preset)
    expect(resolved(decode({ kind: "reinforce" }), 700)).not.toHaveProperty("preset")
  })

  it("let a file override one constant of a preset and keep the others", () => {
    const settings = resolve(
      { kind: "reinforce", preset: "fliqs", optimizer: { learningRate: 0.02 }, stopAt: 0.99 },
      3000,
    )
    expect(settings.optimizer.learningRate).toBe(0.02)
    expect(settings.optimizer.beta2).toBe(0.999)
    expect(settings.stopAt).toBe(0.99)
    expect(settings.commitment).toEqual({ schedule: "cosine", max: 0.5 })
  })

  it("resolve to themselves once written out, so that a resolved trial is what was planned", () => {
    for (const spec of [
      {},
      { preset: "fliqs" },
      { proposals: 1, stopAt: 0.9 },
      { budget: "hard" },
      { norms: "running" },
      { prior: "sensitivity", measureEvery: 2 },
      { decideBy: 0.6, measureShare: 0.25 },
    ]) {
      const written = resolved(decode({ kind: "reinforce", ...spec }), 700)
      expect(resolved(decode(JSON.parse(JSON.stringify(written))), 700)).toEqual(written)
    }
  })

  it("move a policy faster that is updated less often", () => {
    const rate = (measureEvery: number) =>
      resolve({ kind: "reinforce", delay: 0.25, measureEvery }, 3000).optimizer.learningRate
    expect(rate(1)).toBe(1.5 / Math.sqrt(2250))
    expect(rate(4)).toBe(1.5 / Math.sqrt(563))
  })

  it("move a policy faster that has to decide earlier", () => {
    const { learningRate } = resolve(
      { kind: "reinforce", delay: 0.25, decideBy: 0.5 },
      3000,
    ).optimizer
    expect(learningRate).toBe(1.5 / Math.sqrt(750))
  })

  it("write a prior and a share of a batch out only where there are such", () => {
    const plain = resolved(decode({ kind: "reinforce" }), 700)
    expect(resolved(decode({ kind: "reinforce", prior: "none", measureShare: 1 }), 700)).toEqual(
      plain,
    )
    for (const key of ["prior", "priorEntropy", "measureShare"])
      expect(plain).not.toHaveProperty(key)
    const informed = resolved(decode({ kind: "reinforce", prior: "sensitivity" }), 700)
    expect(informed).toEqual({ ...plain, prior: "sensitivity", priorEntropy: 0.7 })
  })

  it("decide a quarter of the steps after the delay, at most at their end", () => {
    const decideBy = (knobs: object) =>
      Object.entries(resolved(decode({ kind: "reinforce", ...knobs }), 700)).find(
        ([key]) => key === "decideBy",
      )![1]
    expect([0, 0.1, 0.25, 0.9].map((delay) => decideBy({ delay }))).toEqual([0.25, 0.35, 0.5, 1])
    expect(decideBy({ decideBy: 0.7 })).toBe(0.7)
    expect(decideBy({ preset: "fliqs" })).toBe(1)
    expect(decideBy({ stopAt: "off" })).toBe(1)
  })

  it("are without what was meant before there were such knobs where an id is made", () => {
    const former = resolved(decode({ kind: "reinforce", decideBy: 1, widest: 0 }), 700)
    const {
      decideBy: _d,
      measureEvery: _m,
      widest: _w,
      ...rest
    } = resolve({ kind: "reinforce", decideBy: 1 }, 700)
    const { preset: _p, ...known } = rest
    expect(identity(former)).toEqual({ kind: "reinforce", ...known })
    const now = resolved(decode({ kind: "reinforce", measureEvery: 2 }), 700)
    expect(identity(now)).toEqual(now)
  })

  it("write norms out only where they run, so that ids from before the knob stay as they are", () => {
    for (const kind of ["reinforce", "random", "evolution", "sensitivity"] as const) {
      const plain = resolved(decode({ kind }), 700)
      expect(plain).not.toHaveProperty("norms")
      expect(resolved(decode({ kind, norms: "batch" }), 700)).toEqual(plain)
      expect(resolved(decode({ kind, norms: "running" }), 700)).toEqual({
        ...plain,
        norms: "running",
      })
      expect(normsOf(decode({ kind, norms: "running" }))).toBe("running")
      expect(normsOf(decode({ kind }))).toBe("batch")
    }
    expect(normsOf(decode({ kind: "fixed", uniform: "INT4" }))).toBe("batch")
    for (const kind of ["fixed", "differentiable"])
      expect(() => decode({ kind, norms: "running" })).toThrow(/norms/)
  })

  it("keep the schedule that is the usual one, or the preset's, where a file names its end alone", () => {
    const commitment = (spec: object) =>
      resolve({ kind: "reinforce", commitment: { max: 3 }, ...spec }, 100).commitment
    expect(commitment({})).toEqual({ schedule: "normalised", max: 3 })
    expect(commitment({ preset: "fliqs" })).toEqual({ schedule: "cosine", max: 3 })
    expect(commitment({ preset: "fliqs", commitment: { schedule: "normalised" } })).toEqual({
      schedule: "normalised",
      max: 6,
    })
  })

  it("give absolute schedules an absolute end", () => {
    expect([endOf("linear"), endOf("none")]).toEqual([0.5, 0])
  })
})

describe("the search block", () => {
  it("takes every knob", () => {
    const spec = {
      kind: "reinforce",
      preset: "tunas",
      proposals: 8,
      optimizer: { learningRate: 0.01, learningRateGrowth: 2, beta1: 0, beta2: 0.9, epsilon: 1e-6 },
      delay: 0.1,
      delaySampling: "uniform",
      trainFormats: "drawn",
      commitment: { schedule: "step", max: 0.3 },
      costGradient: "sampled",
      baseline: { kind: "movingAverage", decay: 0.9 },
      temperature: 2,
      reduce: "sum",
      stopAt: "off",
      norms: "running",
      budget: "hard",
      prior: "sensitivity",
      priorEntropy: 0.6,
      measureEvery: 2,
      measureShare: 0.5,
      decideBy: 0.6,
    }
    expect(decode(spec)).toEqual(spec)
    expect(decode({ kind: "fixed", uniform: "INT4" })).toEqual({ kind: "fixed", uniform: "INT4" })
  })

  it("refuses knobs out of range", () => {
    for (const wrong of [
      { proposals: 0 },
      { proposals: 1.5 },
      { delay: 1 },
      { temperature: 0 },
      { stopAt: 0.2 },
      { optimizer: { beta1: 1 } },
      { commitment: { max: -1 } },
      { entropyBonus: 1 },
    ])
      expect(() => decode({ kind: "reinforce", ...wrong })).toThrow(/Expected|Missing|Unexpected/)
  })

  it("has rules no schema says: they come as problems with a path", () => {
    expect(problemPaths({ kind: "reinforce" })).toEqual([])
    expect(
      problemPaths({ kind: "reinforce", proposals: 1, baseline: { kind: "leaveOneOut" } }),
    ).toEqual(["search.baseline.kind"])
    expect(problemPaths({ kind: "reinforce", budget: "hard", delay: 0.95 })).toEqual([
      "search.delay",
    ])
    expect(problemPaths({ kind: "reinforce", prior: "sensitivity", delay: 0 })).toEqual([
      "search.prior",
    ])
    expect(problemPaths({ kind: "fixed" })).toEqual(["search"])
    expect(problemPaths({ kind: "fixed", uniform: "INT4", assignment: {} })).toEqual(["search"])
    expect(problemPaths({ kind: "fixed", assignment: { "stem.format": "INT4" } })).toEqual([])
  })

  it("warns when a preset is used with another reward than it was published with", () => {
    expect(findingsWith("trainLoss")).toEqual([])
    expect(findingsWith("heldOutAccuracy")[0]?.severity).toBe("warning")
    const tunas = (more: object) =>
      searchProblems(
        { kind: "reinforce", preset: "tunas" },
        { ...rewardOf("heldOutAccuracy"), ...more },
        3000,
      )
    expect(tunas({ beta: 0.1 })).toEqual([])
    expect(tunas({}).map(({ message, severity }) => [severity, message])).toEqual([
      [
        "warning",
        "preset tunas was published with reward.beta 0.1, and this is 1; set it, or mind the difference",
      ],
    ])
    expect(tunas({ kind: "absoluteOneSided", quality: "trainLoss" })).toHaveLength(3)
  })
})
