/**
 * Which operations of a network become part of the product before them, and which products onnxruntime can do in integers.
 *
 *     convolution, bias and norm                    the norm's gain is in the weight, the rest is the convolution's bias
 *     convolution, norm, relu, input of one layer   all in codes of eight bits, where both inputs are such integers:
 *                                                   the relu is a bound of the codes
 *
 * Left out: the numbers (`OnnxNorms.ts`), nodes of the graph (`OnnxOperations.ts`).
 */
import type { BatchNormNode, BiasNode, ConvNode, LayerNode, Node } from "../../network/Graph.ts"
import { isLayerNode } from "../../network/Graph.ts"
import type { Behind } from "./OnnxNorms.ts"
import type { Network } from "../../network/Network.ts"

export interface Folding {
  /** Path of a convolution -> the bias and the norm that it takes in. */
  readonly behind: ReadonlyMap<string, Behind>
  /** Paths of nodes that give what they take: another one does their work. */
  readonly gone: ReadonlySet<string>
  /** Path of a layer -> the activation that its input's codes are bounded by. */
  readonly bounds: ReadonlyMap<string, "relu" | "relu6">
  /** Paths of the products that are between integers of eight bits and whose result is rounded to such, or dense. */
  readonly integers: ReadonlySet<string>
}

/** What of a layer the integer kernels ask for. */
export interface EightBits {
  /** The input is rounded to an integer of at most eight bits with a frozen scale. */
  readonly input: (node: LayerNode) => boolean
  /** The weight is an integer of at most eight bits with scales of the tensor or of channels. */
  readonly weight: (node: LayerNode) => boolean
}

export const isConv = (node: Node): node is ConvNode =>
  node.operation === "conv" || node.operation === "depthwiseConv"

export const foldingOf = ({ graph }: Pick<Network, "graph">, eightBits: EightBits): Folding => {
  const { nodes, output } = graph
  const readers = new Map<number, ReadonlyArray<number>>()
  nodes.forEach(({ inputs }, i) => {
    for (const input of inputs) readers.set(input, [...(readers.get(input) ?? []), i])
  })
  /** The only node that reads this one; undefined where there are several or where it is the result. */
  const readerOf = (i: number): number | undefined => {
    const [reader, ...others] = readers.get(i) ?? []
    return i === output || others.length > 0 ? undefined : reader
  }
  const behind = new Map<string, Behind>()
  const gone = new Set<string>()
  const bounds = new Map<string, "relu" | "relu6">()
  const integers = new Set<string>()
  nodes.forEach((node, i) => {
    if (node.operation === "dense" && eightBits.input(node) && eightBits.weight(node))
      integers.add(node.path)
    if (!isConv(node)) return
    let last = i
    const taken: { bias?: BiasNode; norm?: BatchNormNode } = {}
    for (const operation of ["bias", "batchNorm"] as const) {
      const second = readerOf(last)
      const found = second === undefined ? undefined : nodes[second]!
      if (second === undefined || found?.operation !== operation) continue
      if (found.operation === "bias") taken.bias = found
      else taken.norm = found
      gone.add(found.path)
      last = second
    }
    behind.set(node.path, taken)
    if (!eightBits.input(node) || !eightBits.weight(node)) return
    const next = readerOf(last)
    const active = next === undefined ? undefined : nodes[next]!
    const activation = active?.operation === "activation" ? active.activation : undefined
    const isBound = activation === "relu" || activation === "relu6"
    const end = isBound ? readerOf(next!) : next
    const reader = end === undefined ? undefined : nodes[end]!
    if (reader === undefined || !isLayerNode(reader) || !eightBits.input(reader)) return
    integers.add(node.path)
    if (!isBound) return
    gone.add(active!.path)
    bounds.set(reader.path, activation)
  })
  return { behind, gone, bounds, integers }
}
