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

describe("networks", () => {
  it.each(Object.entries(tiny))("%s", async (_, yaml) => {
    for (const choicesOf of [widestChoices, narrowestChoices])
      for (const input of ["float32", "uint8"] as const) {
        const model = modelOf(yaml, ({ space }) => choicesOf(space))
        const verified = await verify(model, { ...plain, input })
        console.log(verified)
        expect(verified).toMatchObject({ passed: true, images: 32 })
      }
  })
})
