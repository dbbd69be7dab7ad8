import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { parse } from "../../src/format/Formats.ts"
import { rowLength, rowNumbers, toRow } from "../../src/format/Row.ts"
import type { AttentionNode } from "../../src/network/Graph.ts"
import { AttentionOperation } from "../../src/supernet/operation/TokenOperations.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { fakeQuantizeReference } from "../../src/quantizer/reference.ts"
import { fakeQuantize } from "../../src/quantizer/FakeQuantize.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { counts, load, tf } from "../../src/tensor/Backend.ts"
import type { Tensor2D } from "../../src/tensor/Backend.ts"
import { extract } from "../../src/supernet/Child.ts"
import { formatSites, siteOf } from "../../src/network/Sites.ts"
import { buildSpace } from "../network/fixture.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

const random = randomStream(4, "attention")
const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal())

const tokens = 3
const headDim = 2
const row = toRow(parse("INT4")!)

/** One head, one example: [tokens, (query, key, value), headDim] -> rounded operands and their product, by hand. */
const byHand = (x: Float32Array) => {
  const part = (k: number) =>
    Float32Array.from(
      { length: tokens * headDim },
      (_, i) => x[Math.floor(i / headDim) * 3 * headDim + k * headDim + (i % headDim)]!,
    )
  const factor = Math.fround(1 / Math.sqrt(headDim))
  const query = fakeQuantizeReference(
    part(0).map((v) => v * factor),
    row,
  )
  const key = fakeQuantizeReference(part(1), row)
  const value = fakeQuantizeReference(part(2), row)
  const soft = new Float32Array(tokens * tokens)
  for (let i = 0; i < tokens; i++) {
    const scores = Array.from({ length: tokens }, (_, j) =>
      Math.exp(query[2 * i]! * key[2 * j]! + query[2 * i + 1]! * key[2 * j + 1]!),
    )
    const total = scores.reduce((a, b) => a + b)
    scores.forEach((score, j) => (soft[i * tokens + j] = score / total))
  }
  const probabilities = fakeQuantizeReference(soft, row)
  const result = Array.from({ length: tokens * headDim }, (_, at) => {
    const [i, d] = [Math.floor(at / headDim), at % headDim]
    let sum = 0
    for (let j = 0; j < tokens; j++) sum += probabilities[i * tokens + j]! * value[j * headDim + d]!
    return sum
  })
  return { probabilities, result }
}

describe("attention's products", () => {
  it("round both operands of both, with the gradient of what was multiplied", () => {
    const before = counts()
    const x = normals(tokens * 3 * headDim)
    const { probabilities, result } = byHand(x)
    const { gradient, output } = tf.tidy(() => {
      const rows = tf.tensor2d(rowNumbers(row), [1, rowLength]) as Tensor2D
      const input = tf.tensor(x, [1, tokens, 3 * headDim])
      const forward = (tensor: typeof input) =>
        AttentionOperation.forward({ headDim } as AttentionNode, [tensor], {
          quantizeProduct: (_: string, operand: typeof input) => fakeQuantize(operand, rows, 0),
        } as never)
      const slope = tf.grad((tensor: typeof input) => tf.sum(forward(tensor)))(input)
      return {
        output: Array.from(forward(input).dataSync()),
        gradient: Array.from(slope.dataSync()),
      }
    })
    output.forEach((value, i) => expect(value).toBeCloseTo(result[i]!, 5))
    // of the sum by the value of token j: the column sums of the rounded probabilities
    for (let j = 0; j < tokens; j++) {
      let sum = 0
      for (let i = 0; i < tokens; i++) sum += probabilities[i * tokens + j]!
      for (let d = 0; d < headDim; d++)
        expect(gradient[(3 * j + 2) * headDim + d]!).toBeCloseTo(sum, 5)
    }
    expect(counts()).toEqual(before)
  })

  it("give probabilities the range of what is not negative where the space says so", () => {
    const network = (scale: string) =>
      buildSpace(`
name: test
input: { height: 8, width: 8, channels: 1 }
classes: 4
network:
  - patchEmbed: { patch: 4, heads: 2, headDim: 4 }
  - transformer: { repeats: { oneOf: [1, 2] }, attentionProducts: { oneOf: [INT4, E4M3] } }
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT8], scale: ${scale} }
`)
    const ranges = (net: ReturnType<typeof network>) =>
      formatSites(net)
        .slice(siteOf(net.table.layers.length, "weights"))
        .map(({ rows }) => rows.map(({ lo, hi }) => [lo, hi]))
    const float = [-448, 448]
    const signed = [[-8, 7], float]
    const operands = [signed, signed, [[0, 15], float], signed]
    const net = network("{ unsignedAfterRelu: true }")
    expect(ranges(net)).toEqual([...operands, ...operands])
    expect(ranges(extract(net, [0, 0]))).toEqual(operands.map((range) => range.slice(0, 1)))
    expect(ranges(network("{}")).slice(0, 4)).toEqual([signed, signed, signed, signed])
  })

  it("take their format from the policy and their frozen scales from the end", () => {
    const before = counts()
    const space = (fields: string) => `
name: test
input: { height: 8, width: 8, channels: 1 }
classes: 4
network:
  - patchEmbed: { patch: 4, heads: 2, headDim: 4 }
  - transformer: { ${fields} }
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }
`
    const images = normals(64)
    /** Logits under a choice, with the four activation scales of attention frozen at `largest`. */
    const logits = (fields: string, choices: ReadonlyArray<number>, largest = 0) => {
      const net = makeSupernet(buildSpace(space(fields)), 1)
      const values = tf.tidy(() => {
        const amax = new Float32Array(net.sites)
        for (const { path, site } of net.activations)
          if (path.startsWith("stage1.0.attention.")) amax[site] = largest
        const policy = {
          rows: tf.tensor2d(net.rowsOf(choices), [net.sites, rowLength]),
          amax: tf.tensor1d(amax),
          sizes: tf.tensor1d(net.sizesOf(choices), "int32"),
        }
        const input = tf.tensor(images, [1, 8, 8, 1])
        return Array.from(net.forward(input, policy, "infer").dataSync())
      })
      net.dispose()
      return values
    }
    const searched = "attentionProducts: { oneOf: [FP32, INT3] }"
    const plain = logits("", [])
    expect(logits(searched, [0])).toEqual(plain)
    const rounded = logits(searched, [1])
    expect(rounded).not.toEqual(plain)
    expect(rounded).toEqual(logits("attentionProducts: INT3", []))
    expect(logits(searched, [1], 0.25)).not.toEqual(rounded)
    expect(counts()).toEqual(before)
  })
})
