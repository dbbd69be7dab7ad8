/**
 * The table of `docs/export.md`: what every format becomes in the files of every target, read out of files that are written
 * for it, one dense layer each. Left out: writing the page (`generate-schemas.ts`).
 */
import { fromBinary } from "@bufbuild/protobuf"
import { ModelProtoSchema, TensorProto_DataType } from "onnx-buf"
import { parse as parseYaml } from "yaml"
import { Schema } from "effect"
import { type ExportedFile, type ExportOptions, usualOptions } from "../src/export/Target.ts"
import { targetNamed } from "../src/export/Exports.ts"
import type { FoundModel } from "../src/export/FoundModel.ts"
import { names, parse } from "../src/format/Formats.ts"
import { build } from "../src/network/Build.ts"
import { activationSites, formatSites } from "../src/network/Sites.ts"
import { Space } from "../src/network/SpaceFile.ts"
import { randomStream } from "../src/space/RandomStream.ts"
import { extract } from "../src/supernet/Child.ts"
import { variableShapes } from "../src/supernet/Variables.ts"
import { type PageSection, withSection } from "./page-section.ts"

const spaceOf = (format: string): string => {
  const { block, zeroPoint } = parse(format)!
  const scale = block?.scale === "E8M0" ? ", scale: { sharedExponent: even }" : ""
  const weights = zeroPoint === undefined ? format : "FP32"
  return `{ name: layer, input: { height: 1, width: 1, channels: 40 }, classes: 4,
    network: [ { globalAveragePool: {} }, { dense: { name: layer, units: classes } } ],
    formats: { weights: ${weights}, activations: ${format}${scale} } }`
}

/** A network of one layer, `layer`, in this format; its weights are random, and not rounded where it is for inputs alone. */
const modelOf = (format: string): FoundModel => {
  const space = Schema.decodeUnknownSync(Space)(parseYaml(spaceOf(format)))
  const { network: whole, problems } = build(space)
  if (whole === undefined) throw new Error(problems.map(({ message }) => message).join("; "))
  const network = extract(whole, [])
  const random = randomStream(1, "table")
  const amax = new Float32Array(formatSites(network).length)
  for (const { site } of activationSites(network)) amax[site] = 1
  return {
    network,
    weights: new Map(
      [...variableShapes(network)].map(([name, shape]) => [
        name,
        {
          shape,
          values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
            random.normal(),
          ),
        },
      ]),
    ),
    amax,
    zeroPoints: new Float32Array(amax.length).fill(1),
    assignment: {},
    space,
    classNames: ["a", "b", "c", "d"],
    preprocessing: { mean: Array<number>(40).fill(0), std: Array<number>(40).fill(1) },
    trial: "0123456789abcdef",
    version: "table",
  }
}

const write = (
  target: string,
  model: FoundModel,
  options: ExportOptions,
): ReadonlyArray<ExportedFile> => targetNamed(target)!.write(model, options)

const bytesOf = (files: ReadonlyArray<ExportedFile>, path: string): Buffer =>
  Buffer.concat(files.find((file) => file.path === path)!.parts)

/** What the metadata of a file says that it stores for the layer. */
const storedIn = (metadata: Readonly<Record<string, string>>): string =>
  JSON.parse(metadata["fliqs.stored"]!)["layer"].stored

const onnxOf = (model: FoundModel, options: ExportOptions) => {
  const file = fromBinary(ModelProtoSchema, bytesOf(write("onnx", model, options), ""))
  const metadata = Object.fromEntries(file.metadataProps.map(({ key, value }) => [key, value]))
  const { initializer, node } = file.graph!
  const rounding = node.filter(({ name }) => name.startsWith("layer.input."))
  const coded = rounding.find(({ opType }) => opType === "QuantizeLinear")
  const zero = initializer.find(({ name }) => name === coded?.input[2])
  const isCut = rounding.some(({ opType }) => opType === "Clip")
  const input =
    rounding.length === 0
      ? "as they are"
      : zero !== undefined
        ? `${TensorProto_DataType[zero.dataType]!}${isCut ? ", Clip" : ""}`
        : rounding.every(({ opType }) => /^(?:Clip|Cast)$/u.test(opType))
          ? "Cast"
          : "arithmetic"
  return { weights: storedIn(metadata), input, opset: Number(file.opsetImport[0]!.version) }
}

const tfjsOf = (model: FoundModel): string => {
  const { userDefinedMetadata } = JSON.parse(
    bytesOf(write("tfjs", model, usualOptions), "model.json").toString(),
  )
  return storedIn(userDefinedMetadata)
}

const savedModelOf = (model: FoundModel): string =>
  storedIn(
    JSON.parse(
      bytesOf(write("savedmodel", model, usualOptions), "assets.extra/fliqs.json").toString(),
    ),
  )

const pytorchOf = (model: FoundModel): string =>
  /(?:weights|activations)=Quantize\(/u.test(
    bytesOf(write("pytorch", model, usualOptions), "model.py").toString(),
  )
    ? "emulated"
    : "real"

const same = (one: string, other: string): string => (one === other ? "the same" : one)

const cellsOf = (format: string): ReadonlyArray<string> => {
  const model = modelOf(format)
  const { input, opset, weights } = onnxOf(model, usualOptions)
  const emulates = "inputs emulated"
  if (parse(format)!.zeroPoint !== undefined)
    return [
      "none",
      input,
      String(opset),
      "the same",
      "the same",
      emulates,
      emulates,
      pytorchOf(model),
    ]
  const standard = onnxOf(model, { ...usualOptions, flavour: "standard" })
  const emulated = onnxOf(model, { ...usualOptions, emulate: true })
  return [
    weights,
    input,
    String(opset),
    standard.weights === weights ? "the same" : `${standard.weights}, opset ${standard.opset}`,
    same(emulated.weights, weights),
    tfjsOf(model),
    savedModelOf(model),
    pytorchOf(model),
  ]
}

const heading = [
  "format",
  "`onnx`: weights",
  "inputs, scale of the tensor",
  "opset",
  "`--flavour standard`",
  "`--emulate`",
  "`tfjs`",
  "`savedmodel`",
  "`pytorch`",
]

/** Formats whose cells agree share a line. */
const exportTable = (): string => {
  const lines = new Map<string, Array<string>>()
  for (const name of names) {
    const cells = cellsOf(name).join(" | ")
    lines.set(cells, [...(lines.get(cells) ?? []), name])
  }
  return [
    `| ${heading.join(" | ")} |`,
    `|${"---|".repeat(heading.length)}`,
    ...[...lines].map(([cells, formats]) => `| ${formats.join(", ")} | ${cells} |`),
    "",
  ].join("\n")
}

const formats: PageSection = {
  begin: "<!-- formats: written by npm run schemas -->\n",
  end: "<!-- end of formats -->",
}

/** `docs/export.md` with the table as it is. */
export const withExportTable = (page: string): string => withSection(page, formats, exportTable())
