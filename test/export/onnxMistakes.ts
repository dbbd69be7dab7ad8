/**
 * Every number of a written ONNX file against the network's own: codes of weights, what onnxruntime makes of them, and how
 * the file rounds the inputs of layers and of attention's products.
 */
import { codesOf, isCoded } from "../../src/export/Codes.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { normalised } from "../../src/export/onnx/OnnxRuntime.ts"
import { rowLength } from "../../src/format/Row.ts"
import { isLayerNode, type LayerNode, productOperands } from "../../src/network/Graph.ts"
import { formatSites, productsOf, siteOf } from "../../src/network/Sites.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import { fakeQuantize } from "../../src/quantizer/FakeQuantize.ts"
import { rowsUnder } from "../../src/supernet/FormatRows.ts"
import { quantizeOperand } from "../../src/supernet/OperandScale.ts"
import { tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D } from "../../src/tensor/Backend.ts"
import { codesIn, readOnnx, type Result, runPlainly, withOutputs } from "./onnxFile.ts"

type File = ReturnType<typeof readOnnx>

const layersOf = ({ network }: FoundModel): ReadonlyArray<LayerNode> =>
  network.graph.nodes.filter(isLayerNode)

/** What the norm behind a layer multiplies each output channel with, which is in the file's weight; 1 where there is none. */
const gainOf = (model: FoundModel, node: LayerNode): ((channel: number) => number) => {
  const norm = `${node.path}.norm`
  const [gamma, variance] = ["gamma", "variance"].map(
    (name) => model.weights.get(`${norm}.${name}`)?.values,
  )
  return (c) => (gamma === undefined ? 1 : gamma[c]! / Math.sqrt(variance![c]! + 1e-5))
}

/** The output channel of an element of the file's weight: [out, ...], of a dense layer [in, out]. */
const channelOf = (node: LayerNode, length: number, outputs: number) => (place: number) =>
  node.operation === "dense" ? place % outputs : Math.floor(place / (length / outputs))

/** An activation before the input of a layer that the file leaves to the bounds of its codes. */
const boundBefore = ({ network }: FoundModel, file: File, node: LayerNode) => {
  const before = network.graph.nodes[node.inputs[0]!]!
  return before.operation === "activation" &&
    !file.graph!.node.some(({ output }) => output.includes(before.path))
    ? before.activation
    : undefined
}

/** The node of the file that multiplies for a layer. */
const productOf = (file: File, { path }: LayerNode) => {
  const node = file.graph!.node.find(
    ({ name, opType }) => name === path && /^(?:Conv|MatMul)$/u.test(opType),
  )
  if (node === undefined) throw new Error(`the file has no product ${path}`)
  return { input: node.input[0]!, weight: node.input[1]! }
}

/** What enters the nodes that round an operand, and what leaves them; undefined where nothing is rounded. */
const roundingOf = (file: File, name: string) => {
  const nodes = file.graph!.node.filter((node) => node.name.startsWith(`${name}.`))
  return nodes.length === 0
    ? undefined
    : { from: nodes[0]!.input[0]!, to: nodes.at(-1)!.output[0]! }
}

const bitsOf = (values: Float32Array): Int32Array =>
  new Int32Array(values.buffer, values.byteOffset, values.length).slice()

/** Places where two arrays of float32 numbers have other bits, with both numbers; the first three. */
const differencesOf = (ours: Float32Array, theirs: Float32Array): ReadonlyArray<string> => {
  if (ours.length !== theirs.length) return [`${theirs.length} values, not ${ours.length}`]
  // Whether a zero has a sign changes no product: the files leave it as it comes out.
  const [a, b] = [ours, theirs].map((values) => bitsOf(values.map((value) => value + 0)))
  return [...a!.keys()]
    .filter((i) => a![i] !== b![i])
    .slice(0, 3)
    .map((i) => `${i}: ${theirs[i]}, not ${ours[i]}`)
}

/** Values of a tensor with its axes in another order. */
const ordered = (x: Tensor, order: ReadonlyArray<number>): Float32Array =>
  (tf.transpose(x, [...order]).dataSync() as Float32Array).slice()

/** Axes of a weight in ONNX. */
const weightOrder = ({ operation }: LayerNode): ReadonlyArray<number> => {
  if (operation === "dense") return [0, 1]
  return operation === "depthwiseConv" ? [2, 3, 0, 1] : [3, 2, 0, 1]
}

