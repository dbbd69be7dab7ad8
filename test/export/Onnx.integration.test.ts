/** Written ONNX files run by onnxruntime against the child network. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { writeOnnx } from "../../src/export/onnx/OnnxModel.ts"
import { openOnnx } from "../../src/export/onnx/OnnxRuntime.ts"
import type { ExportOptions } from "../../src/export/Target.ts"
import { compare, openChild, type Verified } from "../../src/export/Verify.ts"
import { names } from "../../src/format/Formats.ts"
import { narrowestChoices, widestChoices } from "../../src/space/DecisionSpace.ts"
import { loadBackend } from "../tensor/support.ts"
import * as tiny from "../supernet/tiny.ts"
import { drawImages, modelOf } from "./models.ts"

beforeAll(() => loadBackend(true))
const folder = mkdtempSync(join(tmpdir(), "fliqs-onnx-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const plain: ExportOptions = { input: "float32", emulate: false, flavour: "portable" }
let written = 0

const verify = async (model: FoundModel, options: ExportOptions = plain): Promise<Verified> => {
  const path = join(folder, `${written++}.onnx`)
  writeFileSync(path, writeOnnx(model, options))
  const child = openChild(model)
  const runner = await openOnnx(path, model, options)
  const batch = { images: drawImages(model.network, 32, 5), count: 32 }
  const verified = await compare(child, runner, model.network.graph.classes, [batch])
  await runner.close()
  child.dispose()
  return verified
}

/** The logits of the file are those of the network: they may differ by the order of sums, and by a rounding that it tips. */
const expectSame = (verified: Verified): void => {
  expect(verified).toMatchObject({ passed: true, images: 32 })
}

describe("networks", () => {
  it.each(Object.entries(tiny))("%s", async (_, yaml) => {
    for (const choicesOf of [widestChoices, narrowestChoices])
      for (const input of ["float32", "uint8"] as const) {
        const model = modelOf(yaml, ({ space }) => choicesOf(space))
        expectSame(await verify(model, { ...plain, input }))
      }
  })
})

const convolutions = (scale: string, formats: string): string => `
name: matrix
input: { height: 12, width: 12, channels: 3 }
classes: 4
network:
  - conv: { name: stem, filters: 20, kernel: 3, stride: 2 }
  - invertedResidual: { name: block, filters: 20, kernel: 3, expansion: 2, stride: 1 }
  - conv: { name: head, filters: 36, kernel: 1 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [${formats}], scale: { sharedExponent: floor${scale} } }
`

const tokens = (scale: string, format: string, products = format): string => `
name: matrix
input: { height: 8, width: 8, channels: 3 }
classes: 4
network:
  - patchEmbed: { name: embed, patch: 2, heads: 2, headDim: 20 }
  - transformer: { mlpRatio: 2, attentionProducts: ${products} }
  - finalNorm: {}
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [${format}], scale: { sharedExponent: floor${scale} } }
`

const first = ({ space }: { readonly space: { readonly decisions: ReadonlyArray<unknown> } }) =>
  space.decisions.map(() => 0)

describe("every format", () => {
  it.each(names)("%s: convolutions", async (name) => {
    expectSame(await verify(modelOf(convolutions("", name), first)))
  })

  it.each(names)("%s: attention", async (name) => {
    expectSame(await verify(modelOf(tokens("", name), first)))
  })
})

const few = ["INT2", "INT3", "INT4", "INT8", "INT12", "E2M1", "E3M2", "E4M3", "BF16"]

describe("what one scale covers", () => {
  it.each(few)("%s: a channel, a token, a block", async (name) => {
    for (const granularity of [
      "{ weights: channel, activations: tensor }",
      "{ weights: block, activations: block }, blockSize: 8",
    ])
      expectSame(await verify(modelOf(convolutions(`, granularity: ${granularity}`, name), first)))
    const perToken = ", granularity: { weights: channel, activations: token }"
    expectSame(await verify(modelOf(tokens(perToken, name, "FP32"), first)))
  })
})

describe("options", () => {
  it("formats without a type as floats", async () => {
    const options = { ...plain, emulate: true }
    expectSame(await verify(modelOf(convolutions("", "E3M2"), first), options))
  })

  it("integers of inputs that cannot be negative, from 0 up", async () => {
    for (const name of ["INT2", "INT5", "INT8"])
      expectSame(await verify(modelOf(convolutions(", unsignedAfterRelu: true", name), first)))
  })

  it.each(["mse", "{ percentile: 99 }", "learned"])("scales by the rule %s", async (rule) => {
    expectSame(await verify(modelOf(convolutions(`, rule: ${rule}`, "INT4"), first)))
  })
})
