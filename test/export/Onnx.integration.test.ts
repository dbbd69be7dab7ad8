/** Networks as ONNX files, run by onnxruntime against the child network; `OnnxMatrix` has every format. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, it } from "vitest"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { writeOnnx } from "../../src/export/onnx/OnnxModel.ts"
import { openOnnx } from "../../src/export/onnx/OnnxRuntime.ts"
import { type ExportOptions, usualOptions } from "../../src/export/Target.ts"
import type { Verified } from "../../src/export/Verify.ts"
import { narrowestChoices, widestChoices } from "../../src/space/DecisionSpace.ts"
import { loadBackend } from "../tensor/support.ts"
import * as tiny from "../supernet/tiny.ts"
import { modelOf } from "./models.ts"
import { compared, convolutions, expectSame, first } from "./verified.ts"

beforeAll(() => loadBackend(true))
const folder = mkdtempSync(join(tmpdir(), "fliqs-onnx-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let written = 0

const verify = async (
  model: FoundModel,
  options: ExportOptions = usualOptions,
): Promise<Verified> => {
  const path = join(folder, `${written++}.onnx`)
  writeFileSync(path, writeOnnx(model, options))
  return compared(model, await openOnnx(path, model, options))
}

describe("networks", () => {
  it.each(Object.entries(tiny))("%s", async (_, yaml) => {
    for (const choicesOf of [widestChoices, narrowestChoices])
      for (const input of ["float32", "uint8"] as const) {
        const model = modelOf(yaml, ({ space }) => choicesOf(space))
        expectSame(await verify(model, { ...usualOptions, input }))
      }
  })
})

describe("options", () => {
  it("formats without a type as floats", async () => {
    const options = { ...usualOptions, emulate: true }
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
