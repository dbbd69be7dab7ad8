import { describe, expect, it } from "vitest"
import { fromState, randomStream } from "../../src/space/RandomStream.ts"

const draw = (count: number, f: () => number) => Array.from({ length: count }, f)
const first = (seed: number, name: string) => draw(4, randomStream(seed, name).uniform)
const mean = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / values.length

describe("random streams", () => {
  it("repeat for the same seed and name, and differ for any other", () => {
    expect(first(1, "weights")).toEqual(first(1, "weights"))
    expect(first(1, "weights")).not.toEqual(first(2, "weights"))
    expect(first(1, "weights")).not.toEqual(first(1, "order"))
  })

  it("draw the same values in every version: checkpoints and results depend on it", () => {
    expect(draw(3, randomStream(1, "proposals").uniform)).toMatchInlineSnapshot(`
      [
        0.7585263412911445,
        0.03470503422431648,
        0.4948424727190286,
      ]
    `)
  })

  it("go on exactly from a state that went through JSON", () => {
    const random = randomStream(7, "order")
    draw(11, random.normal)
    const resumed = fromState(JSON.parse(JSON.stringify(random.state())))
    const mixed = (r: typeof random) => [
      r.uniform(),
      r.normal(),
      r.integer(10),
      ...r.permutation(9),
    ]
    expect(mixed(resumed)).toEqual(mixed(random))
  })

  it("are uniform, normal and unbiased", () => {
    const random = randomStream(3, "moments")
    const uniforms = draw(40_000, random.uniform)
    expect(mean(uniforms)).toBeCloseTo(0.5, 2)
    expect(Math.max(...uniforms)).toBeLessThan(1)
    const normals = draw(40_000, random.normal)
    expect(Math.abs(mean(normals))).toBeLessThan(0.02)
    expect(mean(normals.map((x) => x * x))).toBeCloseTo(1, 1)
    const counts = [0, 0, 0]
    draw(30_000, () => counts[random.integer(3)]!++)
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(300)
  })

  it("refuse to draw from nothing", () => {
    const { integer } = randomStream(1, "split")
    for (const count of [0, -1, Number.NaN, 2 ** 33])
      expect(() => integer(count)).toThrow(RangeError)
  })

  it("permute: every value once, every order reached", () => {
    const random = randomStream(5, "permutation")
    expect([...random.permutation(50)].sort((a, b) => a - b)).toEqual([...Array(50).keys()])
    expect(new Set(draw(300, () => Number([...random.permutation(4)].join("")))).size).toBe(24)
  })
})
