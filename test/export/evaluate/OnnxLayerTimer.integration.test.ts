/** Layers as files of their own in onnxruntime: every kind of key of a latency table has a time and a product. */
import { rmSync } from "node:fs"
import { describe, expect, it } from "vitest"
import {
  keysOf,
  type LatencyTable,
  missingFrom,
  tableProblems,
  textOf,
  withTimes,
} from "../../../src/cost/LatencyTable.ts"
import { oneLayer } from "../../../src/export/evaluate/OneLayer.ts"
import { makeOnnxLayerTimer } from "../../../src/export/evaluate/OnnxLayerTimer.ts"
import { openSession, tensor } from "../../../src/export/evaluate/OnnxSession.ts"
import { makeFolder } from "../../disk/folder.ts"
import { buildSpace } from "../../network/fixture.ts"

const spaceOf = (scale: string, formats: string) =>
  buildSpace(`
name: timed
input: { height: 8, width: 8, channels: 3 }
classes: 6
network:
  - conv: { name: stem, filters: 8, kernel: 3, stride: 2 }
  - depthwiseConv: { kernel: 3 }
  - patchEmbed: { name: embed, patch: 2, heads: 1, headDim: 8 }
  - transformer: { mlpRatio: 2 }
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [${formats}], scale: { sharedExponent: floor${scale} } }
`)

const empty: LatencyTable = {
  machine: "this",
  date: "2026-01-31",
  threads: 1,
  batch: 1,
  versions: {},
  layers: [],
}

describe("layers in onnxruntime", () => {
  it.each([
    ["", "INT2, INT4, INT8, E3M2, E4M3, BF16, FP32, MXFP4, NVFP4"],
    [", granularity: { weights: channel, activations: token }", "INT8, E4M3"],
    [", granularity: block, blockSize: 4", "INT4, INT8"],
  ])("have a time for every key%s", async (scale, formats) => {
    const { table } = spaceOf(scale, formats)
    const keys = keysOf(table)
    const folder = makeFolder()
    const timer = await makeOnnxLayerTimer(keys, 1, folder)
    await timer.round()
    const times = timer.medians()
    await timer.close()
    rmSync(folder, { recursive: true })
    for (const [i, key] of keys.entries()) {
      expect([textOf(key), times[i]! > 0]).toEqual([textOf(key), true])
      const product = key.layer.kind === "dense" ? /MatMul|Gemm/u : /Conv/u
      expect([textOf(key), timer.products[i]!.join()]).toEqual([
        textOf(key),
        expect.stringMatching(product),
      ])
    }
    const filled = withTimes(
      empty,
      keys.map((key, i) => [key, times[i]!]),
    )
    expect([tableProblems(filled), missingFrom(filled, table)]).toEqual([[], []])
  })

  it("give the product of the rounded input with the rounded weight", async () => {
    const key = denseKey("INT8")
    const { bytes, entries, input } = oneLayer(key)
    const { channels, outputs, tokens } = key.layer
    const session = await openSession(bytes, { threads: 1, entries })
    const found = await session.run({ images: tensor(input.values, input.shape) })
    await session.close()
    expect([input.shape, found.length]).toEqual([[1, tokens, channels], tokens * outputs])
    const weights = await floatWeight()
    for (let token = 0; token < tokens; token++)
      for (let unit = 0; unit < outputs; unit++) {
        let sum = 0
        for (let c = 0; c < channels; c++)
          sum += input.values[token * channels + c]! * weights[c * outputs + unit]!
        // Eight bits of input and weight: a percent of a sum of some terms of about 1.
        expect(Math.abs(found[token * outputs + unit]! - sum)).toBeLessThan(0.3)
      }
  })
})

/** The first dense layer of the network, in a format everywhere. */
const denseKey = (format: string) => {
  for (const key of keysOf(spaceOf("", format).table)) {
    const { layer } = key
    if (layer.kind === "dense") return { ...key, layer }
  }
  throw new Error("there is no dense layer")
}

/** Its weight [channels, outputs], as the layer in FP32 gives it for the unit vectors. */
const floatWeight = async (): Promise<Float32Array> => {
  const key = denseKey("FP32")
  const { bytes, entries } = oneLayer(key)
  const session = await openSession(bytes, { threads: 1, entries })
  const { channels, outputs, tokens } = key.layer
  const weight = new Float32Array(channels * outputs)
  for (let first = 0; first < channels; first += tokens) {
    const count = Math.min(tokens, channels - first)
    const units = new Float32Array(tokens * channels)
    for (let t = 0; t < count; t++) units[t * channels + first + t] = 1
    const rows = await session.run({ images: tensor(units, [1, tokens, channels]) })
    weight.set(rows.subarray(0, count * outputs), first * outputs)
  }
  await session.close()
  return weight
}
