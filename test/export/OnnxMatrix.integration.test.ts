/**
 * Every format x granularity x kind of layer as an ONNX file: the codes in the file are the quantizer's bit for bit; what
 * onnxruntime makes of them, and how the file rounds its inputs, are the numbers of our kernels bit for bit; it answers
 * as the network. Python's onnx checks all files and infers every shape; its onnxruntime gives the same logits.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { writeOnnx } from "../../src/export/onnx/OnnxModel.ts"
import { normalised, openOnnx, version } from "../../src/export/onnx/OnnxRuntime.ts"
import { type ExportOptions, usualOptions } from "../../src/export/Target.ts"
import { openChild } from "../../src/export/Verify.ts"
import { names as formatNames } from "../../src/format/Formats.ts"
import { widestChoices } from "../../src/space/DecisionSpace.ts"
import * as tiny from "../supernet/tiny.ts"
import { loadBackend } from "../tensor/support.ts"
import { drawImages, modelOf } from "./models.ts"
import { inspect, wrongCodes } from "./onnxMistakes.ts"
import { combinations, differing, kinds } from "./oneLayer.ts"
import { missingOf, onnxEnvironment, runPython } from "./python.ts"

let missing: string | undefined
beforeAll(async () => {
  await loadBackend(true)
  missing = missingOf(onnxEnvironment.ensure, "onnx for Python")
}, 600_000)
const folder = mkdtempSync(join(tmpdir(), "fliqs-matrix-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const count = 4

/** Name of a file in the folder -> what onnxruntime-node answers. */
const answers = new Map<string, ReadonlyArray<number>>()

/** Writes a file with its images, and runs it as its metadata says. */
const runAsMeant = async (
  name: string,
  model: FoundModel,
  bytes: Uint8Array,
  images: Uint8Array,
  options: ExportOptions,
): Promise<Float32Array> => {
  const path = join(folder, `${name}.onnx`)
  writeFileSync(path, bytes)
  const given = options.input === "uint8" ? images : normalised(images, count, model)
  writeFileSync(join(folder, `${name}.input`), given)
  const runner = await openOnnx(path, model, options, { threads: 1 })
  const logits = await runner.logits(images, count)
  await runner.close()
  answers.set(name, [...logits])
  return logits
}

const childLogits = (model: FoundModel, images: Uint8Array): Float32Array => {
  const child = openChild(model)
  const logits = child.logits({ images, count })
  child.dispose()
  return logits
}

describe.each(Object.keys(kinds) as ReadonlyArray<keyof typeof kinds>)("%s", (kind) => {
  const all = combinations.filter((combination) => combination.kind === kind)

  it.each(formatNames)("%s", async (format) => {
    const wrong: Array<string> = []
    for (const { isAlone, model: make, name } of all.filter((one) => one.format === format)) {
      const model = make()
      const images = drawImages(model.network, count, 5)
      const ours = childLogits(model, images)
      const bytes = writeOnnx(model, usualOptions)
      const { logits, mistakes } = await inspect(model, bytes, images, count)
      wrong.push(...mistakes.map((words) => `${name}: ${words}`))
      const asMeant = await runAsMeant(name, model, bytes, images, usualOptions)
      // One layer rounds the same numbers on both sides, so that only the order of sums is left. Behind a layer with few
      // values sums are often halfway between two values: there the order of a sum may change an image's logits.
      const [share, allowed] = isAlone ? [2e-6, 0] : [2e-3, count / 2]
      for (const [how, theirs] of Object.entries({ plainly: logits, asMeant }))
        if (differing(ours, theirs, count, share) > allowed)
          wrong.push(`${name}: logits, run ${how}`)
    }
    expect(wrong).toEqual([])
  })
})

describe("options", () => {
  const convolutions = combinations.filter(({ kind }) => kind === "conv")

  it("--emulate: weights as float32 values that are the quantizer's", async () => {
    const wrong: Array<string> = []
    for (const { model: make, name } of convolutions) {
      const model = make()
      const images = drawImages(model.network, count, 5)
      const bytes = writeOnnx(model, { ...usualOptions, emulate: true })
      const { mistakes } = await inspect(model, bytes, images, count)
      wrong.push(...mistakes.map((words) => `${name}: ${words}`))
    }
    expect(wrong).toEqual([])
  })

  it("--flavour standard: the codes of E2M1 in FLOAT4E2M1", () => {
    const fourBits = combinations.filter(({ format }) => /^(?:E2M1|MXFP4|NVFP4)$/u.test(format))
    const wrong: Array<string> = []
    for (const { model: make, name } of fourBits) {
      const model = make()
      const bytes = writeOnnx(model, { ...usualOptions, flavour: "standard" })
      writeFileSync(join(folder, `${name}-standard.onnx`), bytes)
      wrong.push(...wrongCodes(model, bytes).map((words) => `${name}: ${words}`))
    }
    expect(wrong).toEqual([])
  })
})

interface Checked {
  readonly versions: Readonly<Record<string, string>>
  readonly files: Readonly<
    Record<
      string,
      { readonly problem?: string; readonly opset: number; readonly logits?: ReadonlyArray<number> }
    >
  >
}

it("Python checks every file, infers its shapes, and gets the same logits", async ({ skip }) => {
  skip(missing !== undefined)
  for (const [name, yaml] of Object.entries(tiny))
    for (const input of ["float32", "uint8"] as const) {
      const model = modelOf(yaml, ({ space }) => widestChoices(space))
      const options = { ...usualOptions, input }
      const images = drawImages(model.network, count, 5)
      await runAsMeant(`${name}-${input}`, model, writeOnnx(model, options), images, options)
    }
  const { files, versions } = runPython(onnxEnvironment.python, "checkOnnx.py", folder) as Checked
  expect(versions["onnxruntime"]).toBe(version)
  const problems = Object.entries(files).flatMap(([name, { problem }]) =>
    problem === undefined ? [] : [`${name}: ${problem}`],
  )
  expect(problems).toEqual([])
  expect(Object.keys(files).length).toBeGreaterThan(600)
  expect(new Set(Object.values(files).map(({ opset }) => opset))).toEqual(
    new Set([13, 19, 21, 23, 25]),
  )
  const others = [...answers].filter(
    ([name, logits]) => JSON.stringify(files[name]!.logits) !== JSON.stringify(logits),
  )
  expect(others.map(([name]) => name)).toEqual([])
}, 600_000)
