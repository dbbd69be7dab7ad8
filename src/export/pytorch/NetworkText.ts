/**
 * A found network as the text of `class Network(nn.Module)`: a line for each module, a line for each operation, and which
 * variable is which entry of its state.
 */
import type { Format } from "../../format/Format.ts"
import type { Node } from "../../network/Graph.ts"
import type { FoundModel } from "../FoundModel.ts"
import { quantizedOperands, type QuantizedOperand } from "../Operands.ts"
import { type Axes, linesOf, type Placed } from "./Layers.ts"
import type { LayerText } from "./LayersText.ts"
import { pythonNames } from "./Names.ts"

export interface NetworkText {
  /** `INT4 = Format(...)`, a line for each. */
  readonly formats: string
  readonly text: string
  /** Classes and functions it is made of. */
  readonly needs: ReadonlySet<LayerText>
  /** Name of a variable -> its entry in the state. */
  readonly state: ReadonlyMap<string, Pick<Placed, "order"> & { readonly key: string }>
}

/** A number of Python that is no integer, whose size would have no limit. */
const float = (value: number): string =>
  /[.e]/u.test(String(value)) ? String(value) : `${value}.0`

const truth = (is: boolean): string => (is ? "True" : "False")

/** `INT4_UNSIGNED` for the range of an INT4 that cannot be negative. */
const formatName = ({ kind, lo, name }: Format): string =>
  kind === "int" && lo === 0 ? `${name}_UNSIGNED` : name

/** The numbers of a format; of one with a zero point those of its codes. */
const formatLine = (format: Format): string => {
  const { block, mantissaBits, minExponent, negativeZero, scaled, zeroPoint } = format
  const [lo, hi] = zeroPoint === undefined ? [format.lo, format.hi] : [0, format.hi - format.lo]
  const numbers = [
    `mantissa_bits=${mantissaBits}`,
    `min_exponent=${minExponent}`,
    `lo=${float(lo)}`,
    `hi=${float(hi)}`,
    `negative_zero=${truth(negativeZero)}`,
    `scaled=${truth(scaled)}`,
    ...(zeroPoint === undefined ? [] : ["zero_point=True"]),
    ...(block === undefined ? [] : [`block=${block.size}`, `block_scale="${block.scale}"`]),
  ]
  return `${formatName(format)} = Format(${numbers.join(", ")})`
}

/** `Quantize(INT8, amax=2.64)`; undefined for FP32. */
const quantizeText = (operand: QuantizedOperand, axes: Axes): string | undefined => {
  const { blockSize, format, granularity, magnitude, sharedExponent } = operand
  if (format.name === "FP32") return undefined
  const usesBlocks = format.block !== undefined || granularity === "block"
  const axis = usesBlocks ? axes.block : granularity === "channel" ? axes.channel : undefined
  const isRuled = format.scaled && magnitude !== "absmax"
  const options = [
    formatName(format),
    ...(granularity === "tensor" ? [] : [`granularity="${granularity}"`]),
    ...(axis === undefined ? [] : [`axis=${axis}`]),
    ...(granularity === "block" ? [`block=${blockSize}`] : []),
    ...(isRuled && typeof magnitude === "number" ? [`amax=${magnitude}`] : []),
    ...(typeof format.zeroPoint === "number" ? [`zero_point=${format.zeroPoint}`] : []),
    ...(isRuled && magnitude === "mse" ? ['rule="mse"'] : []),
    ...(isRuled && typeof magnitude === "object"
      ? [`rule="percentile"`, `percentile=${magnitude.percentile}`]
      : []),
    ...(sharedExponent === undefined ? [] : [`shared_exponent="${sharedExponent}"`]),
  ]
  return `Quantize(${options.join(", ")})`
}

/** Layers whose result a bias is added to: in PyTorch it is their own. */
const layersWithBias = (nodes: ReadonlyArray<Node>): ReadonlySet<string> =>
  new Set(
    nodes.flatMap(({ inputs: [from], operation }) => {
      if (operation !== "bias") return []
      const layer = nodes[from!]!
      const readers = nodes.filter(({ inputs }) => inputs.includes(from!))
      if (!("layer" in layer) || readers.length !== 1)
        throw new Error(`the bias after ${layer.path} is not that of a layer`)
      return [layer.path]
    }),
  )

/** The text of the network. Throws for a network that has decisions left. */
export const networkText = (model: FoundModel): NetworkText => {
  const { nodes, output } = model.network.graph
  const operands = quantizedOperands(model)
  const context = {
    network: model.network,
    operands,
    withBias: layersWithBias(nodes),
    quantize: quantizeText,
  }
  const names = pythonNames(nodes.map(({ path }) => path))
  const modules: Array<string> = []
  const steps: Array<string> = []
  const needs = new Set<LayerText>()
  const state = new Map<string, { readonly key: string; readonly order?: ReadonlyArray<number> }>()
  /** What each result is called; an operation that does nothing passes its input's name on. */
  const results: Array<string> = []
  for (const node of nodes) {
    const name = names.get(node.path)!
    const lines = linesOf(node, context)
    if (lines.module !== undefined) modules.push(`self.${name} = ${lines.module}`)
    if (lines.needs !== undefined) needs.add(lines.needs)
    for (const { from, of, order, to } of lines.variables)
      state.set(`${node.path}.${from}`, {
        key: `${of === undefined ? name : names.get(of)!}.${to}`,
        ...(order === undefined ? {} : { order }),
      })
    const value = lines.value(
      node.inputs.map((i) => results[i]!),
      `self.${name}`,
    )
    if (/^\w+$/u.test(value)) {
      results.push(value)
      continue
    }
    steps.push(`${name} = ${value}`)
    results.push(name)
  }
  const used = new Map(
    operands
      .filter(({ format }) => format.name !== "FP32")
      .map(({ format }) => [formatName(format), formatLine(format)]),
  )
  const indented = (lines: ReadonlyArray<string>) =>
    lines.map((line) => `        ${line}\n`).join("")
  return {
    formats: [...used.values()].join("\n"),
    text: `class Network(nn.Module):
    """Normalised float32 images [batch, channels, height, width] -> logits [batch, ${model.network.graph.classes}]."""

    def __init__(self) -> None:
        super().__init__()
${indented(modules)}
    def forward(self, images: Tensor) -> Tensor:
${indented([...steps, `return ${results[output]}`])}`,
    needs,
    state,
  }
}
