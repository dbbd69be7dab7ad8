/**
 * Why the weights of a layer run away, as far as formats tell: which narrow operands were active upstream and downstream of
 * it, and what helps. The layer itself is where gradients arrive, most often not where they grew.
 *
 * A format with one magnitude under a scale from the largest value is the cause wherever it is active: a lower learning
 * rate does not help then, other scales and wider formats do (`network/format/MaxScales.ts`). Else the narrowest formats under eight
 * bits are named beside the learning rate, and where all have eight bits or more the learning rate alone.
 */
import { Array as Arrays } from "effect"
import { formatIn } from "../cost/Bits.ts"
import type { FormatSlot, Layer } from "../cost/LayerTable.ts"
import type { Format } from "../format/Format.ts"
import type { Network } from "../network/Network.ts"
import { isLayerNode, type Node } from "../network/Graph.ts"
import { losesMost, productLosesMost } from "../network/format/MaxScales.ts"
import type { Choices } from "../space/Decision.ts"
import { valueOf } from "../space/Quantity.ts"

/** What a step trained. */
export interface Trained {
  readonly network: Network
  readonly choices: Choices
  /** Whether it trained all formats at once, weighted. */
  readonly mixed: boolean
}

export interface Cause {
  /** `INT2 in stage1.0.conv1 and stage1.0.conv2 downstream` */
  readonly under: string
  /** What would be right. */
  readonly advice: string
}

/** Formats of fewer bits are narrow. */
const narrowBits = 8

interface Operand {
  readonly node: number
  readonly path: string
  readonly what: "weights" | "inputs" | "products"
  readonly layer?: Layer
  readonly formats: ReadonlyArray<Format>
  /** The key of the space that names its formats. */
  readonly key: string
  readonly loses: (format: Format) => boolean
}

const operandsOf = ({ choices, mixed, network }: Trained): ReadonlyArray<Operand> => {
  const { graph, table } = network
  const taken = (slot: FormatSlot) => ({
    formats: mixed ? slot.formats : [formatIn(slot, choices)],
    key: slot.key ?? "formats",
  })
  const ofNode = (node: Node, at: number): ReadonlyArray<Operand> => {
    if (valueOf(node.active, choices) !== 1) return []
    const here = { node: at, path: node.path }
    if (node.operation === "attention" && node.products !== undefined)
      return [{ ...here, what: "products", ...taken(node.products), loses: productLosesMost }]
    if (!isLayerNode(node)) return []
    const layer = table.layers[node.layer]!
    return [
      {
        ...here,
        what: "weights",
        layer,
        ...taken(layer.weightFormat),
        loses: (format) => losesMost(layer, "weights", format),
      },
      {
        ...here,
        what: "inputs",
        layer,
        ...taken(layer.activationFormat),
        loses: (format) => losesMost(layer, "inputs", format),
      },
    ]
  }
  return graph.nodes.flatMap(ofNode)
}

/** The operands to blame, each with those of its formats that are to blame. */
const narrowOf = (
  operands: ReadonlyArray<Operand>,
  mixed: boolean,
): { readonly narrow: ReadonlyArray<Operand>; readonly lost: boolean } => {
  const keep = (is: (operand: Operand, format: Format) => boolean) =>
    operands
      .map((operand) => ({ ...operand, formats: operand.formats.filter((f) => is(operand, f)) }))
      .filter(({ formats }) => formats.length > 0)
  // a mixture of formats has the numbers of all of them: none of it makes 0 of most
  const lost = mixed ? [] : keep(({ loses }, format) => loses(format))
  if (lost.length > 0) return { narrow: lost, lost: true }
  const least = Math.min(...operands.flatMap(({ formats }) => formats.map(({ bits }) => bits)))
  return { narrow: least < narrowBits ? keep((_, { bits }) => bits === least) : [], lost: false }
}

