/** Written graph models and SavedModels run by TensorFlow.js on WebAssembly and by TensorFlow, against the child network. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { codesOf, valuesOf } from "../../src/export/Codes.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import {
  type ExportOptions,
  type ExportTarget,
  Refused,
  usualOptions,
} from "../../src/export/Target.ts"
import { savedModelFile } from "../../src/export/tensorflow/SavedModelFile.ts"
import { SavedModelTarget } from "../../src/export/tensorflow/SavedModelTarget.ts"
import { tensorFlowModel } from "../../src/export/tensorflow/TensorFlowModel.ts"
import { TfjsTarget } from "../../src/export/tensorflow/TfjsTarget.ts"
import type { Verified } from "../../src/export/Verify.ts"
import { names, parse } from "../../src/format/Formats.ts"
import { narrowestChoices, widestChoices } from "../../src/space/DecisionSpace.ts"
import { tf } from "../../src/tensor/Backend.ts"
import * as tiny from "../supernet/tiny.ts"
import { loadBackend } from "../tensor/support.ts"
import { modelOf } from "./models.ts"
import { exampleOf } from "./page.ts"
import { asPairs, compared, convolutions, expectSame, first } from "./verified.ts"

beforeAll(() => loadBackend(true))
const folder = mkdtempSync(join(tmpdir(), "fliqs-tensorflow-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let written = 0

const exported = (target: ExportTarget, model: FoundModel, options: ExportOptions): string => {
  const at = join(folder, String(written++))
  for (const { path, parts } of target.write(model, options)) {
    const file = join(at, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, Buffer.concat(parts))
  }
  return at
}

const verify = async (
  target: ExportTarget,
  model: FoundModel,
  options: ExportOptions = usualOptions,
): Promise<Verified> => {
  const at = exported(target, model, options)
  const tensors = tf.memory().numTensors
  const runner = await target.open!(at, model, options)
  if ("notRun" in runner) throw new Error(runner.notRun)
  const verified = await compared(model, runner)
  expect(tf.memory().numTensors).toBe(tensors)
  return verified
}

const targets = [TfjsTarget, SavedModelTarget]

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
formats: { oneOf: [${asPairs(format)}], scale: { sharedExponent: floor${scale} } }
`

describe.each(targets)("--to $name", (target) => {
  it.each(Object.entries(tiny))("gives the network's logits: %s", async (_, yaml) => {
    for (const choicesOf of [widestChoices, narrowestChoices])
      for (const input of ["float32", "uint8"] as const) {
        const model = modelOf(yaml, ({ space }) => choicesOf(space))
        expectSame(await verify(target, model, { ...usualOptions, input }))
      }
  })

  // The graph is the same one for both: the second target has another way to store the constants.
  const tried = names.filter((name) => target === TfjsTarget || !/^E[1-7]M[0-6]$/u.test(name))
  it.each(tried)("%s: convolutions and attention", async (name) => {
    expectSame(await verify(target, modelOf(convolutions("", name), first)))
    expectSame(await verify(target, modelOf(tokens("", name), first)))
  })

  it.each(["MXFP4", "MXFP8E4M3", "MXINT8"])("%s under the rule roundUp", async (name) => {
    const yaml = convolutions("", name).replace("floor", "roundUp")
    expectSame(await verify(target, modelOf(yaml, first)))
  })

  it("formats with the same largest value, each with its own table", async () => {
    const yaml = convolutions("", "E5M2, E5M2FNUZ, E4M3")
    const model = modelOf(yaml, ({ space }) => space.decisions.map((_, i) => i % 3))
    expectSame(await verify(target, model))
  })

  const few = [
    "INT2",
    "INT3",
    "INT4",
    "INT8",
    "INT12",
    "UINT4",
    "UINT12",
    "E2M1",
    "E3M2",
    "E4M3",
    "BF16",
  ]
  it.each(few)("%s: a scale for a channel, a token, a block", async (name) => {
    for (const granularity of [
      "{ weights: channel, activations: tensor }",
      "{ weights: block, activations: block }, blockSize: 8",
    ]) {
      const yaml = convolutions(`, granularity: ${granularity}`, name)
      expectSame(await verify(target, modelOf(yaml, first)))
    }
    const perToken = ", granularity: { weights: channel, activations: token }"
    expectSame(await verify(target, modelOf(tokens(perToken, name, "FP32"), first)))
  })

  it("stores formats without a type as floats under --emulate", async () => {
    const options = { ...usualOptions, emulate: true }
    expectSame(await verify(target, modelOf(convolutions("", "E4M3"), first), options))
  })

  it.each(["INT2", "INT5", "INT8"])("%s: inputs from 0 up", async (name) => {
    const yaml = convolutions(", unsignedAfterRelu: true", name)
    expectSame(await verify(target, modelOf(yaml, first)))
  })

  it.each(["floor", "ceil", "even"])("block scales by the rule %s", async (rule) => {
    const yaml = convolutions("", "MXFP4").replace("floor", rule)
    expectSame(await verify(target, modelOf(yaml, first)))
  })

  it.each(["mse", "{ percentile: 99 }", "learned"])("scales by the rule %s", async (rule) => {
    const yaml = convolutions(`, rule: ${rule}`, "INT4")
    expectSame(await verify(target, modelOf(yaml, first)))
  })

  it("a stride beyond the kernel, on one axis or both", async () => {
    for (const kernel of ["[2, 5]", "[5, 2]", "2"]) {
      const yaml = convolutions("", "INT8").replace(
        "kernel: 3, stride: 2",
        `kernel: ${kernel}, stride: 4`,
      )
      expectSame(await verify(target, modelOf(yaml, first)))
    }
  })

  it("refuses a rule that it has no operations for", () => {
    const granularity = "granularity: { weights: channel, activations: token }"
    const model = modelOf(tokens(`, ${granularity}, rule: mse`, "INT4", "FP32"), first)
    expect(() => target.write(model, usualOptions)).toThrow(Refused)
  })
})

/** What TensorFlow.js reads of these files. */
const artifactsOf = (files: ReturnType<ExportTarget["write"]>) => {
  const [topology, ...shards] = files.map(({ parts }) => Buffer.concat(parts))
  const { weightsManifest, ...others } = JSON.parse(topology!.toString("utf8"))
  const weightData = new Uint8Array(Buffer.concat(shards)).buffer
  return { ...others, weightSpecs: weightsManifest[0].weights, weightData }
}

