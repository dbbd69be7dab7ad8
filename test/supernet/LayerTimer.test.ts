import { beforeAll, expect, it } from "vitest"
import type { TimeKey } from "../../src/cost/LatencyTable.ts"
import { parse } from "../../src/format/Formats.ts"
import { makeLayerTimer } from "../../src/supernet/LayerTimer.ts"
import { counts } from "../../src/tensor/Backend.ts"
import { loadBackend } from "../tensor/support.ts"

beforeAll(() => loadBackend(true, 1))

const key = (layer: TimeKey["layer"], weights: string, activations = weights): TimeKey => ({
  layer,
  weights: parse(weights)!,
  activations: parse(activations)!,
})

const window = { kernel: [3, 3], stride: [1, 1], padding: "same" } as const
const image = { height: 32, width: 32, ...window }

it("times every kind of layer and of format, the larger layer longer, and leaves no tensor", () => {
  const before = counts()
  const timer = makeLayerTimer([
    key({ kind: "conv", ...image, channels: 8, outputs: 8 }, "INT4"),
    key({ kind: "conv", ...image, channels: 64, outputs: 64 }, "INT4"),
    key({ kind: "depthwiseConv", ...image, channels: 32 }, "FP32"),
    key({ kind: "dense", tokens: 1, channels: 64, outputs: 10 }, "MXFP4", "INT8"),
    key({ kind: "dense", tokens: 16, channels: 64, outputs: 64 }, "FP32", "NVFP4"),
    {
      ...key({ kind: "depthwiseConv", ...image, channels: 32 }, "INT4"),
      weightGranularity: "channel",
      activationGranularity: "block16",
    },
    {
      ...key({ kind: "dense", tokens: 16, channels: 64, outputs: 64 }, "INT4"),
      weightGranularity: "block16",
      activationGranularity: "token",
    },
  ])
  for (let round = 0; round < 3; round++) timer.round()
  const times = timer.medians()
  timer.dispose()
  expect(times.length).toBe(7)
  for (const time of times) expect(time).toBeGreaterThan(0)
  // 64 times the multiply-adds
  expect(times[1]).toBeGreaterThan(2 * times[0]!)
  expect(counts()).toEqual(before)
})