const and = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)!}`

/** `INT8`, or `INT8 and wider formats`. */
const leastOf = (operands: ReadonlyArray<Operand>): string => {
  const formats = operands.flatMap((operand) => operand.formats)
  const least = Math.min(...formats.map(({ bits }) => bits))
  const names = [...new Set(formats.filter(({ bits }) => bits === least).map(({ name }) => name))]
  const isAll = formats.every(({ bits }) => bits === least)
  return isAll ? and(names) : `${names.join(", ")} and wider formats`
}

/** All nodes that reach `place`, or that it reaches. */
const reach = ({ nodes }: Network["graph"], place: number) => {
  const upstream = new Set([place])
  for (let i = place; i >= 0; i--)
    if (upstream.has(i)) for (const input of nodes[i]!.inputs) upstream.add(input)
  const downstream = new Set([place])
  for (const [i, { inputs }] of nodes.entries())
    if (inputs.some((input) => downstream.has(input))) downstream.add(i)
  return { upstream, downstream }
}

/** Three paths and how many more. */
const some = (paths: ReadonlyArray<string>, nearestLast = false): string => {
  const shown = nearestLast ? paths.slice(-3) : paths.slice(0, 3)
  const more = paths.length - shown.length
  return more > 0 ? `${shown.join(", ")} and ${more} more` : and(shown)
}

/** `INT2`, or `INT2 weights`, of the narrow operands of one node. */
const labelOf = (operands: ReadonlyArray<Operand>): string => {
  const texts = operands.map(({ formats }) => formats.map(({ name }) => name).join(" and "))
  const [first] = operands
  if (first!.what !== "products" && operands.length === 2 && texts[0] === texts[1]) return texts[0]!
  return operands.map(({ what }, i) => `${texts[i]} ${what}`).join(" and ")
}

/** The narrow operands by their formats, and where they lie about the node `place`. */
const whereOf = (
  narrow: ReadonlyArray<Operand>,
  { graph }: Network,
  place: number | undefined,
): string => {
  const byNode = Arrays.groupBy(narrow, ({ node }) => String(node))
  const groups = Arrays.groupBy(Object.values(byNode), labelOf)
  const near = place === undefined ? undefined : reach(graph, place)
  const texts = Object.entries(groups).map(([label, members]) => {
    const nodes = members.map((operands) => operands[0]!)
    const paths = (is: (node: number) => boolean) =>
      nodes.filter(({ node }) => is(node)).map(({ path }) => path)
    if (near === undefined) return `${label} in ${some(paths(() => true))}`
    const { downstream, upstream } = near
    const [itself] = paths((node) => node === place)
    const before = paths((node) => node !== place && upstream.has(node))
    const behind = paths((node) => node !== place && downstream.has(node))
    const beside = paths((node) => !upstream.has(node) && !downstream.has(node))
    const parts = [
      ...(itself === undefined ? [] : [`in ${itself} itself`]),
      ...(before.length === 0 ? [] : [`in ${some(before, true)} upstream`]),
      ...(behind.length === 0 ? [] : [`in ${some(behind)} downstream`]),
    ]
    return `${label} ${parts.length === 0 ? `in ${some(beside)} beside it` : parts.join(", ")}`
  })
  return texts.join("; ")
}

const namesOf = (operands: ReadonlyArray<Operand>): string =>
  and([...new Set(operands.flatMap(({ formats }) => formats.map(({ name }) => name)))])

/** `name formats wider than INT2 at formats.oneOf` */
const widerIn = (operands: ReadonlyArray<Operand>): string =>
  `name formats wider than ${namesOf(operands)} at ${some([...new Set(operands.map(({ key }) => key))])}`

/** What to do about operands that lose most numbers under scales from the largest value. */
const otherScales = (narrow: ReadonlyArray<Operand>): string => {
  const products = narrow.filter(({ what }) => what === "products")
  const scaled = narrow.filter(({ what }) => what !== "products")
  const remedies: Array<string> = []
  if (scaled.length > 0) {
    const [{ key, layer }] = scaled as [Operand]
    const { activationGranularity = "tensor" } = layer!
    const ofWeights =
      activationGranularity === "tensor"
        ? "channel"
        : `{ weights: channel, activations: ${activationGranularity} }`
    const onlyWeights = scaled.every(({ what }) => what === "weights")
    const rule =
      key === "formats"
        ? `write formats: { oneOf: [${namesOf(scaled)}], scale: { rule: mse } }`
        : "set formats.scale.rule: mse"
    remedies.push(
      [
        rule,
        ...(onlyWeights && key !== "formats"
          ? [`set formats.scale.granularity: ${ofWeights}`]
          : []),
        widerIn(scaled),
      ].join(", or "),
    )
  }
  if (products.length > 0) remedies.push(widerIn(products))
  return (
    `a scale from the largest value makes 0 of most numbers in ${namesOf(narrow)}; in the space ` +
    `${remedies.join(", and ")}; a lower learning rate does not help`
  )
}

/** The likely cause of weights that ran away in a step; `place` is the layer at which they did, if one is known. */
export const causeOf = (trained: Trained, place?: number): Cause => {
  const { network, mixed } = trained
  const operands = operandsOf(trained)
  const { lost, narrow } = narrowOf(operands, mixed)
  const all = mixed ? "all formats at once" : undefined
  if (narrow.length === 0)
    return {
      under: all ?? leastOf(operands),
      advice: "lower train.learningRate.peak",
    }
  const node =
    place === undefined
      ? undefined
      : network.graph.nodes.findIndex((one) => isLayerNode(one) && one.layer === place)
  const where = whereOf(narrow, network, node)
  return {
    under: all === undefined ? where : `${all}, with ${where}`,
    advice: lost
      ? otherScales(narrow)
      : `lower train.learningRate.peak, or in the space ${widerIn(narrow)}`,
  }
}
