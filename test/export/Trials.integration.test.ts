/** Shipped spaces under random assignments go out to every target, and answer as the network where a runtime runs them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ensureTorch, python } from "../../bench/peers/Torch.ts"
import * as Container from "../../src/disk/TensorFile.ts"
import { targets } from "../../src/export/Exports.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { OnnxTarget } from "../../src/export/onnx/OnnxTarget.ts"
import { parse } from "../../src/format/Formats.ts"
import { PyTorchTarget } from "../../src/export/PyTorchTarget.ts"
import { type ExportOptions, type ExportTarget, usualOptions } from "../../src/export/Target.ts"
import { compare, openChild } from "../../src/export/Verify.ts"
import type { Network } from "../../src/network/Network.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { loadBackend } from "../tensor/support.ts"
import { drawImages, modelOf } from "./models.ts"
import { differing } from "./oneLayer.ts"
import { missingOf, onnxEnvironment, runPython } from "./python.ts"

let missing: string | undefined
let withoutOnnx: string | undefined
beforeAll(async () => {
  await loadBackend(true)
  missing = missingOf(ensureTorch, "PyTorch")
  withoutOnnx = missingOf(onnxEnvironment.ensure, "onnx for Python")
}, 1_200_000)
const folder = mkdtempSync(join(tmpdir(), "fliqs-trials-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const shipped = (name: string): string => readFileSync(`spaces/${name}.yaml`, "utf8")
const withFormats = (yaml: string, formats: string): string =>
  yaml.replace(/\nformats:[^]*$/u, `\nformats: ${formats}\n`)

const microScaled =
  "{ oneOf: [MXFP4, MXFP6E2M3, MXFP6E3M2, MXFP8E4M3, MXFP8E5M2, MXINT8, NVFP4], scale: { sharedExponent: even } }"
const products = shipped("vit-tiny").replace(
  "mlpRatio: 2",
  "mlpRatio: 2\n      attentionProducts: { oneOf: [INT4, INT8, E4M3, MXFP4, NVFP4, BF16] }",
)

const spaces: Readonly<Record<string, string>> = {
  "ResNet-20, INT": shipped("resnet20"),
  "ResNet-20, FP": shipped("resnet20-fp"),
  "ResNet-20, INT and FP": shipped("resnet20-mixed"),
  "ResNet-20, MX and NVFP4": withFormats(shipped("resnet20"), microScaled),
  "inverted residuals, joint": shipped("mobilenet-joint"),
  "MobileNetV2, joint, at 64 pixels": shipped("mobilenet-v2-joint")
    .replace(/height: \d+/u, "height: 64")
    .replace(/width: \d+/u, "width: 64")
    .replace(/classes: \d+/u, "classes: 10"),
  Inception: shipped("inception-cifar"),
  "vision transformer": shipped("vit-tiny"),
  "vision transformer, attention's products": withFormats(
    products,
    "{ oneOf: [INT4, E2M1, INT8, E4M3, MXFP4, NVFP4, BF16], scale: { sharedExponent: floor } }",
  ),
}

const drawn =
  (seed: number) =>
  ({ space }: Network) => {
    const random = randomStream(seed, "assignment")
    return space.decisions.map(({ options }) => random.integer(options.length))
  }

/** The ways a network goes out, beside PyTorch's, whose folders share a process, and TensorFlow's, which have tests of their own; formats that a target has no type for go out in each. */
const ways: ReadonlyArray<readonly [name: string, target: ExportTarget, options: ExportOptions]> =
  targets
    .filter(({ name }) => /^(?:onnx|safetensors|policy)$/u.test(name))
    .flatMap((target) => [
      [target.name, target, usualOptions] as const,
      ...(target.name === "onnx"
        ? [
            ["onnx --input uint8", target, { ...usualOptions, input: "uint8" as const }] as const,
            ["onnx --emulate", target, { ...usualOptions, emulate: true }] as const,
            [
              "onnx --flavour standard",
              target,
              { ...usualOptions, flavour: "standard" as const },
            ] as const,
          ]
        : []),
    ])

const count = 32
const isFew = (images: number): boolean => images <= count / 4
let written = 0

const write = (
  at: string,
  model: FoundModel,
  target: ExportTarget,
  options: ExportOptions,
): void => {
  for (const { path, parts } of target.write(model, options)) {
    const file = path === "" ? at : join(at, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, Buffer.concat(parts))
  }
}

/** What is wrong with an export; undefined where all is right, and where nothing can run it. */
const problemOf = async (
  model: FoundModel,
  target: ExportTarget,
  options: ExportOptions,
): Promise<unknown> => {
  const at = join(folder, `${written++}.${target.name}`)
  write(at, model, target, options)
  const runner = await target.open?.(at, model, options)
  if (runner === undefined) return undefined
  if ("notRun" in runner) return runner
  const child = openChild(model)
  const batch = { images: drawImages(model.network, count, 5), count }
  const verified = await compare(child, runner, model.network.graph.classes, [batch])
  await runner.close()
  child.dispose()
  return verified.passed && verified.images === count ? undefined : verified
}