/** Rows and frozen magnitudes of a model as its layers take them. */
const policyOf = (model: FoundModel) => {
  const { amax, network } = model
  const rows = [...rowsUnder(formatSites(network), [], model)]
  return {
    rows: tf.tensor2d(rows, [rows.length / rowLength, rowLength]) as Tensor2D,
    amax: tf.tensor1d(amax.slice()) as Tensor1D,
  }
}

/** What the file says that it stores for each layer. */
const storedIn = (file: File): Readonly<Record<string, string>> => {
  const { value } = file.metadataProps.find(({ key }) => key === "fliqs.stored")!
  const said = JSON.parse(value) as Readonly<Record<string, { readonly stored: string }>>
  return Object.fromEntries(Object.entries(said).map(([path, { stored }]) => [path, stored]))
}

/** What the file stores for a weight: all of its codes that are not the quantizer's. */
const wrongCodesOf = (model: FoundModel, file: File, node: LayerNode): ReadonlyArray<string> => {
  const layer = model.network.table.layers[node.layer]!
  const weight = model.weights.get(`${node.path}.weight`)!
  const expected = codesOf(weight, layer)
  if (!isCoded(expected)) return []
  const storage = storedIn(file)[node.path]
  const inFile = file.graph!.initializer.find(({ name }) => name === `${node.path}.weight.codes`)
  // emulated: values, which `wrongValues` compares
  if (inFile === undefined && storage === "FLOAT, fake-quantized") return []
  if (inFile === undefined) return [`no codes for ${node.path}`]
  const codes = codesIn(inFile)
  const turned = tf.tidy(() =>
    ordered(tf.tensor(expected.codes, [...expected.shape], "float32"), weightOrder(node)),
  )
  const gain = gainOf(model, node)
  const channel = channelOf(node, codes.length, valueOf(layer.outputs, []))
  const isNegated = [...codes.keys()].map((i) => gain(channel(i)) < 0)
  // Where a gain is below 0 the codes are those of the negative weight, whose scale stays above 0.
  const negative = { shape: weight.shape, values: weight.values.map((value) => -value) }
  const other = codesOf(negative, layer)
  const negated = tf.tidy(() =>
    ordered(
      tf.tensor(isCoded(other) ? other.codes : [], [...expected.shape], "float32"),
      weightOrder(node),
    ),
  )
  const takesGain = inFile !== undefined && !hasOwnGain(file, node)
  return [...turned.keys()]
    .filter((i) => codes[i] !== (isNegated[i] === true && takesGain ? negated[i] : turned[i]))
    .slice(0, 3)
    .map((i) => `code ${i} of ${node.path} is ${codes[i]}, not ${turned[i]}`)
}

/** Whether the file multiplies a weight with the gain, since its scales cannot take it in. */
const hasOwnGain = (file: File, { path }: LayerNode): boolean =>
  file.graph!.initializer.some(({ name }) => name === `${path}.weight.gain`)

/** The same of all layers of a file, which need not run. */
export const wrongCodes = (model: FoundModel, bytes: Uint8Array): ReadonlyArray<string> => {
  const file = readOnnx(bytes)
  return layersOf(model).flatMap((node) => wrongCodesOf(model, file, node))
}

