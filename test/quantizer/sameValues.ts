/** The backend's fake quantization (fused kernel or TensorFlow formula) against the reference, bit for bit. */
import { describe, expect, it } from "vitest"
import { names, parse } from "../../src/format/Formats.ts"
import { round } from "../../src/format/round.ts"
import { sharedExponents } from "../../src/format/Format.ts"
import { type Row, rowLength, rowNumbers, toRow, withZeroPoint } from "../../src/format/Row.ts"
import { unsigned } from "../../src/format/IntFormat.ts"
import { fakeQuantize, type FakeQuantizeOptions } from "../../src/quantizer/FakeQuantize.ts"
import { relaxedQuantize } from "../../src/quantizer/RelaxedQuantize.ts"
import {
  fakeQuantizeBlocksReference,
  fakeQuantizeReference,
} from "../../src/quantizer/reference.ts"
import { fakeQuantizeChannelsReference } from "./references.ts"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Tensor2D } from "../../src/tensor/Backend.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { blockFixtures } from "../format/blockFixtures.ts"
import { inputsOf, mismatches } from "../format/fixtures.ts"
import { differing, makeRandom, normal, read } from "../tensor/support.ts"

const scalars = names.filter((name) => parse(name)!.block === undefined)
const inBlocks = names.filter((name) => parse(name)!.block !== undefined)

const table = (...rows: ReadonlyArray<Row>): Tensor2D =>
  tf.tensor2d(rows.flatMap(rowNumbers), [rows.length, rowLength])

const quantize = (x: Float32Array, row: Row, frozen = 0): Float32Array =>
  tf.tidy(() => read(fakeQuantize(tf.tensor1d(x), table(row), 0, tf.tensor1d([frozen]))).slice())

/** Where TensorFlow, which flushes float32 subnormals to zero, must agree. */
const comparable = (x: Float32Array): Float32Array =>
  x.filter((value) => value === 0 || Math.abs(value) >= 2 ** -119)

const { NaN: nan } = Number
const specials = [
  [0, -0, 0, 0],
  [1, nan, -3, 0.2],
  [1, Infinity, -3, 0],
  [-Infinity, 5, 1e-3, 1e30],
  [1e-44, -1e-44, 0, 0],
  [1e-38, 2e-38, -1e-37, 5e-38],
  [3.4028235e38, -3.4028235e38, 1, 1e38],
  [nan, nan, nan, nan],
  [Infinity, -Infinity, nan, 1],
].map((values) => Float32Array.from(values))

