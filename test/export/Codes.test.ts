/** Codes times scales against the quantizer that the network runs, bit for bit: every format x granularity x layer. */
import { describe, expect, it, beforeAll } from "vitest"
import type { Layer, WeightGranularity } from "../../src/cost/LayerTable.ts"
import { sharedExponents } from "../../src/format/Format.ts"
import { names, parse } from "../../src/format/Formats.ts"
import { rowLength, rowNumbers, toRow } from "../../src/format/Row.ts"
import { codesOf, isCoded, valuesOf } from "../../src/export/Codes.ts"
import { codeOf, valuesOfCodes } from "../../src/export/Encoding.ts"
import { constant } from "../../src/space/Quantity.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { quantizeOperand } from "../../src/supernet/OperandScale.ts"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Tensor1D, Tensor2D } from "../../src/tensor/Backend.ts"
import { loadBackend, read } from "../tensor/support.ts"

beforeAll(() => loadBackend(true))

const one = constant(1)
const shapes: Readonly<Record<Layer["kind"], ReadonlyArray<number>>> = {
  // channels that no block size divides, and that need more than one block
  conv: [3, 3, 37, 5],
  depthwiseConv: [3, 3, 37, 1],
  dense: [37, 6],
}

const layerOf = (kind: Layer["kind"], name: string, changes: Partial<Layer>): Layer => {
  const slot = { decision: null, formats: [parse(name)!], overridden: false }
  return {
    path: "layer",
    kind,
    shape: { tokens: 1, channels: one },
    active: one,
    macs: one,
    weights: one,
    inputs: one,
    outputs: one,
    extras: one,
    gains: constant(0),
    sharedExponent: "floor",
    weightFormat: slot,
    activationFormat: slot,
    ...changes,
  }
}

const draw = (shape: ReadonlyArray<number>, seed: number): Float32Array => {
  const random = randomStream(seed, "codes")
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
  // Magnitudes over several binades, zeros of both signs, and a value that is its own maximum.
  for (let i = 0; i < values.length; i++) values[i] = random.normal() * 2 ** (random.integer(9) - 6)
  values[3] = 0
  values[4] = -0
  return values
}

/** What the network multiplies with. */
const quantized = (
  x: Float32Array,
  shape: ReadonlyArray<number>,
  layer: Layer,
  learned?: number,
): Float32Array =>
  tf.tidy(() => {
    const row = rowNumbers(toRow(layer.weightFormat.formats[0]!, layer.sharedExponent))
    const variable = learned === undefined ? undefined : tf.variable(tf.tensor1d([learned]))
    const result = read(
      quantizeOperand(tf.tensor(x, [...shape]), {
        operand: "weights",
        layer,
        site: 0,
        rows: tf.tensor2d(row, [1, rowLength]) as Tensor2D,
        amax: tf.tensor1d([0]) as Tensor1D,
        mode: "infer",
        ...(variable === undefined ? {} : { learned: { variable, option: tf.scalar(0, "int32") } }),
      }),
    ).slice()
    variable?.dispose()
    return result
  })

const bitsOf = (values: Float32Array): ReadonlyArray<number> => [
  ...new Uint32Array(values.buffer, values.byteOffset, values.length),
]

const kinds = Object.keys(shapes) as ReadonlyArray<Layer["kind"]>
const granularities: ReadonlyArray<WeightGranularity> = ["tensor", "channel", "block"]

describe.each(kinds)("codes of a %s weight give the quantizer's values", (kind) => {
  const shape = shapes[kind]
  const expectSame = (layer: Layer, x: Float32Array, learned?: number): void => {
    const before = counts().tensors
    const stored = codesOf({ shape, values: x }, layer, learned)
    expect(bitsOf(valuesOf(stored))).toEqual(bitsOf(quantized(x, shape, layer, learned)))
    expect(isCoded(stored)).toBe(layer.weightFormat.formats[0]!.name !== "FP32")
    expect(counts().tensors).toBe(before)
  }

  it.each(granularities)("a scale for a %s, every format", (weightGranularity) => {
    for (const name of names.filter((one) => parse(one)!.zeroPoint === undefined))
      expectSame(layerOf(kind, name, { weightGranularity, blockSize: 8 }), draw(shape, 1))
  })

  it.each(["mse", { percentile: 99 }] as const)("the rule %j", (scaleRule) => {
    for (const name of ["INT3", "INT8", "E2M1", "E4M3", "MXFP4", "NVFP4", "BF16"])
      for (const weightGranularity of granularities)
        expectSame(
          layerOf(kind, name, { weightGranularity, blockSize: 8, scaleRule }),
          draw(shape, 2),
        )
  })

  it("a learned scale", () => {
    for (const name of ["INT2", "INT8", "E4M3", "E3M2"])
      expectSame(layerOf(kind, name, { scaleRule: "learned" }), draw(shape, 3), 0.037)
  })

  it.each(sharedExponents)("block scales under %s", (sharedExponent) => {
    for (const name of names.filter((one) => parse(one)!.block?.scale === "E8M0"))
      expectSame(layerOf(kind, name, { sharedExponent }), draw(shape, 4))
  })

  it("weights that are all zero, tiny or huge", () => {
    const x = draw(shape, 5)
    for (const name of ["INT4", "INT16", "E4M3", "MXFP4", "MXINT8", "NVFP4", "FP16"])
      for (const factor of [0, 1e-30, 1e30])
        expectSame(
          layerOf(kind, name, {}),
          x.map((value) => value * factor),
        )
  })
})

it("refuses a weight that is not finite, by its layer", () => {
  expect(() =>
    codesOf({ shape: [2, 1], values: Float32Array.of(1, Infinity) }, layerOf("dense", "INT8", {})),
  ).toThrow("the weight of layer is not finite")
})

describe("codes of elements", () => {
  const floats = names
    .map((name) => parse(name)!)
    .filter(({ bits, block, kind }) => !/^u?int$/u.test(kind) && block === undefined && bits <= 16)
  it.each(floats.map((format) => [format.name, format] as const))(
    "%s: every code that stands for a number comes back",
    (_, format) => {
      const values = valuesOfCodes(format)
      const codes = Array.from(values, (value) => codeOf(value, format))
      const others = codes.filter((again, code) => !Number.isNaN(values[code]) && again !== code)
      expect(others).toEqual([])
      expect(Math.max(...values.filter(Number.isFinite))).toBe(format.hi)
      expect(values.every(Number.isFinite)).toBe(format.reserved === undefined)
    },
  )

  it("E4M3 has the codes of OCP FP8", () => {
    const values = valuesOfCodes(parse("E4M3")!)
    expect([values[0x38], values[0x7e], values[0x01], values[0x80], values[0x7f]]).toEqual([
      1,
      448,
      2 ** -9,
      -0,
      Number.NaN,
    ])
  })
})