/** What onnxruntime makes of a layer's weight, and of its input, against our kernels. */
const wrongValues = (
  model: FoundModel,
  file: File,
  node: LayerNode,
  results: Readonly<Record<string, Result>>,
): ReadonlyArray<string> =>
  tf.tidy(() => {
    const layer = model.network.table.layers[node.layer]!
    const ours = (x: Tensor, operand: "weights" | "activations") =>
      quantizeOperand(x, {
        ...policyOf(model),
        operand,
        layer,
        site: siteOf(node.layer, operand),
        mode: "infer",
      })
    const { shape, values } = model.weights.get(`${node.path}.weight`)!
    const weight = ours(tf.tensor(values, [...shape]), "weights")
    const theirs = results[productOf(file, node).weight]!.data
    const gain = gainOf(model, node)
    const channel = channelOf(node, theirs.length, valueOf(layer.outputs, []))
    const plain = ordered(weight, weightOrder(node))
    // Without a norm bit for bit; else the gain is rounded, and so is what it is multiplied with.
    const isPlain = model.weights.get(`${node.path}.norm.gamma`) === undefined
    const wrong = (
      isPlain
        ? differencesOf(plain, theirs)
        : [...plain.keys()]
            .filter((i) => {
              const expected = plain[i]! * gain(channel(i))
              return !(Math.abs(theirs[i]! - expected) <= 2 ** -21 * Math.abs(expected))
            })
            .slice(0, 3)
            .map((i) => `${i}: ${theirs[i]}, not ${plain[i]! * gain(channel(i))}`)
    ).map((words) => `weight of ${node.path} ${words}`)
    const rounding = roundingOf(file, `${node.path}.input`)
    if (rounding === undefined) return wrong
    const given = results[rounding.from]!
    // channels last, as we have them
    const isImage = given.dims.length === 4
    const bound = boundBefore(model, file, node)
    const [least, most] = [bound === undefined ? -Infinity : 0, bound === "relu6" ? 6 : Infinity]
    const x = tf.tensor(
      given.data.map((value) => Math.min(most, Math.max(least, value))),
      [...given.dims],
    )
    const input = ours(isImage ? tf.transpose(x, [0, 2, 3, 1]) : x, "activations")
    const back = isImage ? [0, 3, 1, 2] : given.dims.map((_, i) => i)
    return [
      ...wrong,
      ...differencesOf(ordered(input, back), results[rounding.to]!.data).map(
        (words) => `input of ${node.path} ${words}`,
      ),
    ]
  })

/** How the file rounds the operands of attention's products, against our kernels. */
const wrongProducts = (
  model: FoundModel,
  file: File,
  results: Readonly<Record<string, Result>>,
): ReadonlyArray<string> =>
  productsOf(model.network).flatMap(({ path, site }) =>
    productOperands.flatMap((operand, k) => {
      const rounding = roundingOf(file, `${path}.${operand}`)
      if (rounding === undefined) return []
      return tf.tidy(() => {
        const { data, dims } = results[rounding.from]!
        // the file rounds keys turned: [batch, heads, channels, tokens]
        const order = operand === "key" ? [0, 1, 3, 2] : [0, 1, 2, 3]
        const x = tf.transpose(tf.tensor(data, [...dims]), order)
        const { amax, rows } = policyOf(model)
        const rounded = fakeQuantize(x, rows, site + k, amax, {
          blockAxis: operand === "value" ? 2 : 3,
        })
        return differencesOf(ordered(rounded, order), results[rounding.to]!.data).map(
          (words) => `${path}.${operand} ${words}`,
        )
      })
    }),
  )

interface Inspected {
  readonly logits: Float32Array
  readonly mistakes: ReadonlyArray<string>
}

/**
 * Everything about a file with float32 images that is not as the network has it, and the logits of a run in which nothing
 * is fused. `images`: bytes [count, height, width, channels].
 */
export const inspect = async (
  model: FoundModel,
  bytes: Uint8Array,
  raw: Uint8Array,
  count: number,
): Promise<Inspected> => {
  const file = readOnnx(bytes)
  const nodes = layersOf(model)
  const roundings = [
    ...nodes.map(({ path }) => roundingOf(file, `${path}.input`)),
    ...productsOf(model.network).flatMap(({ path }) =>
      productOperands.map((operand) => roundingOf(file, `${path}.${operand}`)),
    ),
  ].flatMap((rounding) => (rounding === undefined ? [] : [rounding.from, rounding.to]))
  const wanted = [...nodes.map((node) => productOf(file, node).weight), ...roundings]
  const asked = [...new Set(wanted)].filter((name) => name !== "images")
  const { channels, height, width } = model.network.graph.input
  const shape = [count, channels, height, width]
  const images = normalised(raw, count, model)
  const ran = await runPlainly(withOutputs(file, asked), images, shape)
  const results = { ...ran, images: { data: images, dims: shape } }
  return {
    logits: ran["logits"]!.data,
    mistakes: [
      ...nodes.flatMap((node) => wrongCodesOf(model, file, node)),
      ...nodes.flatMap((node) => wrongValues(model, file, node, results)),
      ...wrongProducts(model, file, results),
    ],
  }
}
