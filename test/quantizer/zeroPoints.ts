/** Formats with a zero point in the backend (fused kernel or TensorFlow formula): what the rule promises, and the reference's bits. */
import { describe, expect, it } from "vitest"
import { parse } from "../../src/format/Formats.ts"
import { type Row, rowLength, rowNumbers, toRow, withZeroPoint } from "../../src/format/Row.ts"
import { fakeQuantize, type FakeQuantizeOptions } from "../../src/quantizer/FakeQuantize.ts"
import { relaxedQuantize } from "../../src/quantizer/RelaxedQuantize.ts"
import { endsOf, fakeQuantizeReference, zeroPointOf } from "../../src/quantizer/reference.ts"
import { spanOf } from "../../src/tensor/Amax.ts"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Tensor1D, Tensor2D } from "../../src/tensor/Backend.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { differing, makeRandom, normal, read } from "../tensor/support.ts"

const rowOf = (name: string): Row => toRow(parse(name)!)
const table = (...rows: ReadonlyArray<Row>): Tensor2D =>
  tf.tensor2d(rows.flatMap(rowNumbers), [rows.length, rowLength])

const quantize = (x: Float32Array, row: Row, options: FakeQuantizeOptions = {}): Float32Array =>
  tf.tidy(() => read(fakeQuantize(tf.tensor1d(x), table(row), 0, undefined, options)).slice())

/** Values between two ends, which are among them. */
const between = (least: number, most: number, seed: number): Float32Array => {
  const random = makeRandom(seed)
  return Float32Array.from({ length: 333 }, (_, i) =>
    i === 0 ? least : i === 1 ? most : least + random() * (most - least),
  )
}

const ranges: ReadonlyArray<readonly [number, number]> = [
  [-0.278, 6.1],
  [0, 3],
  [0.5, 2],
  [-4, 0],
  [-7, -2],
  [-1, 1],
  [-1e-20, 3e20],
  [-3e-30, 1e-30],
]

