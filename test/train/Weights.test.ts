import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { readSafetensors, type Tensors } from "../../src/train/Safetensors.ts"
import { digest, fit } from "../../src/train/Weights.ts"
import { buildSpace } from "../network/fixture.ts"
import { f32, safetensors } from "./safetensorsFile.ts"

const network = buildSpace(`
name: test
input: { height: 8, width: 8, channels: 2 }
classes: 4
network:
  - conv: { name: stem, filters: 3, kernel: [1, 3], norm: none }
  - depthwiseConv: { name: depthwise, kernel: 3 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
`)
const shapes: Readonly<Record<string, ReadonlyArray<number>>> = {
  "stem.weight": [1, 3, 2, 3],
  "stem.bias.bias": [3],
  "depthwise.weight": [3, 3, 3, 1],
  "depthwise.norm.gamma": [3],
  "depthwise.norm.beta": [3],
  "depthwise.norm.mean": [3],
  "depthwise.norm.variance": [3],
  "classifier.weight": [3, 4],
  "classifier.bias.bias": [4],
}
const tensorsOf = (of: Readonly<Record<string, ReadonlyArray<number>>>): Tensors => {
  const parts = Object.entries(of).map(([name, shape], k) => [
    name,
    f32(
      shape,
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + k),
    ),
  ])
  return Result.getOrThrow(readSafetensors(safetensors(Object.fromEntries(parts))))
}

describe("fit", () => {
  it("lays tensors of the same names and shapes on the variables", () => {
    const { map, names, problems } = fit(network, tensorsOf(shapes))
    expect(problems).toEqual([])
    expect(names).toEqual(Object.keys(shapes))
    expect(map[0]).toBe("stem.weight [1, 3, 2, 3] -> stem.weight [1, 3, 2, 3]")
  })

  it("tells everything that does not fit", () => {
    const { "stem.weight": _, ...others } = shapes
    const wrong = { ...others, "classifier.weight": [4, 3], extra: [2] }
    expect(fit(network, tensorsOf(wrong), ["nothing.*"]).problems).toEqual([
      "skip nothing.* matches no variable and no tensor",
      "stem.weight [1, 3, 2, 3] is missing",
      "classifier.weight has shape [4, 3], the variable [3, 4]",
      "extra [2] belongs to no variable",
    ])
    const infinite = new Map(tensorsOf(shapes))
    infinite.set("stem.bias.bias", { shape: [3], values: Float32Array.of(1, Infinity, 2) })
    expect(fit(network, infinite).problems).toEqual(["stem.bias.bias is not finite"])
    const below = new Map(tensorsOf(shapes))
    const variance = "depthwise.norm.variance"
    below.set(variance, { shape: [3], values: Float32Array.of(1, -1e-9, 2) })
    expect(fit(network, below).problems).toEqual([`${variance} has values below 0`])
    const counts = { shape: [1, 3, 2, 3], values: new Float32Array(0), unread: "I64" }
    const unread = new Map([
      ...tensorsOf(shapes),
      ["stem.weight", counts],
      ["stem.batches", counts],
    ])
    expect(fit(network, unread, ["stem.batches"]).problems).toEqual([
      "stem.weight has dtype I64; F32, F16 or BF16 can be read",
    ])
  })

  it("leaves what is skipped fresh, whatever the file has under these names", () => {
    const other = { ...shapes, "classifier.weight": [3, 1000], "classifier.bias.bias": [1000] }
    const { map, names, problems } = fit(network, tensorsOf(other), ["classifier.**"])
    expect(problems).toEqual([])
    expect(names).toHaveLength(7)
    expect(map.at(-1)).toBe("fresh -> classifier.bias.bias [4]")
  })

  it("leaves out tensors of no variable that are skipped, and tells so", () => {
    const other = { ...shapes, "fc.weight": [3, 1000], "fc.bias": [1000] }
    const { map, names, problems } = fit(network, tensorsOf(other), ["fc.*"])
    expect(problems).toEqual([])
    expect(names).toEqual(Object.keys(shapes))
    expect(map.slice(-2)).toEqual(["fc.weight [3, 1000] -> left out", "fc.bias [1000] -> left out"])
  })

  it("leaves learned scales to be set from the weights", () => {
    const { map, names, problems } = fit(network, tensorsOf({ ...shapes, "stem.weightScale": [6] }))
    expect(problems).toEqual([])
    expect(names).toEqual(Object.keys(shapes))
    expect(map.join()).not.toContain("weightScale")
  })

  it("knows weights by the values that are used", () => {
    const { names } = fit(network, tensorsOf(shapes), ["classifier.**"])
    const of = digest(tensorsOf(shapes), names)
    const reordered = new Map([...tensorsOf(shapes)].toReversed())
    expect(digest(reordered, names)).toBe(of)
    expect(
      digest(new Map([...reordered, ["classifier.weight", reordered.get("stem.weight")!]]), names),
    ).toBe(of)
    const changed = new Map(reordered)
    changed.set("stem.bias.bias", { shape: [3], values: Float32Array.of(1, 2, 4) })
    expect(digest(changed, names)).not.toBe(of)
  })

  it("takes PyTorch's layouts after the permutations that the docs give", () => {
    /** numpy's transpose of row-major values. */
    const permuted = (
      values: ReadonlyArray<number>,
      shape: ReadonlyArray<number>,
      order: ReadonlyArray<number>,
    ) => {
      const to = order.map((axis) => shape[axis]!)
      const result: Array<number> = []
      const walk = (at: ReadonlyArray<number>): void => {
        if (at.length < to.length) {
          for (let i = 0; i < to[at.length]!; i++) walk([...at, i])
          return
        }
        const source: Array<number> = []
        order.forEach((axis, i) => (source[axis] = at[i]!))
        result.push(values[source.reduce((sum, i, axis) => sum * shape[axis]! + i, 0)]!)
      }
      walk([])
      return f32(to, result)
    }
    // [out, in, h, w] of Conv2d, [channels, 1, h, w] of a depthwise one, [out, in] of Linear
    const count = (shape: ReadonlyArray<number>) =>
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i)
    const parts = Object.fromEntries(Object.entries(shapes).map(([k, s]) => [k, f32(s, count(s))]))
    const file = safetensors({
      ...parts,
      "stem.weight": permuted(count([3, 2, 1, 3]), [3, 2, 1, 3], [2, 3, 1, 0]),
      "depthwise.weight": permuted(count([3, 1, 3, 3]), [3, 1, 3, 3], [2, 3, 0, 1]),
      "classifier.weight": permuted(count([4, 3]), [4, 3], [1, 0]),
    })
    const tensors = Result.getOrThrow(readSafetensors(file))
    expect(fit(network, tensors).problems).toEqual([])
    const at = (name: string, ...index: ReadonlyArray<number>) => {
      const { shape, values } = tensors.get(name)!
      return values[index.reduce((sum, i, axis) => sum * shape[axis]! + i, 0)]
    }
    // out 2, in 1, row 0, column 2 of PyTorch's counting
    expect(at("stem.weight", 0, 2, 1, 2)).toBe(((2 * 2 + 1) * 1 + 0) * 3 + 2)
    expect(at("depthwise.weight", 1, 2, 2, 0)).toBe((2 * 3 + 1) * 3 + 2)
    expect(at("classifier.weight", 1, 3)).toBe(3 * 3 + 1)
  })
})