/** The weights that a graph model multiplies with, by the path of their layer. */
const weightsOf = async (model: FoundModel): Promise<ReadonlyMap<string, Float32Array>> => {
  const artifacts = artifactsOf(TfjsTarget.write(model, usualOptions))
  const graph = await tf.loadGraphModel({ load: async () => artifacts })
  const { channels, height, width } = model.network.graph.input
  const read = tf.tidy(() => {
    const images = tf.zeros([1, height, width, channels])
    return model.network.table.layers.map(({ path }) => {
      const { input } = artifacts.modelTopology.node.find(
        ({ name }: { readonly name: string }) => name === path,
      )
      const weight = graph.execute({ images }, input[1])
      if (Array.isArray(weight)) throw new Error(`${path} has several weights`)
      return [path, (weight.dataSync() as Float32Array).slice()] as const
    })
  })
  graph.dispose()
  return new Map(read)
}

describe("weights", () => {
  // formats with blocks of their own have no others
  const all = names
    .filter((name) => parse(name)!.zeroPoint === undefined)
    .flatMap((name) =>
      (parse(name)!.block === undefined ? ["tensor", "channel", "block"] : ["tensor"]).map(
        (granularity) => [name, granularity] as const,
      ),
    )
  it.each(all)("%s, a scale for a %s: those of the quantizer, bit for bit", async (name, each) => {
    const size = each === "block" ? ", blockSize: 8" : ""
    const yaml = convolutions(`, granularity: ${each}${size}`, name)
    const model = modelOf(yaml, first)
    const read = await weightsOf(model)
    for (const layer of model.network.table.layers) {
      const ours = valuesOf(codesOf(model.weights.get(`${layer.path}.weight`)!, layer))
      // a code has no sign for zero where codes are steps
      const theirs = read.get(layer.path)!
      expect(theirs.length).toBe(ours.length)
      expect([...theirs].findIndex((value, i) => value !== ours[i])).toBe(-1)
    }
  })
})

describe("files", () => {
  it("are read by the lines of docs/export.md in Node", async () => {
    const model = modelOf(
      convolutions("", "INT8").replace("height: 12, width: 12", "height: 32, width: 32"),
      first,
    )
    const code = exampleOf("TensorFlow.js", "js").replace(
      "found",
      exported(TfjsTarget, model, usualOptions),
    )
    const lines: Array<string> = []
    const AsyncFunction = (async () => {}).constructor as FunctionConstructor
    const tensors = tf.memory().numTensors
    await new AsyncFunction("tf", "console", code)(tf, { log: (line: string) => lines.push(line) })
    expect(model.classNames).toContain(lines[0])
    expect(tf.memory().numTensors).toBeGreaterThan(tensors)
  })

  it("carry the names of classes, the assignment and the formats", () => {
    const model = modelOf(tiny.joined, ({ space }) => widestChoices(space))
    const tfjs = exported(TfjsTarget, model, usualOptions)
    const said = JSON.parse(readFileSync(join(tfjs, "model.json"), "utf8")).userDefinedMetadata
    expect(JSON.parse(said["fliqs.classes"])).toEqual(model.classNames)
    expect(JSON.parse(said["fliqs.assignment"])).toEqual(model.assignment)
    const saved = exported(SavedModelTarget, model, usualOptions)
    const beside = JSON.parse(readFileSync(join(saved, "assets.extra", "fliqs.json"), "utf8"))
    expect(Object.keys(beside)).toEqual(Object.keys(said))
  })

  it("are refused where a protocol buffer would be too long", () => {
    const model = modelOf(convolutions("", "INT8"), first)
    const graph = tensorFlowModel(model, usualOptions, { bytes: "DT_UINT8", bfloat16: true })
    const { length } = savedModelFile(graph)
    expect(savedModelFile(graph, length)).toHaveLength(length)
    expect(() => savedModelFile(graph, length - 1)).toThrow(Refused)
  })

  it("have a byte for a weight of up to 8 bits, two for up to 16", () => {
    const bytes = (format: string): number =>
      TfjsTarget.write(modelOf(convolutions("", format), first), usualOptions)
        .filter(({ path }) => path.endsWith(".bin"))
        .flatMap(({ parts }) => parts)
        .reduce((sum, part) => sum + part.length, 0)
    const model = modelOf(convolutions("", "FP32"), first)
    const weights = model.network.table.layers.reduce(
      (sum, { path }) => sum + model.weights.get(`${path}.weight`)!.values.length,
      0,
    )
    const others = bytes("FP32") - 4 * weights
    for (const [format, each] of [
      ["INT4", 1],
      ["E2M1", 1],
      ["E4M3", 1],
      ["INT12", 2],
      ["FP16", 2],
      ["BF16", 4],
    ] as const) {
      const more = bytes(format) - others - each * weights
      expect(more).toBeGreaterThanOrEqual(0)
      // scalars and tables of the rounding
      expect(more).toBeLessThan(4096)
    }
  })
})
