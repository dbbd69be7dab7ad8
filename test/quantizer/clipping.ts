/** Clipping rules of the backend (fused kernel or TensorFlow formula) against the reference, bit for bit. */
import { describe, expect, it } from "vitest"
import { names, parse } from "../../src/format/Formats.ts"
import { unsigned } from "../../src/format/IntFormat.ts"
import { type Row, rowLength, rowNumbers, toRow } from "../../src/format/Row.ts"
import { fakeQuantize, type FakeQuantizeOptions } from "../../src/quantizer/FakeQuantize.ts"
import { type ClippingRule, amaxesOf } from "../../src/quantizer/ScaleRule.ts"
import {
  absMax,
  fakeQuantizeBlocksReference,
  fakeQuantizeReference,
  leastErrorReference,
  percentileReference,
} from "../../src/quantizer/reference.ts"
import { clipGradientReference } from "./references.ts"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor2D } from "../../src/tensor/Backend.ts"
import { parts } from "../../src/tensor/Amax.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { differing, normal, read } from "../tensor/support.ts"

const { NaN: nan } = Number
const table = (row: Row): Tensor2D => tf.tensor2d(rowNumbers(row), [1, rowLength])
const values = (shape: ReadonlyArray<number>, seed: number): Float32Array =>
  tf.tidy(() => read(normal(shape, seed)).slice())

/** Result and gradient under given clip magnitudes. */
const clipped = (
  x: Float32Array,
  dy: Float32Array,
  shape: Array<number>,
  row: Row,
  amaxes: ReadonlyArray<number>,
  granularity: FakeQuantizeOptions = {},
): readonly [Float32Array, Float32Array] =>
  tf.tidy(() => {
    const options = {
      blockAxis: shape.length - 1,
      ...granularity,
      amaxes: tf.tensor1d([...amaxes]),
    }
    const quantize = tf.valueAndGrad((x) => fakeQuantize(x, table(row), 0, undefined, options))
    const { value, grad } = quantize(tf.tensor(x, shape), tf.tensor(dy, shape))
    return [read(value).slice(), read(grad).slice()] as const
  })

/** Elements of x at index c of an axis; x as [outer, channels, inner]. */
const along = (x: Float32Array, channels: number, inner: number, c: number): Float32Array =>
  x.filter((_, i) => Math.floor(i / inner) % channels === c)

/** Which places of x each float32 scale covers, in the order of the scales; x as [outer, channels, inner]. */
const groupsOf = (
  size: number,
  channels: number,
  inner: number,
  blockSize: number,
): ReadonlyArray<ReadonlyArray<number>> => {
  const groups: Array<Array<number>> = []
  for (let start = 0; start < size; start += channels * inner)
    for (let first = 0; first < channels; first += blockSize)
      for (let i = 0; i < inner; i++)
        groups.push(
          Array.from(
            { length: Math.min(blockSize, channels - first) },
            (_, c) => start + (first + c) * inner + i,
          ),
        )
  return groups
}

const layouts = [
  { shape: [3, 40], axis: 1, channels: 40, inner: 1 },
  { shape: [2, 3, 7, 5], axis: 2, channels: 7, inner: 5 },
  { shape: [70, 3], axis: 0, channels: 70, inner: 3 },
]
const formats = [
  "INT2",
  "INT4",
  "INT8",
  "UINT2",
  "UINT4",
  "UINT8",
  "E2M1",
  "E4M3",
  "E5M2",
  "BF16",
  "FP16",
  "FP32",
]

