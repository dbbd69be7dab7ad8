/** What weights take in an ONNX file is what the cost `memory` predicts, for every format that ONNX stores in its bits. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { weightBits } from "../../../src/cost/Storage.ts"
import { predictedOf, sizesOf } from "../../../src/export/evaluate/FileSizes.ts"
import { drawnModel, floatTwin } from "../../../src/export/evaluate/FloatTwin.ts"
import { readOnnx } from "../../../src/export/evaluate/ReadOnnx.ts"
import type { FoundModel } from "../../../src/export/FoundModel.ts"
import { writeOnnx } from "../../../src/export/onnx/OnnxModel.ts"
import { widestChoices } from "../../../src/space/DecisionSpace.ts"
import { valueOf } from "../../../src/space/Quantity.ts"
import { extract } from "../../../src/supernet/Child.ts"
import type { Network } from "../../../src/network/Network.ts"
import type { Choices } from "../../../src/space/Decision.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"
import { buildSpace } from "../../network/fixture.ts"
import { usualOptions } from "../../../src/export/Target.ts"

const images = `
  - conv: { name: stem, filters: 12, kernel: 3, stride: 2 }
  - invertedResidual: { name: block, filters: 12, kernel: 3, expansion: 4 }
  - conv: { name: head, filters: 48, kernel: 1, norm: none }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`

const tokens = `
  - patchEmbed: { name: embed, patch: 4, heads: 2, headDim: 12 }
  - transformer: { mlpRatio: 2 }
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }`

const modelOf = (network: string, format: string, scale: string): FoundModel => {
  const whole = buildSpace(`
name: sizes
input: { height: 16, width: 16, channels: 3 }
classes: 10
network:${network}
formats: { oneOf: [${format}], scale: { sharedExponent: floor${scale} } }
`)
  return drawnOf(whole, widestChoices)
}

/** A model with weights as a network begins with. */
function drawnOf(whole: Network, choose: (space: Network["space"]) => Choices): FoundModel {
  return drawnModel(extract(whole, choose(whole.space)), {
    assignment: {},
    space: null,
    classNames: Array.from({ length: whole.graph.classes }, (_, i) => `class ${i}`),
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    trial: "",
    version: "0.1.0",
  })
}

const fileOf = (model: FoundModel) => {
  const file = readOnnx(writeOnnx(model, usualOptions))
  if (typeof file === "string") throw new Error(file)
  return file
}

const pathsOf = ({ network }: FoundModel) => network.table.layers.map(({ path }) => path)

/** How much more the weights and numbers in the file take than `memory` predicts, as a share. */
const differenceOf = (model: FoundModel): number => {
  const { constants, weights } = sizesOf(fileOf(model), pathsOf(model))
  return (weights + constants) / predictedOf(model.network).memory - 1
}
const isSmall: unknown = expect.toSatisfy((share: number) => Math.abs(share) < 0.02)

/** Formats whose elements ONNX stores in as many bits as they have; four-bit floats are codes. */
const stored = [
  "INT2",
  "INT4",
  "INT8",
  "INT16",
  "E2M1",
  "E4M3",
  "E5M2",
  "E4M3FNUZ",
  "E5M2FNUZ",
  "BF16",
  "FP16",
  "FP32",
  "MXFP4",
  "MXFP8E4M3",
  "MXFP8E5M2",
  "MXINT8",
  "NVFP4",
]
const granularities = [
  "",
  ", granularity: channel",
  ", granularity: { weights: block, activations: tensor }, blockSize: 8",
]

describe.each([
  ["images", images],
  ["tokens", tokens],
])("a network of %s", (_, network) => {
  it.each(stored)("in %s takes what memory predicts", (format) => {
    // Formats with blocks of their own have no other granularity.
    const hasBlocks = /^(?:MX|NV)/u.test(format)
    for (const scale of hasBlocks ? [""] : granularities) {
      const model = modelOf(network, format, scale)
      const file = fileOf(model)
      expect([format, scale, differenceOf(model)]).toEqual([format, scale, isSmall])
      // Layer by layer the same bytes: codes fill their last byte, and NVFP4's scale of a tensor is a shared scalar.
      for (const layer of model.network.table.layers) {
        const { weights: own } = sizesOf(file, [layer.path])
        const bits = valueOf(weightBits(layer), [])
        expect(own).toBe(Math.ceil(bits / 8) - (format === "NVFP4" ? 4 : 0))
      }
    }
  })
})

const shipped = (name: string, formats: string): string =>
  readFileSync(`spaces/${name}.yaml`, "utf8").replace(/\nformats:[^]*$/u, `\nformats: ${formats}\n`)

describe.each([
  ["ResNet-20, INT mix", shipped("resnet20", "{ oneOf: [INT2, INT4, INT8, INT16] }")],
  ["MobileNetV2, joint", shipped("mobilenet-v2-joint", "{ oneOf: [INT4, INT8, E4M3, BF16] }")],
  ["EfficientNet, squeeze-excite", shipped("efficientnet-cifar", "{ oneOf: [INT4, FP16, FP32] }")],
  [
    "vision transformer",
    shipped(
      "vit-tiny",
      "{ oneOf: [E2M1, E4M3, E5M2, NVFP4, MXFP8E4M3, BF16], scale: { sharedExponent: floor } }",
    ),
  ],
])("%s", (_, yaml) => {
  it.each([1, 2])("takes what memory predicts under drawn choices %i", (seed) => {
    const random = randomStream(seed, "choices")
    const model = drawnOf(buildSpace(yaml), ({ decisions }) =>
      decisions.map(({ options }) => random.integer(options.length)),
    )
    expect(differenceOf(model)).toEqual(isSmall)
  })
})

describe("a file", () => {
  it("has a norm as a scale and a bias for each channel", () => {
    const model = modelOf(images, "INT8", "")
    const { memory, weights } = predictedOf(model.network)
    // of stem, expand, depthwise and project a norm; of the head and the classifier a bias
    const channels = 12 + 48 + 48 + 12
    const numbers = 4 * (channels + 48 + 10)
    expect(memory - weights).toBe(numbers)
    expect(sizesOf(fileOf(model), pathsOf(model)).constants).toBe(numbers)
    const elements = model.network.table.layers.reduce(
      (sum, layer) => sum + valueOf(layer.weights, []),
      0,
    )
    expect(weights).toBe(elements + 4 * (channels + 2))
  })

  it("is larger than its weights by its graph alone, and its FP32 twin has four bytes for each", () => {
    const model = modelOf(images, "INT4", "")
    const file = fileOf(model)
    const sizes = sizesOf(file, pathsOf(model))
    expect(sizes.weights + sizes.constants + sizes.graph).toBe(file.bytes)
    const twin = floatTwin(model)
    const elements = twin.network.table.layers.reduce(
      (sum, layer) => sum + valueOf(layer.weights, []),
      0,
    )
    expect(sizesOf(fileOf(twin), pathsOf(twin)).weights).toBe(4 * elements)
  })
})
