/**
 * The activation tensors of a network under an assignment: which there are, their bits, and the operations between them.
 *
 * Every operation writes a tensor of its own, as in a runtime for microcontrollers, but: a norm, a bias, a layer scale and
 * an activation function work in place where nothing else reads their input; dropout, drop path, flatten, zeros around an
 * image and the borders of repeats and choices are nothing, and zeros are no tensor. Images come in the size that the
 * network reads. Batch is 1.
 *
 * A tensor is held in the widest of the formats in which it is read, float32 where no layer reads it (the logits). A layer
 * reads it in the format of its activations, through pools, concatenations and other operations without weights. A sum
 * reads its operands in the format in which layers read its result. Attention reads in the format of its products, or in
 * float32, and holds its scores while it runs; so does squeeze-excite with its gate, in float32.
 *
 * All is looked up node by node, so that a part of the network can be looked at without the rest. Left out: the order of
 * the operations (`Order.ts`), which part depends on what (`PeakMemory.ts`).
 */
import { formatIn } from "../../cost/Bits.ts"
import { activationGranularityOf, type FormatSlot } from "../../cost/LayerTable.ts"
import { storedBits } from "../../cost/Storage.ts"
import type { Format } from "../../format/Format.ts"
import { parse } from "../../format/Formats.ts"
import type { Choices } from "../../space/Decision.ts"
import { valueOf } from "../../space/Quantity.ts"
import { isLayerNode, type Node, type Shape } from "../Graph.ts"
import type { Network } from "../Network.ts"
import type { Operation } from "./ExecutionOrder.ts"

type Kind = Node["operation"]

/** Give their input, or one of their inputs, as it is. */
const passing: ReadonlySet<Kind> = new Set([
  "enter",
  "leave",
  "choose",
  "dropout",
  "dropPath",
  "flatten",
  "pad",
])
/** Work in place where nothing else reads their input. */
const inPlace: ReadonlySet<Kind> = new Set([
  "batchNorm",
  "bias",
  "activation",
  "layerNorm",
  "groupNorm",
  "layerScale",
])

/** How a tensor is read: what a value takes, and what one scale covers. */
interface Reading {
  /** The node that reads it so. */
  readonly reader: number
  readonly format: Format
  readonly granularity: "tensor" | "token" | "block"
  readonly blockSize?: number
}

const float32 = { format: parse("FP32")!, granularity: "tensor" } as const

/** What a network says of its nodes whatever is chosen. */
export interface Readers {
  readonly network: Network
  /** Per node: the nodes that list it as an input. */
  readonly of: ReadonlyArray<ReadonlyArray<number>>
}

export const readersOf = (network: Network): Readers => {
  const of = network.graph.nodes.map(() => Array<number>())
  network.graph.nodes.forEach(({ inputs }, i) => {
    for (const input of new Set(inputs)) of[input]!.push(i)
  })
  return { network, of }
}

/** Elements of a shape, in runs of channels. */
const layoutOf = (shape: Shape, choices: Choices) => {
  const channels = valueOf(shape.channels, choices)
  switch (shape.kind) {
    case "image":
      return {
        runs: valueOf(shape.height, choices) * valueOf(shape.width, choices),
        channels,
      }
    case "tokens":
      return { runs: shape.tokens, channels }
    case "vector":
      return { runs: 1, channels }
  }
}

/** The tensors under one assignment; what is asked for is worked out once. */
export class TensorsUnder {
  private readonly readers: Readers
  private readonly choices: Choices
  private readonly only: ReadonlySet<number> | undefined
  private readonly homes = new Map<number, number>()
  private readonly layerReadings = new Map<number, ReadonlyArray<Reading>>()

  /** @param only the nodes whose formats count, where not all of them do: a tensor that none of them reads takes nothing */
  constructor(readers: Readers, choices: Choices, only?: ReadonlySet<number>) {
    this.readers = readers
    this.choices = choices
    this.only = only
  }

  private node(i: number): Node {
    return this.readers.network.graph.nodes[i]!
  }

  private isActive(i: number): boolean {
    return valueOf(this.node(i).active, this.choices) === 1
  }

  /** The inputs of a node that it reads under the assignment. */
  private inputsOf(i: number): ReadonlyArray<number> {
    const node = this.node(i)
    const { inputs } = node
    if (node.operation === "choose") return [inputs[valueOf(node.option, this.choices)]!]
    if (node.operation === "leave") return [this.isActive(i) ? inputs[0]! : inputs[1]!]
    return inputs
  }