/** Declares the tests; a process has one backend, so a file calls this once. */
export const describeClipping = (): void => {
  describe.each(formats)("clipping in %s", (name) => {
    const row = toRow(parse(name)!)

    it("saturates, and has no gradient there, as the reference does", () => {
      const x = values([500], 1)
      const dy = values([500], 2)
      for (const amax of [0, 0.3, 1, 1.7, absMax(x), 1e9]) {
        const [value, grad] = clipped(x, dy, [500], row, [amax])
        expect(differing(value, fakeQuantizeReference(x, row, amax))).toBe(0)
        expect(differing(grad, clipGradientReference(dy, x, row, amax))).toBe(0)
        const outside = grad.filter((slope, i) => slope !== dy[i]).length
        expect(outside > 0).toBe(parse(name)!.scaled && amax > 0 && amax < absMax(x))
      }
    })

    it("has a magnitude for every channel", () => {
      for (const { shape, axis, channels, inner } of layouts) {
        const size = shape.reduce((a, b) => a * b, 1)
        const [x, dy] = [values([size], 3), values([size], 4)]
        const amaxes = Array.from({ length: channels }, (_, c) => (c % 4) * 0.4)
        const [value, grad] = clipped(x, dy, shape, row, amaxes, { axis })
        for (let c = 0; c < channels; c++) {
          const at = (all: Float32Array) => along(all, channels, inner, c)
          const reference = clipGradientReference(at(dy), at(x), row, amaxes[c]!)
          expect(differing(at(value), fakeQuantizeReference(at(x), row, amaxes[c]))).toBe(0)
          expect(differing(at(grad), reference)).toBe(0)
        }
      }
    })

    it("lets NaN through, and saturates infinities", () => {
      const x = Float32Array.from([1, nan, -9, Infinity, -Infinity, 0])
      const dy = Float32Array.from([1, 2, 3, 4, nan, 6])
      const [value, grad] = clipped(x, dy, [6], row, [2])
      expect(differing(value, fakeQuantizeReference(x, row, 2))).toBe(0)
      expect(differing(grad, clipGradientReference(dy, x, row, 2))).toBe(0)
      expect([value[1], grad[1]]).toEqual([nan, 2])
    })
  })

  describe.each(formats)("blocks of %s", (name) => {
    const row = toRow(parse(name)!)
    const cases = layouts.map(({ shape, axis, channels, inner }) => {
      const size = shape.reduce((n, length) => n * length, 1)
      const groups = groupsOf(size, channels, inner, 16)
      return { shape, size, groups, options: { blockAxis: axis, blockSize: 16 } }
    })

    it("have a float32 scale each", () => {
      for (const { shape, size, groups, options } of cases) {
        const x = values([size], 10)
        const found = tf.tidy(() =>
          read(fakeQuantize(tf.tensor(x, shape), table(row), 0, undefined, options)).slice(),
        )
        for (const places of groups) {
          const inGroup = (all: Float32Array) => Float32Array.from(places, (i) => all[i]!)
          expect(differing(inGroup(found), fakeQuantizeReference(inGroup(x), row))).toBe(0)
        }
      }
    })

    it("saturate at the magnitude of each, and have no gradient there", () => {
      for (const { shape, size, groups, options } of cases) {
        const [x, dy] = [values([size], 3), values([size], 4)]
        const amaxes = groups.map((_, g) => (g % 4) * 0.4)
        const [value, grad] = clipped(x, dy, shape, row, amaxes, options)
        groups.forEach((places, g) => {
          const inGroup = (all: Float32Array) => Float32Array.from(places, (i) => all[i]!)
          const reference = clipGradientReference(inGroup(dy), inGroup(x), row, amaxes[g]!)
          expect(differing(inGroup(value), fakeQuantizeReference(inGroup(x), row, amaxes[g]))).toBe(
            0,
          )
          expect(differing(inGroup(grad), reference)).toBe(0)
        })
      }
    })
  })

  describe.each(["INT2", "INT8", "E2M1", "E5M2", "BF16"])("amaxes in %s", (name) => {
    const row = toRow(parse(name)!)
    const { scaled } = parse(name)!
    const found = (
      x: Float32Array,
      shape: Array<number>,
      rule: ClippingRule,
      options?: FakeQuantizeOptions,
    ) => tf.tidy(() => read(amaxesOf(tf.tensor(x, shape), table(row), 0, rule, options)).slice())
    const reference = (x: Float32Array, rule: ClippingRule): number =>
      scaled
        ? rule === "mse"
          ? leastErrorReference(x, row, parts)
          : percentileReference(x, rule.percentile)
        : absMax(x)
    const rules = ["mse", { percentile: 50 }, { percentile: 90 }, { percentile: 1e-6 }] as const

    it.each([...rules, { percentile: 99.9 }, { percentile: 100 }])(
      "are those of the reference for a tensor: %j",
      (rule) => {
        for (const [size, seed] of [
          [1, 3],
          [997, 5],
          [20_011, 6],
        ] as const) {
          const x = values([size], seed)
          expect([...found(x, [size], rule)]).toEqual([reference(x, rule)])
        }
      },
    )

    it.each(rules)("are those of the reference for channels, tokens and blocks: %j", (rule) => {
      for (const { shape, axis, channels, inner } of layouts) {
        const size = shape.reduce((n, length) => n * length, 1)
        const x = values([size], 12)
        const places = (all: ReadonlyArray<number>) => Float32Array.from(all, (i) => x[i]!)
        const all = Array.from({ length: channels }, (_, c) => along(x, channels, inner, c))
        expect([...found(x, shape, rule, { axis })]).toEqual(all.map((one) => reference(one, rule)))
        const blocks = groupsOf(size, channels, inner, 16).map(places)
        expect([...found(x, shape, rule, { blockAxis: axis, blockSize: 16 })]).toEqual(
          blocks.map((one) => reference(one, rule)),
        )
      }
    })

    it.each(rules)("take zeros, infinities and NaN as the reference does: %j", (rule) => {
      for (const x of [
        [0, 0, 0, 0, 0, 0],
        [1, -Infinity, 3, 0.5, 2, 1],
        [1, nan, 3, 0.5, 2, 1],
        [3e18, 1, -2e18, 0, 0, 0],
      ].map((list) => Float32Array.from(list)))
        expect([...found(x, [6], rule)]).toEqual([reference(x, rule)])
    })
  })

  it("finds a percentile where every 20th value is not like the others", () => {
    const x = values([20_480], 13).map((value, i) => (i % 20 === 0 ? value + 100 : value))
    for (const percentile of [50, 90, 94, 96, 99.9]) {
      const [found] = tf.tidy(() =>
        read(amaxesOf(tf.tensor1d(x), table(toRow(parse("INT4")!)), 0, { percentile })).slice(),
      )
      expect(found).toBe(percentileReference(x, percentile))
    }
  })

  it("gives an unsigned format its own range", () => {
    const row = toRow(unsigned(parse("INT4")!))
    const [x, dy] = [values([300], 6).map(Math.abs), values([300], 7)]
    const [value, grad] = clipped(x, dy, [300], row, [0.8])
    expect(differing(value, fakeQuantizeReference(x, row, 0.8))).toBe(0)
    expect(differing(grad, clipGradientReference(dy, x, row, 0.8))).toBe(0)
    expect(grad.filter((slope) => slope === 0).length).toBeGreaterThan(50)
  })

  it("leaves formats with blocks of their own alone", () => {
    for (const name of names.filter((name) => parse(name)!.block !== undefined)) {
      const row = toRow(parse(name)!, "floor")
      const [x, dy] = [values([4 * 40], 8), values([4 * 40], 9)]
      expect(differing(clipped(x, dy, [4, 40], row, [0.2])[1], dy)).toBe(0)
      for (const rule of ["mse", { percentile: 90 }] as const) {
        const amax = tf.tidy(() =>
          read(amaxesOf(tf.tensor(x, [4, 40]), table(row), 0, rule)).slice(),
        )
        expect(amax).toEqual(Float32Array.from([absMax(x)]))
      }
    }
  })

  it.each(
    (["mse", { percentile: 80 }] as const).flatMap((rule) => [
      { rule, granularity: { axis: 3, blockAxis: 2 } },
      { rule, granularity: { blockAxis: 2, blockSize: 16 } },
    ]),
  )("has the same bits in a graph, whatever the format: %j", ({ rule, granularity }) => {
    const before = counts()
    const body = ([x, rows, dy]: ReadonlyArray<Tensor>): Array<Tensor> => {
      const amaxes = amaxesOf(x!, rows as Tensor2D, 0, rule, granularity)
      const quantize = tf.valueAndGrad((x) =>
        fakeQuantize(x, rows as Tensor2D, 0, undefined, { ...granularity, amaxes }),
      )
      const { value, grad } = quantize(x!, dy!)
      return [amaxes, value, grad]
    }
    const [x, dy] = [normal([3, 3, 40, 6], 1), normal([3, 3, 40, 6], 2)]
    const first = table(toRow(parse("INT8")!))
    const inputs = [x, first, dy]
    const step = makeStep({ state: [], inputs, body })
    for (const name of ["INT4", "NVFP4", "BF16", "FP32"]) {
      const rows = table(toRow(parse(name)!))
      const graph = step.run([x, rows, dy])
      const eager = tf.tidy(() => body([x, rows, dy]))
      graph.forEach((found, i) => expect(differing(read(found), read(eager[i]!))).toBe(0))
      tf.dispose([rows, ...graph, ...eager])
    }
    step.dispose()
    tf.dispose(inputs)
    expect(counts()).toEqual(before)
  })

  it("keeps the frozen tensor scale of a format with blocks of its own beside magnitudes", () => {
    const row = toRow(parse("NVFP4")!)
    const x = values([4 * 40], 8)
    const quantized = (options: FakeQuantizeOptions, amax: number) =>
      tf.tidy(() =>
        read(
          fakeQuantize(tf.tensor(x, [4, 40]), table(row), 0, tf.tensor1d([amax]), {
            blockAxis: 1,
            ...options,
          }),
        ).slice(),
      )
    const amaxes = tf.tensor1d(Array<number>(12).fill(0.3))
    for (const amax of [0, 0.9])
      expect(
        differing(
          quantized({ blockSize: 16, amaxes }, amax),
          fakeQuantizeBlocksReference(x, row, 40, 1, amax),
        ),
      ).toBe(0)
    amaxes.dispose()
  })
}