/** Compares a file of `exported`, or the fast way to run it, with a model on random images. */
const comparedWith = async (model: FoundModel, exported: FoundModel, isFast: boolean) => {
  const at = join(folder, `${written++}.file`)
  write(at, exported, OnnxTarget, usualOptions)
  const fast = isFast ? await OnnxTarget.openFast!(at, exported, usualOptions) : undefined
  const runner = fast?.runner ?? (await OnnxTarget.open!(at, exported, usualOptions))
  if ("notRun" in runner) throw new Error(runner.notRun)
  const child = openChild(fast?.model ?? model)
  const batch = { images: drawImages(model.network, count, 5), count }
  const verified = await compare(child, runner, model.network.graph.classes, [batch])
  await runner.close()
  child.dispose()
  return { verified, isFast: fast !== undefined }
}

describe("kernels that multiply integers", () => {
  it.each(["ResNet-20, INT", "inverted residuals, joint", "Inception"])("%s", async (name) => {
    const onlyIntegers = withFormats(spaces[name]!, "{ oneOf: [INT4, INT5, INT6, INT8] }")
    const model = modelOf(onlyIntegers, drawn(1))
    expect(await comparedWith(model, model, true)).toMatchObject({
      isFast: true,
      verified: { passed: true, images: count },
    })
  })
})

/** What is wrong with a file that is written of these. */
const mistakes: Readonly<Record<string, (model: FoundModel) => FoundModel>> = {
  "the scale of an input off by 3 %": (model) => {
    const amax = model.amax.slice()
    amax[21]! *= 1.03
    return { ...model, amax }
  },
  "two channels of a weight swapped": (model) => {
    const name = "stage2.1.conv1.weight"
    const { shape, values } = model.weights.get(name)!
    const last = shape.at(-1)!
    const swapped = values.map((_, i) => values[i % last < 2 ? i + 1 - 2 * (i % last) : i]!)
    return { ...model, weights: new Map(model.weights).set(name, { shape, values: swapped }) }
  },
  "an input without its clip": (model) => {
    const { layers } = model.network.table
    const wide = layers.map((layer) =>
      layer.path === "stage2.1.conv1" ? { ...layer, activationFormat: eightBits } : layer,
    )
    const site = 2 * layers.findIndex(({ path }) => path === "stage2.1.conv1") + 1
    const amax = model.amax.slice()
    const { hi } = layers[(site - 1) / 2]!.activationFormat.formats[0]!
    amax[site]! *= 127 / hi
    return { ...model, amax, network: { ...model.network, table: { layers: wide } } }
  },
}
const eightBits = { decision: null, formats: [parse("INT8")!], overridden: false }

describe("a file is refused that has", () => {
  it.each(Object.entries(mistakes))("%s", async (_, mistake) => {
    const yaml = withFormats(spaces["ResNet-20, INT"]!, "{ oneOf: [INT6] }")
    const drawnModel = modelOf(yaml, drawn(1))
    // Scales below the largest values, as clipping rules find them: many values saturate.
    const model = { ...drawnModel, amax: drawnModel.amax.map((amax) => amax / 2) }
    const { verified } = await comparedWith(model, mistake(model), false)
    expect(verified).toMatchObject({ passed: false, images: count })
    expect((await comparedWith(model, model, false)).verified).toMatchObject({ passed: true })
  })
})

describe.each(Object.entries(spaces))("%s", (_, yaml) => {
  it.each(ways)("--to %s", async (_, target, options) => {
    for (const seed of target.name === "onnx" && options === usualOptions ? [1, 2] : [1])
      expect(await problemOf(modelOf(yaml, drawn(seed)), target, options)).toBeUndefined()
  })
})

it("onnx.checker passes on all of them, with strict shape inference", ({ skip }) => {
  skip(withoutOnnx !== undefined)
  const { files } = runPython(onnxEnvironment.python, "checkOnnx.py", folder) as {
    readonly files: Readonly<Record<string, { readonly problem?: string }>>
  }
  const problems = Object.values(files).filter(({ problem }) => problem !== undefined)
  expect(problems).toEqual([])
  expect(Object.keys(files)).toHaveLength((2 + 3) * Object.keys(spaces).length)
}, 600_000)

it("--to pytorch, all in one process", ({ skip }) => {
  skip(missing !== undefined)
  const all = new Map(Object.values(spaces).map((yaml, i) => [String(i), modelOf(yaml, drawn(1))]))
  const folders = join(folder, "pytorch")
  for (const [name, model] of all) {
    write(join(folders, name), model, PyTorchTarget, usualOptions)
    const { channels, height, width } = model.network.graph.input
    const shape = [count, height, width, channels]
    const bytes = drawImages(model.network, count, 5)
    const given = Container.encode([{ name: "bytes", dtype: "U8", shape, bytes }])
    writeFileSync(join(folders, name, "images.safetensors"), Buffer.concat(given))
  }
  const ran = runPython(python, "runFolders.py", folders) as Readonly<
    Record<string, ReadonlyArray<ReadonlyArray<number>>>
  >
  for (const [name, model] of all) {
    const child = openChild(model)
    const ours = child.logits({ images: drawImages(model.network, count, 5), count })
    child.dispose()
    const theirs = Float32Array.from(ran[name]!.flat())
    expect([name, differing(ours, theirs, count, 0.05)]).toEqual([name, expect.toSatisfy(isFew)])
  }
}, 600_000)