export const describeSameValues = (): void => {
  describe.each(scalars)("%s", (name) => {
    const row = toRow(parse(name)!)
    // A known zero point of 0: the values are the codes.
    const known = row.affine === 1 ? withZeroPoint(row, 0) : row
    // With the largest value as the frozen absmax the scale is 1, as in the fixtures.
    const unit = Number.isFinite(row.scaleBy) ? row.hi : 0

    it.skipIf(name === "FP32")(
      "gives every value, midpoint and neighbour as exact rationals do",
      () => {
        const all = inputsOf(name)
        // TensorFlow has no subnormals; only BF16 has steps that small, and there the exact rounding stands in.
        const exact = round(parse(name)!, all)
        const found = quantize(all, known, unit).map((value, i) =>
          Math.abs(all[i]!) < 2 ** -119 ? exact[i]! : value,
        )
        expect(mismatches(name, all, found)).toBe(0)
        const large = all.filter((x) => Math.abs(x) >= 2 ** -119)
        expect(
          differing(quantize(large, known, unit), fakeQuantizeReference(large, known, unit)),
        ).toBe(0)
      },
    )

    it("has the reference's bits on random values, at scales from tiny to huge", () => {
      const random = makeRandom(3)
      for (const scale of [1e-30, 1e-3, 1, 7.3, 1e20]) {
        const x = comparable(
          Float32Array.from({ length: 777 }, () => (random() - 0.5) * scale * random() ** 3),
        )
        for (const frozen of [0, scale * 0.31])
          expect(differing(quantize(x, row, frozen), fakeQuantizeReference(x, row, frozen))).toBe(0)
      }
    })

    it("has the reference's bits on zeros, infinities, NaN and subnormals", () => {
      for (const x of specials)
        for (const frozen of [0, 2.5]) {
          const found = quantize(x, row, frozen)
          const reference = fakeQuantizeReference(x, row, frozen)
          // Below 2^-119 only the sign and the size are promised.
          const small = (i: number) =>
            Math.abs(x[i]!) < 2 ** -119 && Math.abs(found[i]!) < 2 ** -118
          expect(
            differing(
              found.filter((_, i) => !small(i)),
              reference.filter((_, i) => !small(i)),
            ),
          ).toBe(0)
        }
    })

    it("has the reference's bits with a scale per channel", () => {
      const shape = [3, 4, 5, 6]
      const values = tf.tidy(() => read(normal(shape, 8)).slice())
      for (const [axis, channels, inner] of [
        [3, 6, 1],
        [2, 5, 6],
        [0, 3, 120],
      ] as const) {
        const found = tf.tidy(() =>
          read(fakeQuantize(tf.tensor(values, shape), table(row), 0, undefined, { axis })).slice(),
        )
        expect(differing(found, fakeQuantizeChannelsReference(values, row, channels, inner))).toBe(
          0,
        )
      }
    })
  })

  it.each(["INT2", "INT4", "INT8", "INT16"])(
    "has the reference's bits with an unsigned %s",
    (name) => {
      const row = toRow(unsigned(parse(name)!))
      const x = tf.tidy(() => read(tf.relu(normal([999], 6))).slice())
      for (const frozen of [0, 0.7]) {
        const found = quantize(x, row, frozen)
        expect(differing(found, fakeQuantizeReference(x, row, frozen))).toBe(0)
        expect(new Set(found).size).toBeLessThanOrEqual(row.hi + 1)
      }
      const levels = Float32Array.from({ length: Math.min(256, row.hi + 1) }, (_, i) => row.hi - i)
      expect(quantize(levels, row)).toEqual(levels)
    },
  )

  const layouts = [
    { shape: [3, 40], blockAxis: 1, channels: 40, inner: 1 },
    { shape: [2, 3, 37, 5], blockAxis: 2, channels: 37, inner: 5 },
    { shape: [70, 3], blockAxis: 0, channels: 70, inner: 3 },
    { shape: [2, 2, 64, 1], blockAxis: 2, channels: 64, inner: 1 },
  ]
  const inLayout = (
    x: Float32Array,
    row: Row,
    frozen: number,
    { shape, blockAxis }: (typeof layouts)[number],
  ): Float32Array =>
    tf.tidy(() => {
      const quantized = fakeQuantize(tf.tensor(x, shape), table(row), 0, tf.tensor1d([frozen]), {
        blockAxis,
      })
      return read(quantized).slice()
    })

  describe.each(inBlocks)("%s", (name) => {
    const format = parse(name)!

    it.each(sharedExponents)(
      "has the reference's bits along any dimension, by the rule %s",
      (rule) => {
        const row = toRow(format, rule)
        for (const layout of layouts)
          for (const scale of [1e-20, 1, 1e20])
            for (const frozen of [0, 0.4 * scale]) {
              const random = makeRandom(layout.channels)
              const size = layout.shape.reduce((a, b) => a * b, 1)
              const x = Float32Array.from(
                { length: size },
                (_, i) => (i % 7 === 0 ? 0 : random() - 0.5) * scale * random() ** 4,
              )
              const reference = fakeQuantizeBlocksReference(
                x,
                row,
                layout.channels,
                layout.inner,
                frozen,
              )
              expect(differing(inLayout(x, row, frozen, layout), reference)).toBe(0)
            }
      },
    )

    it("rounds consecutive values as exact rationals do", () => {
      const cases = blockFixtures.filter((one) => one.format === name)
      expect(cases.length).toBeGreaterThan(0)
      for (const { size, sharedExponent, inputs, answers } of cases) {
        const row = { ...toRow(format, sharedExponent ?? undefined), blockSize: size }
        const layout = { shape: [inputs.length], blockAxis: 0, channels: 0, inner: 1 }
        expect(differing(inLayout(inputs, row, 0, layout), answers)).toBe(0)
      }
    })

    it("makes NaN of infinities and NaN, and zeros of zeros", () => {
      const row = toRow(format, "floor")
      const layout = { shape: [3, 40], blockAxis: 1, channels: 40, inner: 1 }
      const x = Float32Array.from({ length: 120 }, (_, i) => (i >= 40 && i < 80 ? 0 : i - 60))
      expect(
        differing(inLayout(new Float32Array(120), row, 0, layout), new Float32Array(120)),
      ).toBe(0)
      for (const bad of [nan, Infinity, -Infinity]) {
        x[3] = bad
        const found = inLayout(x, row, 0, layout)
        const reference = fakeQuantizeBlocksReference(x, row, 40, 1)
        expect(differing(found, reference)).toBe(0)
        expect([...found.subarray(0, 16)].every(Number.isNaN)).toBe(true)
        expect([...found.subarray(40, 80)].every(Number.isNaN)).toBe(name === "NVFP4")
      }
    })
  })

  describe("the sign of zeros", () => {
    /** Rounds to zeros in every format but the widest; the last value sets the scale of its channel or block. */
    const x = Float32Array.from([-0, -1e-25, -0, -1e-30, 0, 1e-25, -1e-20, 1])
    const shape = [4, 8]
    const values = Float32Array.from({ length: 32 }, (_, i) => x[i % 8]!)
    const negatives = [...values.keys()].filter((i) => Object.is(values[i], -0) || values[i]! < 0)
    const lacksNegativeZero = (name: string) => /^U?INT\d+$|FNUZ$|^MXINT8$/u.test(name)

    const ways: Readonly<Record<string, (row: Row) => Float32Array>> = {
      "a scale for the tensor": (row) => found(row, 0, {}),
      "a frozen scale": (row) => found(row, 0.7, {}),
      "a magnitude that clips": (row) => found(row, 0, { amaxes: tf.tensor1d([0.6]) }),
      "a scale per channel": (row) => found(row, 0, { axis: 0 }),
      "a scale per last channel": (row) => found(row, 0, { axis: 1 }),
      "a scale per block": (row) => found(row, 0, { blockAxis: 1, blockSize: 3 }),
      "a scale per block across": (row) => found(row, 0, { blockAxis: 0, blockSize: 3 }),
      "a mixture of one": (row) =>
        tf.tidy(() =>
          read(
            relaxedQuantize(tf.tensor(values, shape), table(row), tf.tensor1d([1]), {
              blockAxis: 1,
            }),
          ).slice(),
        ),
    }
    const found = (row: Row, frozen: number, options: FakeQuantizeOptions): Float32Array =>
      tf.tidy(() => {
        const all = { blockAxis: 1, ...options }
        const input = tf.tensor(values, shape)
        return read(fakeQuantize(input, table(row), 0, tf.tensor1d([frozen]), all)).slice()
      })
    const negativeZeros = (result: Float32Array) =>
      [...result].filter((value) => Object.is(value, -0)).length

    it.each(Object.keys(ways))("is that of the encoding, with %s", (way) => {
      for (const name of names) {
        const result = ways[way]!(toRow(parse(name)!, "floor"))
        const lacks = lacksNegativeZero(name)
        // without -0 some of the negative values become +0; with it none does
        const plus = negatives.some((i) => Object.is(result[i], 0))
        expect([name, negativeZeros(result) > 0, plus]).toEqual([name, !lacks, lacks])
      }
    })

    it("is plus in an integer of values that cannot be negative", () => {
      for (const name of ["INT2", "INT4", "INT8", "INT16"])
        for (const way of Object.values(ways))
          expect(negativeZeros(way(toRow(unsigned(parse(name)!))))).toBe(0)
    })

    it("is plus where a whole tensor of negative zeros is rounded", () => {
      for (const name of names.filter(lacksNegativeZero)) {
        const row = toRow(parse(name)!, "floor")
        const zeros = new Float32Array(40).fill(-0)
        const layout = { shape: [1, 40], blockAxis: 1, channels: 40, inner: 1 }
        expect([name, differing(inLayout(zeros, row, 0, layout), new Float32Array(40))]).toEqual([
          name,
          0,
        ])
      }
    })
  })

  it("mixes scalar and block formats in one graph, with scales per channel beside", () => {
    const shape = [3, 3, 40, 6]
    const x = normal(shape, 1)
    const values = read(x).slice()
    const first = table(toRow(parse("INT8")!))
    const none = tf.tensor1d([0])
    const step = makeStep({
      state: [],
      inputs: [x, first, none],
      body: ([x, rows, amax]) => [
        fakeQuantize(x!, rows as Tensor2D, 0, amax as typeof none, { axis: 3, blockAxis: 2 }),
      ],
    })
    for (const name of ["INT4", ...inBlocks, "E4M3", "BF16", "FP32", "NVFP4", "INT8"]) {
      const row = toRow(parse(name)!, "even")
      const rows = table(row)
      const [found] = step.run([x, rows, none])
      const reference = inBlocks.includes(name)
        ? fakeQuantizeBlocksReference(values, row, 40, 6)
        : fakeQuantizeChannelsReference(values, row, 6, 1)
      expect([name, differing(read(found!), reference)]).toEqual([name, 0])
      tf.dispose([found!, rows])
    }
    step.dispose()
    tf.dispose([x, first, none])
  })

  it("takes its own row and its own frozen absmax", () => {
    const rows = ["INT4", "E4M3", "FP32", "BF16"].map((name) => toRow(parse(name)!))
    const frozen = [0, 2, 0, 0]
    const x = tf.tidy(() => read(normal([50], 4)).slice())
    for (const [site, row] of rows.entries()) {
      const found = tf.tidy(() =>
        read(fakeQuantize(tf.tensor1d(x), table(...rows), site, tf.tensor1d(frozen))).slice(),
      )
      expect(differing(found, fakeQuantizeReference(x, row, frozen[site]))).toBe(0)
    }
  })

  it("passes gradients straight through", () => {
    tf.tidy(() => {
      const x = normal([4, 5], 1)
      const dy = normal([4, 5], 2)
      const rows = table(toRow(parse("INT2")!))
      const [dx] = tf.grads((x) => fakeQuantize(x!, rows, 0, tf.tensor1d([0.1])))([x], dy)
      expect(differing(read(dx!), read(dy))).toBe(0)
    })
  })

  it("follows a new policy in the same graph", () => {
    const x = normal([64], 1)
    const first = table(toRow(parse("INT8")!))
    const none = tf.tensor1d([0])
    const step = makeStep({
      state: [],
      inputs: [x, first, none],
      body: ([x, rows, amax]) => [fakeQuantize(x!, rows as Tensor2D, 0, amax as typeof none)],
    })
    for (const name of scalars) {
      const row = toRow(parse(name)!)
      const rows = table(row)
      const [found] = step.run([x, rows, none])
      expect(differing(read(found!), fakeQuantizeReference(read(x), row))).toBe(0)
      tf.dispose([found!, rows])
    }
    step.dispose()
    tf.dispose([x, first, none])
  })

  it("takes empty and scalar tensors", () => {
    tf.tidy(() => {
      const rows = table(toRow(parse("INT4")!))
      expect(read(fakeQuantize(tf.tensor1d([]), rows, 0))).toHaveLength(0)
      expect(read(fakeQuantize(tf.scalar(-3), rows, 0))[0]).toBe(-3)
    })
  })

  it("leaves nothing behind", () => {
    const before = counts()
    tf.tidy(() => read(fakeQuantize(normal([10], 1), table(toRow(parse("E4M3")!)), 0)))
    expect(counts()).toEqual(before)
  })
}
