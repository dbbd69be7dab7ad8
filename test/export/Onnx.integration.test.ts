/** Networks as ONNX files, run by onnxruntime against the child network; `OnnxMatrix` has every format. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { writeOnnx } from "../../src/export/onnx/OnnxModel.ts"
import { loadOrt, openOnnx } from "../../src/export/onnx/OnnxRuntime.ts"
import { type ExportOptions, usualOptions } from "../../src/export/Target.ts"
import type { Verified } from "../../src/export/Verify.ts"
import { narrowestChoices, widestChoices } from "../../src/space/DecisionSpace.ts"
import { loadBackend } from "../tensor/support.ts"
import * as tiny from "../supernet/tiny.ts"
import { modelOf } from "./models.ts"
import { exampleOf } from "./page.ts"
import { missingOf, onnxEnvironment } from "./python.ts"
import { compared, convolutions, expectSame, first } from "./verified.ts"

let missing: string | undefined
beforeAll(async () => {
  await loadBackend(true)
  missing = missingOf(onnxEnvironment.ensure, "onnx for Python")
}, 600_000)
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

describe("the lines of docs/export.md", () => {
  const at = join(folder, "model.onnx")
  const make = () =>
    modelOf(
      convolutions("", "INT4").replace("height: 12, width: 12", "height: 32, width: 32"),
      first,
    )

  it("run in Node", async () => {
    const model = make()
    writeFileSync(at, writeOnnx(model, usualOptions))
    const lines: Array<unknown> = []
    const AsyncFunction = (async () => {}).constructor as FunctionConstructor
    const code = exampleOf("ONNX", "js").replace("model.onnx", at)
    const console = { log: (line: unknown) => lines.push(line) }
    await new AsyncFunction("ort", "console", code)(loadOrt(), console)
    expect(lines).toEqual([expect.toBeOneOf([0, 1, 2, 3])])
  })

  it("run in Python", ({ skip }) => {
    skip(missing !== undefined)
    const model = make()
    writeFileSync(at, writeOnnx(model, usualOptions))
    const printed = execFileSync(onnxEnvironment.python, ["-c", exampleOf("ONNX", "python")], {
      cwd: folder,
      encoding: "utf8",
    })
    expect(model.classNames).toContain(printed.trim())
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
