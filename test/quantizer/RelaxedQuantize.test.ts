/** Softmax-weighted fake quantization: values, gradients, and that one format alone is plain fake quantization. */
import { beforeAll, describe, expect, it } from "vitest"
import { parse } from "../../src/format/Formats.ts"
import { rowLength, rowNumbers, toRow } from "../../src/format/Row.ts"
import { fakeQuantize } from "../../src/quantizer/FakeQuantize.ts"
import { relaxedQuantize } from "../../src/quantizer/RelaxedQuantize.ts"
import { amaxesOf } from "../../src/quantizer/ScaleRule.ts"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D } from "../../src/tensor/Backend.ts"
import { loadBackend, normal, read } from "../tensor/support.ts"

const names = ["INT3", "E4M3", "MXFP4", "FP32"]
const shape = [3, 5, 4]
const options = { axis: 2, blockAxis: 1 }
const rows = (): Tensor2D =>
  tf.tensor2d(
    names.flatMap((name) => rowNumbers(toRow(parse(name)!, "floor"))),
    [names.length, rowLength],
  )

/** L = <c, q(p)> and its gradients. */
const lossOf = (p: ReadonlyArray<number>) => {
  const x = normal(shape, 1)
  const c = normal(shape, 2)
  const table = rows()
  const { value, grads } = tf.valueAndGrads((x, p) =>
    tf.sum(tf.mul(c, relaxedQuantize(x!, table, p as Tensor1D, options))),
  )([x, tf.tensor1d([...p])])
  return { loss: read(value)[0]!, byX: grads[0]!, byP: read(grads[1]!), c }
}

beforeAll(() => loadBackend())

describe("softmax-weighted fake quantization", () => {
  it("has the gradient of finite differences for the probabilities, and dy for x", () => {
    const before = counts()
    tf.tidy(() => {
      const p = [0.4, 0.3, 0.2, 0.1]
      const { byP, byX, c } = lossOf(p)
      expect(read(byX)).toEqual(read(c))
      const h = 0.125 // the loss is linear in p: only float32 rounding is left
      p.forEach((_, k) => {
        const at = (d: number) => lossOf(p.map((v, i) => (i === k ? v + d : v))).loss
        expect(byP[k]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 3)
      })
    })
    expect(counts()).toEqual(before)
  })

  it.each(names.map((name, k) => [name, k] as const))(
    "is plain fake quantization when all weight is on %s",
    (_, k) => {
      const before = counts()
      tf.tidy(() => {
        const x = normal(shape, 3)
        const p = tf.tensor1d(names.map((_, i) => (i === k ? 1 : 0)))
        const relaxed = read(relaxedQuantize(x, rows(), p, options))
        const hard = read(fakeQuantize(x, rows(), k, undefined, options))
        expect(hard.some((value) => value !== 0)).toBe(true)
        // 0 x is -0 for a negative x, so zeros may differ in sign: nothing else
        expect(relaxed.map((value) => value + 0)).toEqual(hard.map((value) => value + 0))
      })
      expect(counts()).toEqual(before)
    },
  )

  it.each(names.map((name, k) => [name, k] as const))(
    "saturates block by block as fake quantization does, and has no gradient there: %s",
    (_, k) => {
      tf.tidy(() => {
        const [x, dy] = [normal(shape, 3), normal(shape, 4)]
        const p = tf.tensor1d(names.map((_, i) => (i === k ? 1 : 0)))
        const table = rows()
        const granularity = { blockAxis: 1, blockSize: 3 }
        const amaxesOfOptions = names.map((_, i) =>
          amaxesOf(x, table, i, { percentile: 60 }, granularity),
        )
        const relaxed = tf.valueAndGrad((x) =>
          relaxedQuantize(x, table, p, granularity, amaxesOfOptions),
        )(x, dy)
        const hard = tf.valueAndGrad((x) =>
          fakeQuantize(x, table, k, undefined, { ...granularity, amaxes: amaxesOfOptions[k]! }),
        )(x, dy)
        const without = (tensor: Tensor) => read(tensor).map((value) => value + 0)
        expect(without(relaxed.value)).toEqual(without(hard.value))
        expect(without(relaxed.grad)).toEqual(without(hard.grad))
        const saturated = read(hard.grad).filter((slope) => slope === 0).length
        expect(saturated > 0).toBe(names[k] === "INT3" || names[k] === "E4M3")
      })
    },
  )

  it("lets NaN through, whatever its weight", () => {
    tf.tidy(() => {
      const x = tf.tensor3d([1, Number.NaN, 2, 3], [1, 4, 1])
      const q = read(relaxedQuantize(x, rows(), tf.tensor1d([0.5, 0.5, 0, 0]), options))
      expect(Number.isNaN(q[1]!)).toBe(true)
    })
  })
})
