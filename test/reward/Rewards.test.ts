import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { kinkWidth } from "../../src/reward/Reward.ts"
import { make, rewards } from "../../src/reward/Rewards.ts"

const cost = { kind: "gbops", target: 10 }
const decode = Schema.decodeUnknownSync(rewards.schema, { onExcessProperty: "error" })
const reward = (kind: string, more: object = {}) => make(decode({ kind, cost, ...more }), 10)

describe("rewards", () => {
  it("absolute loses beta times the relative distance, on both sides", () => {
    const { of } = reward("absolute", { beta: 2 })
    expect(of(0.6, 10)).toBe(0.6)
    expect(of(0.6, 11)).toBeCloseTo(0.6 - 0.2, 12)
    expect(of(0.6, 9)).toBeCloseTo(0.6 - 0.2, 12)
  })

  it("absoluteOneSided loses only above the target", () => {
    const { of } = reward("absoluteOneSided", { beta: 2 })
    expect(of(0.6, 9)).toBe(0.6)
    expect(of(0.6, 12)).toBeCloseTo(0.6 - 0.4, 12)
  })

  it("softExponential multiplies by (cost / target)^beta, hardExponential only above the target", () => {
    const soft = reward("softExponential", { beta: -0.5 })
    const hard = reward("hardExponential", { beta: -0.5 })
    expect(soft.of(0.6, 40)).toBeCloseTo(0.3, 12)
    expect(soft.of(0.6, 2.5)).toBeCloseTo(1.2, 12)
    expect(hard.of(0.6, 40)).toBeCloseTo(0.3, 12)
    expect(hard.of(0.6, 2.5)).toBe(0.6)
  })

  it("say how they change with cost at a given quality", () => {
    for (const kind of rewards.kinds) {
      const { of, costPart } = reward(kind)
      for (const [a, b] of [
        [7, 12],
        [10, 10.1],
      ] as const)
        expect(of(0.6, b) - of(0.6, a)).toBeCloseTo(costPart(0.6, b) - costPart(0.6, a), 12)
    }
  })

  it("have the slope of that change away from the kink, and none that jumps at it", () => {
    for (const kind of rewards.kinds) {
      const { costPart, costSlope } = reward(kind)
      for (const at of [3, 9, 10 * (1 + 1.5 * kinkWidth), 14]) {
        const difference = (costPart(0.6, at + 1e-6) - costPart(0.6, at - 1e-6)) / 2e-6
        expect(costSlope(0.6, at)).toBeCloseTo(difference, 6)
      }
      expect(Math.abs(costSlope(0.6, 10.0001) - costSlope(0.6, 9.9999))).toBeLessThan(1e-3)
    }
  })

  it("know whether they turn at the target: whether a cheaper network is better there too", () => {
    for (const kind of rewards.kinds) {
      const { of, turnsAtTarget } = reward(kind)
      expect(turnsAtTarget).toBe(of(0.6, 9) <= of(0.6, 10))
    }
  })

  it("never reward a dearer network above the target at the same quality", () => {
    for (const kind of rewards.kinds) {
      const { of } = reward(kind)
      expect(of(0.6, 13)).toBeLessThan(of(0.6, 12))
      expect(of(0.6, 12)).toBeLessThan(of(0.6, 10))
    }
  })
})

describe("the sign trap", () => {
  it("is closed: additive penalties are not negative, exponents not positive", () => {
    for (const kind of ["absolute", "absoluteOneSided"])
      expect(() => decode({ kind, cost, beta: -1 })).toThrow(/0 or more/)
    for (const kind of ["softExponential", "hardExponential"])
      for (const beta of [0, 0.07]) expect(() => decode({ kind, cost, beta })).toThrow(/below 0/)
  })

  it("is closed: a loss, which counts as negative, is no quality to multiply", () => {
    for (const quality of ["heldOutLoss", "trainLoss"]) {
      expect(decode({ kind: "absolute", cost, quality }).quality).toBe(quality)
      for (const kind of ["softExponential", "hardExponential"])
        expect(() => decode({ kind, cost, quality })).toThrow(/Expected/)
    }
  })

  it("leaves defaults that a short file can rely on", () => {
    expect(decode({ kind: "absolute", cost })).toEqual({
      kind: "absolute",
      quality: "heldOutAccuracy",
      beta: 1,
      cost,
    })
    expect(decode({ kind: "softExponential", cost }).beta).toBe(-0.07)
    expect(decode({ kind: "hardExponential", cost }).beta).toBe(-1)
  })
})
