/**
 * PyTorch runs an exported folder and answers as the supernet does; its rounding gives the same bits as ours. PyTorch and
 * safetensors come from PyPI; without Python or PyPI these tests are left out.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ensureTorch, python } from "../../bench/peers/Torch.ts"
import * as Container from "../../src/disk/TensorFile.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { PyTorchTarget } from "../../src/export/PyTorchTarget.ts"
import { usualOptions } from "../../src/export/Target.ts"
import type { Format } from "../../src/format/Format.ts"
import { names, parse } from "../../src/format/Formats.ts"
import { rowLength, rowNumbers, toRow, withZeroPoint } from "../../src/format/Row.ts"
import { unsigned } from "../../src/format/IntFormat.ts"
import { fakeQuantize, type FakeQuantizeOptions } from "../../src/quantizer/FakeQuantize.ts"
import { type ClippingRule, amaxesOf } from "../../src/quantizer/ScaleRule.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { load, tf } from "../../src/tensor/Backend.ts"
import { floatBytes } from "../../src/train/Safetensors.ts"
import { makeFolder } from "../disk/folder.ts"
import { drawImages, findModel, logitsOf } from "./found.ts"
import { missingOf, runPython } from "./python.ts"
import { spaces } from "./spaces.ts"

const folder = makeFolder()
let missing: string | undefined
const minutes = (count: number): number => 60_000 * count

beforeAll(async () => {
  await Effect.runPromise(load({ threads: 1 }))
  missing = missingOf(ensureTorch, "PyTorch")
}, minutes(20))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Exports a model into a folder of that name. */
const exported = (name: string, model: FoundModel): string => {
  const at = join(folder, name)
  mkdirSync(at, { recursive: true })
  for (const { path, parts } of PyTorchTarget.write(model, usualOptions))
    writeFileSync(join(at, path), Buffer.concat(parts))
  return at
}

interface Ran {
  readonly logits: ReadonlyArray<ReadonlyArray<number>>
  readonly preprocessed: ReadonlyArray<number>
  readonly classes: ReadonlyArray<string>
  readonly withoutGradient: ReadonlyArray<string>
}

const count = 8
/** The largest difference of a logit, as a share of the largest logit. */
const bound = 1e-5

const topOf = (logits: ReadonlyArray<number>): number => logits.indexOf(Math.max(...logits))

describe("--to pytorch", () => {
  const models = new Map<string, { readonly model: FoundModel; readonly images: Float32Array }>()
  const bytesOf = (images: Float32Array) => Uint8Array.from(images, (x) => (x * 97) & 255)
  let ran: Readonly<Record<string, Ran>> = {}

  beforeAll(() => {
    if (missing !== undefined) return
    for (const [name, yaml] of Object.entries(spaces)) {
      const model = findModel(yaml, undefined, 3)
      const images = drawImages(model.network, count, 11)
      const { channels, height, width } = model.network.graph.input
      const shape = [count, height, width, channels]
      const given = Container.encode([
        { name: "images", dtype: "F32", shape, bytes: floatBytes(images) },
        { name: "bytes", dtype: "U8", shape, bytes: bytesOf(images) },
      ])
      writeFileSync(join(exported(name, model), "images.safetensors"), Buffer.concat(given))
      models.set(name, { model, images })
    }
    ran = runPython(
      python,
      "runModel.py",
      ...[...models.keys()].map((name) => join(folder, name)),
    ) as never
  }, minutes(10))

  it.for(Object.keys(spaces))("gives the supernet's logits: %s", (name, { skip }) => {
    skip(missing !== undefined)
    const { images, model } = models.get(name)!
    const { classes, logits, withoutGradient } = ran[join(folder, name)]!
    const ours = logitsOf(model, images)
    const size = Math.max(...ours.map(Math.abs))
    const differences = logits.flat().map((value, i) => Math.abs(value - ours[i]!) / size)
    expect(Math.max(...differences)).toBeLessThan(bound)
    logits.forEach((row, i) =>
      expect(topOf(row)).toBe(topOf([...ours.subarray(10 * i, 10 * i + 10)])),
    )
    expect(classes).toEqual(model.classNames)
    expect(withoutGradient).toEqual([])
  })

  it("prepares bytes as the network was trained on them", ({ skip }) => {
    skip(missing !== undefined)
    const { images } = models.get("resnetInt")!
    const expected = [...bytesOf(images)].map((byte) => (byte / 255 - 0.5) / 0.25)
    const found = ran[join(folder, "resnetInt")]!.preprocessed
    expect(found).toHaveLength(expected.length)
    found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5))
  })
})

/** Values of every size with ties, zeros of both signs and a row of zeros: [4, 6, 40]. */
const hardValues = (): Float32Array => {
  const random = randomStream(5, "values")
  const x = Float32Array.from({ length: 4 * 6 * 40 }, (_, i) => {
    const kind = i % 7
    if (kind === 0) return Math.round(8 * random.normal()) / 8
    if (kind === 1) return random.uniform() < 0.5 ? 0 : -0
    return random.normal() * 2 ** (random.integer(12) - 6)
  })
  return x.fill(0, 40, 80)
}

