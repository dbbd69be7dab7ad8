/** Learned scales: the gradient of LSQ against its equation, and against finite differences where there are any. */
import { describe, expect, it } from "vitest"
import { parse } from "../../src/format/Formats.ts"
import { type Row, rowLength, rowNumbers, toRow } from "../../src/format/Row.ts"
import { roundByRow } from "../../src/quantizer/reference.ts"
import { fakeQuantizeLearned, learnedAmax } from "../../src/quantizer/LearnedScale.ts"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor2D, Variable } from "../../src/tensor/Backend.ts"
import { firstScale, scaleOfOption } from "../../src/tensor/ScaleGradient.ts"
import { normal, read } from "../tensor/support.ts"

const table = (row: Row): Tensor2D => tf.tensor2d(rowNumbers(row), [1, rowLength])

/** Result, gradient of x, gradient of the scale. */
const run = (x: Tensor, dy: Tensor, scale: number, row: Row, perExample = false) => {
  const rows = table(row)
  const quantize = tf.valueAndGrads((x, s) => {
    const amax = learnedAmax(x!, s!, rows, 0)
    return fakeQuantizeLearned(x!, s!, rows, 0, { amax, perExample })
  })
  const { value, grads } = quantize([x, tf.tensor1d([scale])], dy)
  return [value, ...grads].map((tensor) => Array.from(read(tensor)))
}

/** Declares the tests; a process has one backend, so a file calls this once. */
export const describeLearned = (): void => {
  describe.each(["INT2", "INT4", "INT8", "E2M1", "E4M3"])("a learned scale of %s", (name) => {
    const row = toRow(parse(name)!)
    const { lo, hi } = row

    it.each([0.02, 0.4, 3])("has the gradient of equation 3 at %d times its range", (part) => {
      tf.tidy(() => {
        const [x, dy] = [normal([6, 50], 1), normal([6, 50], 2)]
        const s = Math.fround((2.5 * part) / hi)
        const slopes = read(dy)
        let expected = 0
        const inside = Array.from(read(x), (v, i) => {
          const y = v / s
          const q = y <= lo ? lo : y >= hi ? hi : roundByRow(Math.fround(y), row)
          expected += slopes[i]! * (y > lo && y < hi ? q - y : q)
          return y > lo && y < hi ? 1 : 0
        })
        const [, dx, ds] = run(x, dy, s, row)
        expect(ds![0]!).toBeCloseTo(expected / Math.sqrt(300 * hi), 3)
        expect(dx).toEqual(inside.map((share, i) => (share === 1 ? slopes[i]! : 0)))
        const [, , ofExample] = run(x, dy, s, row, true)
        expect(ofExample![0]! / ds![0]!).toBeCloseTo(Math.sqrt(6), 4)
      })
    })

    it("has the slope of finite differences where everything saturates", () => {
      tf.tidy(() => {
        const x = tf.tensor1d([9, 7, -8, 11])
        const dy = tf.tensor1d([1, 2, -3, 0.5])
        const [s, step] = [0.5 / hi, 2 ** -8 / hi]
        const loss = (scale: number) =>
          run(x, dy, scale, row)[0]!.reduce((sum, q, i) => sum + q * read(dy)[i]!, 0)
        const slope = (loss(s + step) - loss(s - step)) / (2 * step) / Math.sqrt(4 * hi)
        expect(run(x, dy, s, row)[2]![0]! / slope).toBeCloseTo(1, 3)
      })
    })
  })

  it.each(["BF16", "FP32"])("does not move for %s", (name) => {
    tf.tidy(() => {
      const [, dx, ds] = run(normal([20], 1), normal([20], 2), 0.1, toRow(parse(name)!))
      expect(ds).toEqual([0])
      expect(dx).toEqual(Array.from(read(normal([20], 2))))
    })
  })

  it("starts at first use, for the option that is used, unless its layer is left out", () => {
    const before = counts()
    const variable = tf.tidy(() => tf.variable(tf.tensor1d([0, 0.7, -1]))) as Variable
    const scale = (option: number, assign: boolean, active?: number) =>
      tf.tidy(() => {
        const rows = table(toRow(parse("INT4")!))
        const first = firstScale(tf.tensor1d([1, -3]), rows, 0)
        const on = active === undefined ? undefined : tf.scalar(active, "int32")
        return read(scaleOfOption(variable, tf.scalar(option, "int32"), first, assign, on))[0]
      })
    const first = Math.fround(4 / Math.sqrt(7))
    expect(scale(0, false)).toBeCloseTo(first, 6)
    expect(scale(2, true, 0)).toBeCloseTo(first, 6)
    expect(Array.from(read(variable))).toEqual([0, Math.fround(0.7), -1])
    expect(scale(1, true)).toBe(Math.fround(0.7))
    expect(scale(2, true, 1)).toBeCloseTo(first, 6)
    expect(read(variable)[2]).toBeCloseTo(first, 6)
    expect(read(variable)[0]).toBe(0)
    variable.dispose()
    expect(counts()).toEqual(before)
  })
}