/** Declares the tests; a process has one backend, so a file calls this once. */
export const describeZeroPoints = (): void => {
  describe.each(["UINT2", "UINT4", "UINT8", "UINT16"])("%s", (name) => {
    const row = rowOf(name)
    const steps = row.hi

    it.each(ranges)("of values from %d to %d has 0, and at most half a step of error", (a, b) => {
      const x = between(a, b, 5)
      x[2] = 0
      const [least, most] = [Math.min(a, 0), Math.max(b, 0)]
      const found = quantize(x, row)
      expect(differing(found, fakeQuantizeReference(x, row))).toBe(0)
      expect(Object.is(found[2], 0)).toBe(true)
      const s = (most - least) / steps
      const worst = Math.max(...found.map((q, i) => Math.abs(q - x[i]!)))
      expect(worst).toBeLessThanOrEqual(s * (0.5 + 2 ** -6))
      expect(new Set(found).size).toBeLessThanOrEqual(steps + 1)
    })

    it("gives its own values back", () => {
      // a range of whole steps: the zero point is exact
      const whole = Float32Array.from({ length: 200 }, (_, i) => (i % (steps + 1)) - 1)
      whole[0] = -1
      whole[1] = steps - 1
      expect(quantize(whole, row)).toEqual(whole)
    })

    it("is frozen at a span and a zero point with the bits of its own scale", () => {
      const x = between(-0.278, 6.1, 4)
      const { least, most } = endsOf(x)
      const span = Math.fround(most - least)
      const frozen = withZeroPoint(row, zeroPointOf(least, span, row))
      const found = tf.tidy(() =>
        read(fakeQuantize(tf.tensor1d(x), table(frozen), 0, tf.tensor1d([span]))).slice(),
      )
      expect(differing(found, quantize(x, row))).toBe(0)
      expect([frozen.lo, frozen.hi, frozen.hi - frozen.lo]).toEqual([
        -Math.round((0.278 / (6.1 + 0.278)) * steps) + 0,
        steps - Math.round((0.278 / (6.1 + 0.278)) * steps),
        steps,
      ])
    })

    it("tells its span and its lower end, within a limit", () => {
      tf.tidy(() => {
        const x = tf.tensor1d([-2, 0.5, 7])
        const told = (row: Row, limit?: number) => {
          const bound = limit === undefined ? undefined : tf.tensor1d([limit])
          const { amax, least } = spanOf(x, table(row), 0, bound)
          return [read(amax)[0], read(least)[0]]
        }
        expect(told(row)).toEqual([9, -2])
        expect(told(row, 3)).toEqual([5, -2])
        expect(told(row, 1)).toEqual([2, -1])
        expect(told(rowOf("INT8"))).toEqual([7, 0])
        expect(told(rowOf("INT8"), 3)).toEqual([3, 0])
      })
    })

    it("has the reference's bits on zeros, infinities, NaN and subnormals", () => {
      const { NaN: nan } = Number
      for (const values of [
        [0, -0, 0],
        [1, nan, -3],
        [1, Infinity, -3],
        [-Infinity, 5, 0],
        [1e-44, -1e-44],
        [3.4e38, -3.4e38, 1],
        [nan, nan],
      ]) {
        const x = Float32Array.from(values)
        expect([values, differing(quantize(x, row), fakeQuantizeReference(x, row))]).toEqual([
          values,
          0,
        ])
      }
    })

    it("has a scale and a zero point for every index, and for every block", () => {
      const shape = [6, 35]
      const x = tf.tidy(() => read(tf.add(normal(shape, 7), tf.scalar(0.7))).slice())
      const run = (options: FakeQuantizeOptions) =>
        tf.tidy(() =>
          read(fakeQuantize(tf.tensor(x, shape), table(row), 0, undefined, options)).slice(),
        )
      const rows = run({ axis: 0 })
      for (let r = 0; r < 6; r++) {
        const own = x.subarray(35 * r, 35 * r + 35)
        expect(differing(rows.subarray(35 * r, 35 * r + 35), fakeQuantizeReference(own, row))).toBe(
          0,
        )
      }
      const columns = run({ axis: 1 })
      for (let c = 0; c < 35; c++) {
        const of = (all: Float32Array) => all.filter((_, i) => i % 35 === c)
        expect(differing(of(columns), fakeQuantizeReference(of(x), row))).toBe(0)
      }
      const blocks = run({ blockAxis: 1, blockSize: 8 })
      for (let start = 0; start < x.length; start += 35)
        for (let first = 0; first < 35; first += 8) {
          const end = start + Math.min(35, first + 8)
          const own = x.subarray(start + first, end)
          expect(
            differing(blocks.subarray(start + first, end), fakeQuantizeReference(own, row)),
          ).toBe(0)
        }
      const down = run({ blockAxis: 0, blockSize: 4 })
      for (let c = 0; c < 35; c++)
        for (const [from, to] of [
          [0, 4],
          [4, 6],
        ] as const) {
          const isIn = (_: number, i: number) =>
            i % 35 === c && Math.floor(i / 35) >= from && Math.floor(i / 35) < to
          expect(differing(down.filter(isIn), fakeQuantizeReference(x.filter(isIn), row))).toBe(0)
        }
    })

    it("passes gradients straight through", () => {
      tf.tidy(() => {
        const [x, dy] = [normal([40], 1), normal([40], 2)]
        const [dx] = tf.grads((x) => fakeQuantize(x!, table(row), 0))([x], dy)
        expect(differing(read(dx!), read(dy))).toBe(0)
      })
    })
  })

  it("takes turns with symmetric formats in one graph, eagerly and recorded", () => {
    const x = tf.tidy(() => tf.add(normal([64], 1), tf.scalar(0.4)))
    const first = table(rowOf("INT8"))
    const none = tf.tensor1d([0])
    const step = makeStep({
      state: [],
      inputs: [x, first, none],
      body: ([x, rows, amax]) => [fakeQuantize(x!, rows as Tensor2D, 0, amax as Tensor1D)],
    })
    for (const name of ["UINT8", "INT8", "UINT4", "E4M3", "UINT16", "BF16", "FP32", "UINT2"]) {
      const rows = table(rowOf(name))
      const [found] = step.run([x, rows, none])
      const eager = tf.tidy(() => read(fakeQuantize(x, rows, 0, none)).slice())
      const reference = fakeQuantizeReference(read(x), rowOf(name))
      expect([name, differing(read(found!), reference), differing(eager, reference)]).toEqual([
        name,
        0,
        0,
      ])
      tf.dispose([found!, rows])
    }
    step.dispose()
    tf.dispose([x, first, none])
  })

  it("mixes with symmetric formats by probability", () => {
    tf.tidy(() => {
      const x = tf.add(normal([50], 1), tf.scalar(1)) as Tensor1D
      const rows = table(rowOf("UINT4"), rowOf("INT4"))
      const mixed = read(relaxedQuantize(x, rows, tf.tensor1d([0.25, 0.75])))
      const [a, b] = ["UINT4", "INT4"].map((name) => fakeQuantizeReference(read(x), rowOf(name)))
      mixed.forEach((value, i) => expect(value).toBeCloseTo(0.25 * a![i]! + 0.75 * b![i]!, 5))
    })
  })

  it("leaves nothing behind", () => {
    const before = counts()
    tf.tidy(() => read(fakeQuantize(normal([10], 1), table(rowOf("UINT8")), 0)))
    expect(counts()).toEqual(before)
  })
}