interface RoundingCase {
  readonly name: string
  readonly format: Format
  readonly ours: FakeQuantizeOptions
  readonly rule?: ClippingRule
  readonly frozen?: number
  readonly theirs: Readonly<Record<string, unknown>>
}

/** All families; of integers and small floats the ends of their range and some between. */
const tried = names.filter(
  (name) =>
    !/^U?INT([5679]|1[0-5])$|^E[1-7]M[0-6]$/u.test(name) ||
    /^E(1M0|1M6|2M1|3M2|4M3|5M2|7M0)$/u.test(name),
)

const roundingCases = (): ReadonlyArray<RoundingCase> =>
  tried.flatMap((name): ReadonlyArray<RoundingCase> => {
    const format = parse(name)!
    if (name === "FP32") return []
    if (format.block?.scale === "E8M0")
      return (["floor", "ceil", "even", "roundUp"] as const).map((rule) => ({
        name: `${name} ${rule}`,
        format,
        ours: { blockAxis: 2 },
        theirs: { axis: 2, shared_exponent: rule },
      }))
    const tensor = [
      { name: `${name} tensor`, format, ours: { blockAxis: 1 }, theirs: { axis: 1 } },
      {
        name: `${name} frozen`,
        format,
        ours: { blockAxis: 1 },
        frozen: 1.7,
        theirs: {
          axis: 1,
          amax: Math.fround(1.7),
          ...(format.zeroPoint === undefined ? {} : { zero_point: 1 }),
        },
      },
    ]
    if (format.block !== undefined) return tensor
    const ranges = format.kind === "int" ? [format, unsigned(format)] : [format]
    const covering = ranges.flatMap((format) =>
      (["absmax", "mse", { percentile: 90 }] as const).flatMap((rule) => {
        const theirs =
          typeof rule === "object" ? { rule: "percentile", percentile: rule.percentile } : { rule }
        const clipping = rule === "absmax" ? {} : { rule }
        const at = (words: string, ours: FakeQuantizeOptions, options: object): RoundingCase => ({
          name: `${name} ${words} ${JSON.stringify(rule)} from ${format.lo}`,
          format,
          ours,
          ...clipping,
          theirs: { ...theirs, ...options },
        })
        return [
          at("channel", { axis: 1 }, { granularity: "channel", axis: 1 }),
          at("block", { blockAxis: 2, blockSize: 7 }, { granularity: "block", block: 7, axis: 2 }),
        ]
      }),
    )
    return [...tensor, ...covering]
  })

const pythonFormat = ({ block, zeroPoint, ...format }: Format) => ({
  zero_point: zeroPoint !== undefined,
  mantissa_bits: format.mantissaBits,
  min_exponent: format.minExponent,
  lo: format.lo,
  hi: format.hi,
  negative_zero: format.negativeZero,
  scaled: format.scaled,
  ...(block === undefined ? {} : { block: block.size, block_scale: block.scale }),
})

it("rounds to every format, under every scale, to the same bits", ({ skip }) => {
  skip(missing !== undefined)
  const x = hardValues()
  const shape = [4, 6, 40]
  const cases = roundingCases()
  const file = join(folder, "x.safetensors")
  writeFileSync(
    file,
    Buffer.concat(
      Container.encode([{ name: "x", dtype: "F32", shape, bytes: floatBytes(x) }], {
        cases: JSON.stringify(cases.map(({ format, theirs }) => [pythonFormat(format), theirs])),
      }),
    ),
  )
  const at = exported("rounding", findModel(spaces["averaged"]!))
  const found = runPython(python, "roundInTorch.py", at, file) as ReadonlyArray<
    ReadonlyArray<number>
  >
  const wrong = cases.flatMap(({ format, frozen, name, ours, rule, theirs }, k) => {
    const bits = tf.tidy(() => {
      const input = tf.tensor(x, shape)
      const row = toRow(format, theirs["shared_exponent"] as "floor" | undefined)
      const isKnown = theirs["zero_point"] !== undefined
      const numbers = rowNumbers(isKnown ? withZeroPoint(row, 1) : row)
      const rows = tf.tensor2d(numbers, [1, rowLength])
      const options: FakeQuantizeOptions =
        rule === undefined ? ours : { ...ours, amaxes: amaxesOf(input, rows, 0, rule, ours) }
      const amax = frozen === undefined ? undefined : tf.tensor1d([frozen])
      const rounded = fakeQuantize(input, rows, 0, amax, options)
      return new Int32Array((rounded.dataSync() as Float32Array).slice().buffer)
    })
    const places = [...bits.keys()].filter((i) => bits[i] !== found[k]![i])
    return places.length === 0 ? [] : [`${name}: ${places.length} values`]
  })
  expect(wrong).toEqual([])
  expect(cases.length).toBeGreaterThan(150)
})
