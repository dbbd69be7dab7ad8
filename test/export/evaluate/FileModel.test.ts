/** What the metadata of a file gives back, and what a session must take and give. */
import { describe, expect, it } from "vitest"
import { fileModelOf, Unreadable } from "../../../src/export/evaluate/FileModel.ts"
import { drawnModel, floatNetwork } from "../../../src/export/evaluate/FloatTwin.ts"
import { readOnnx } from "../../../src/export/evaluate/ReadOnnx.ts"
import { interfaceOf } from "../../../src/export/evaluate/SplitAccuracy.ts"
import { writeOnnx } from "../../../src/export/onnx/OnnxModel.ts"
import { build } from "../../../src/network/Build.ts"
import { isLayerNode } from "../../../src/network/Graph.ts"
import { productsOf } from "../../../src/network/Sites.ts"
import { narrowestChoices, toAssignment } from "../../../src/space/DecisionSpace.ts"
import { extract } from "../../../src/supernet/Child.ts"
import { decodeSpace } from "../../network/fixture.ts"
import { usualOptions } from "../../../src/export/Target.ts"

const space = decodeSpace(`
name: described
input: { height: 8, width: 12, channels: 3 }
classes: 3
network:
  - patchEmbed: { name: embed, patch: 4, heads: { oneOf: [1, 2] }, headDim: 4 }
  - transformer: { mlpRatio: 2, attentionProducts: INT8 }
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT4, INT8], scale: { granularity: channel } }
`)
const whole = build(space).network!
const choices = narrowestChoices(whole.space)
const model = drawnModel(extract(whole, choices), {
  assignment: toAssignment(whole.space, choices),
  space,
  classNames: ["cat", "dog", "emu"],
  preprocessing: { mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.25] },
  trial: "0123456789abcdef",
  version: "0.1.0",
})

const file = (() => {
  const read = readOnnx(writeOnnx(model, usualOptions))
  if (typeof read === "string") throw new Error(read)
  return read
})()

const changed = (key: string, text: string | undefined) => {
  const metadata = new Map(file.metadata)
  if (text === undefined) metadata.delete(key)
  else metadata.set(key, text)
  return fileModelOf(metadata)
}

describe("the metadata of a file", () => {
  it("gives the names, the images and the network back", () => {
    const { network, ...found } = fileModelOf(file.metadata)
    expect(found).toMatchObject({
      trial: "0123456789abcdef",
      classNames: model.classNames,
      preprocessing: model.preprocessing,
      size: [8, 12, 3],
      missing: [],
    })
    if (typeof network === "string") throw new Error(network)
    expect(network.table).toEqual(model.network.table)
    expect(network.graph).toEqual(model.network.graph)
  })

  it("names what is missing, and does without", () => {
    expect(changed("fliqs.std", undefined)).not.toHaveProperty("preprocessing")
    expect(changed("fliqs.std", undefined).missing).toEqual(["fliqs.std"])
    expect(changed("fliqs.space", undefined).network).toBe("its metadata has no fliqs.space")
    expect(fileModelOf(new Map())).toEqual({
      layers: {},
      sessionOptions: {},
      network: "its metadata has no fliqs.space",
      missing: ["fliqs.classes", "fliqs.mean", "fliqs.std", "fliqs.size"],
    })
  })

  it("gives no network of which this fliqs would make another", () => {
    const text = file.metadata.get("fliqs.stored")!
    expect(changed("fliqs.stored", text.replace("INT4", "INT8")).network).toMatch(
      /makes another network of its fliqs\.space \(layer embed/u,
    )
    const fewer = JSON.parse(text) as Record<string, unknown>
    delete fewer["classifier"]
    expect(changed("fliqs.stored", JSON.stringify(fewer)).network).toMatch(/layer classifier/u)
    expect(changed("fliqs.assignment", "{}").network).toMatch(/does not fit fliqs\.space/u)
    expect(changed("fliqs.space", '{ "network": 3 }').network).toMatch(/cannot read/u)
  })

  it("must be JSON of the right shape", () => {
    expect(() => changed("fliqs.size", "[8, 12]")).toThrow(Unreadable)
    expect(() => changed("fliqs.classes", "cat")).toThrow("its metadata has fliqs.classes: cat")
  })
})

describe("the FP32 twin", () => {
  it("rounds nothing", () => {
    const twin = floatNetwork(model.network)
    const formats = twin.table.layers.flatMap(({ activationFormat, weightFormat }) =>
      [activationFormat, weightFormat].map((slot) => slot.formats[0]!.name),
    )
    expect(new Set(formats)).toEqual(new Set(["FP32"]))
    expect(productsOf(model.network).length).toBe(1)
    expect(productsOf(twin)).toEqual([])
    expect(twin.graph.nodes.filter(isLayerNode).length).toBe(twin.table.layers.length)
  })
})

describe("a session", () => {
  const images = { name: "x", isTensor: true, type: "float32", shape: ["batch", 3, 8, 12] }
  const logits = { name: "y", isTensor: true, type: "float32", shape: ["batch", 3] }

  it("takes images with their channels first, or bytes with them last", () => {
    const common = { input: "x", batch: undefined, classes: 3 }
    expect(interfaceOf({ inputs: [images], outputs: [logits] })).toEqual({
      ...common,
      type: "float32",
      size: [8, 12, 3],
    })
    const bytes = { ...images, type: "uint8", shape: [4, "h", "w", 3] }
    expect(interfaceOf({ inputs: [bytes], outputs: [logits] })).toEqual({
      ...common,
      batch: 4,
      type: "uint8",
      size: [undefined, undefined, 3],
    })
  })

  it.each([
    [[], [logits], "it takes nothing; one input would be right"],
    [[images, logits], [logits], "it takes x: float32 [batch, 3, 8, 12]; y: float32 [batch, 3]"],
    [[{ ...images, shape: [1, 96] }], [logits], "it takes x: float32 [1, 96]; one input"],
    [[{ ...images, type: "int64" }], [logits], "it takes x: int64 [batch, 3, 8, 12]; float32"],
    [[images], [images], "it gives x: float32 [batch, 3, 8, 12]; float32 [batch, classes]"],
    [[images], [], "it gives nothing; float32 [batch, classes] would be right"],
  ])("of other things is refused %#", (inputs, outputs, words) => {
    expect(interfaceOf({ inputs, outputs })).toContain(words)
  })
})

describe("bytes", () => {
  it("that are no ONNX file are told as such", () => {
    expect(readOnnx(Buffer.from("name: space\n"))).toBe("it is no ONNX file")
    expect(readOnnx(new Uint8Array(0))).toBe("it is no ONNX file")
  })
})