  /** The node whose value a node gives: itself, but for those that pass their input on. */
  private valueOf(i: number): number {
    return passing.has(this.node(i).operation) ? this.valueOf(this.inputsOf(i)[0]!) : i
  }

  /** The nodes that read the value of a node, not those that pass it on. */
  private consumersOf(i: number): ReadonlyArray<number> {
    return this.readers.of[i]!.flatMap((reader) => {
      const { operation } = this.node(reader)
      const isRead =
        operation === "leave" || operation === "choose"
          ? this.inputsOf(reader).includes(i)
          : this.isActive(reader)
      if (!isRead) return []
      return passing.has(operation) ? this.consumersOf(reader) : [reader]
    })
  }

  /** The node that made the tensor in which a node leaves its value. */
  homeOf(i: number): number {
    const known = this.homes.get(i)
    if (known !== undefined) return known
    const value = this.valueOf(i)
    const { inputs, operation } = this.node(value)
    const source = inPlace.has(operation) ? this.valueOf(inputs[0]!) : value
    const home =
      source !== value && this.consumersOf(source).length === 1 ? this.homeOf(source) : value
    this.homes.set(i, home)
    return home
  }

  private slotReading(slot: FormatSlot | undefined): Omit<Reading, "reader"> {
    return slot === undefined
      ? float32
      : { format: formatIn(slot, this.choices), granularity: "tensor" }
  }

  /** How a node that is no sum reads its input. */
  private readingsBy(reader: number): ReadonlyArray<Reading> {
    const node = this.node(reader)
    if (node.operation === "attention") return [{ reader, ...this.slotReading(node.products) }]
    if (!isLayerNode(node)) return this.readingsByLayers(reader)
    const layer = this.readers.network.table.layers[node.layer]!
    const { blockSize } = layer
    return [
      {
        reader,
        format: formatIn(layer.activationFormat, this.choices),
        granularity: activationGranularityOf(layer),
        ...(blockSize === undefined ? {} : { blockSize }),
      },
    ]
  }

  private sumsOf(i: number): ReadonlyArray<number> {
    return this.consumersOf(i).flatMap((reader) => {
      const node = this.node(reader)
      if (node.operation === "add") return [reader]
      return isLayerNode(node) || node.operation === "attention" ? [] : this.sumsOf(reader)
    })
  }

  /** How layers read the value of a node: directly, else through the sums that read it. */
  private readingsByLayers(i: number): ReadonlyArray<Reading> {
    const known = this.layerReadings.get(i)
    if (known !== undefined) return known
    const direct = this.consumersOf(i).flatMap((reader) =>
      this.node(reader).operation === "add" ? [] : this.readingsBy(reader),
    )
    const readings =
      direct.length > 0 ? direct : this.sumsOf(i).flatMap((sum) => this.readingsByLayers(sum))
    this.layerReadings.set(i, readings)
    return readings
  }

  /** Bits of the tensor that a node made; none for zeros, and for images that are resized before anything reads them. */
  bitsOf(home: number): number {
    const { operation } = this.node(home)
    const isResized = this.readers.of[home]!.some((i) => this.node(i).operation === "resize")
    if (operation === "zeros" || (operation === "input" && isResized)) return 0
    const readings = [
      ...this.readingsByLayers(home),
      ...this.sumsOf(home).flatMap((sum) => this.readingsByLayers(sum)),
    ]
    const layout = layoutOf(this.node(home).shape, this.choices)
    const counted = readings.filter(({ reader }) => this.only?.has(reader) ?? true)
    return (readings.length > 0 ? counted : [float32]).reduce((most, reading) => {
      const { elements, partScales } = storedBits(reading.format, { ...layout, ...reading })
      return Math.max(most, elements + partScales)
    }, 0)
  }

  private scratchOf(node: Node): number {
    const { channels, runs } = layoutOf(node.shape, this.choices)
    if (node.operation === "squeezeExcite")
      return (channels + valueOf(node.inner, this.choices)) * float32.format.bits
    if (node.operation !== "attention") return 0
    const { format } = this.slotReading(node.products)
    return (channels / node.headDim) * runs * runs * format.bits
  }

  /** The operation of a node, with nodes for tensors; undefined where it writes no tensor of its own. */
  operationOf(i: number): Operation | undefined {
    const node = this.node(i)
    if (node.operation === "input" || !this.isActive(i) || this.homeOf(i) !== i) return undefined
    const read = node.operation === "zeros" ? [] : node.inputs
    const reads = [...new Set(read.map((input) => this.homeOf(input)))]
    return { reads, writes: i, scratch: this.scratchOf(node) }
  }
}
