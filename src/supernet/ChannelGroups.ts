/**
 * Which axes of which variables hold the same channels: all that a channel of the widest network is stored in.
 *
 * The channels of a convolution's result are an axis of its weight, of its norm, and of every weight that reads them; a
 * sum makes the channels of its terms one group. Whoever gives all axes of a group one new order leaves the widest
 * network as it is. Left out: which order (`SortChannels.ts`).
 */
import type { Network } from "../network/Network.ts"
import type { Node } from "../network/Graph.ts"
import { isConstant, maximum, type Quantity } from "../space/Quantity.ts"
import type { AxisChannels } from "./operation/Operation.ts"
import { operationOf } from "./operation/Operations.ts"

/** An axis of a variable. */
export interface ChannelAxis {
  readonly variable: string
  readonly axis: number
  /** Whether the variable reads these channels, to make others of them. */
  readonly isRead: boolean
}

export interface ChannelGroup {
  /**
   * What an order is an order of: single channels, or the heads of an attention. An axis of it has a whole number of
   * elements for each.
   */
  readonly units: number
  readonly axes: ReadonlyArray<ChannelAxis>
}

/** A group while it is found. */
interface Draft {
  units: number
  isSearched: boolean
  /** Whether its order is given from outside: images, classes, channels side by side in a join. */
  isFixed: boolean
  axes: Array<ChannelAxis>
  /** The group that it has become a part of. */
  mergedInto?: Draft
}

const draftOf = (channels: Quantity, isFixed = false): Draft => ({
  units: maximum(channels),
  isSearched: !isConstant(channels),
  isFixed,
  axes: [],
})

const wholeOf = (draft: Draft): Draft =>
  draft.mergedInto === undefined ? draft : wholeOf(draft.mergedInto)

const merge = (a: Draft, b: Draft): Draft => {
  const [into, from] = [wholeOf(a), wholeOf(b)]
  if (into === from) return into
  into.isSearched ||= from.isSearched
  into.isFixed ||= from.isFixed
  into.axes.push(...from.axes)
  from.mergedInto = into
  return into
}

/** The group of a node's result, from those of its inputs. */
const resultOf = (node: Node, inputs: ReadonlyArray<Draft>): Draft => {
  switch (node.operation) {
    case "input":
      return draftOf(node.shape.channels, true)
    case "conv":
      // channels of a group belong together, in the order of the groups
      if (node.groups !== undefined) wholeOf(inputs[0]!).isFixed = true
      return draftOf(node.shape.channels, node.groups !== undefined)
    case "dense":
      return draftOf(node.shape.channels)
    case "flatten":
      wholeOf(inputs[0]!).isFixed = true
      return draftOf(node.shape.channels, true)
    case "zeros":
      return draftOf(node.shape.channels)
    case "enter":
      // other channels where it is left out: the two are the same only in some assignments
      if (node.shape.channels === node.inputChannels) return inputs[0]!
      wholeOf(inputs[0]!).isFixed = true
      return draftOf(node.shape.channels, true)
    case "groupNorm":
      wholeOf(inputs[0]!).isFixed = true
      return inputs[0]!
    case "concat":
      // a narrower branch shifts the channels of the next: they have no order of their own
      for (const input of inputs) wholeOf(input).isFixed = true
      return draftOf(node.shape.channels, true)
    case "attention": {
      const heads = wholeOf(inputs[0]!)
      heads.units = maximum(node.shape.channels) / node.headDim
      return heads
    }
    default:
      return inputs.reduce(merge)
  }
}

/** Adds the axes of a node's variables to the groups whose channels they hold. */
const addAxes = (
  node: Exclude<Node, { readonly operation: "input" }>,
  groups: Readonly<Record<Exclude<AxisChannels, null>, Draft>>,
): void => {
  for (const { name, channels } of operationOf(node).variables(node)) {
    const first = channels.findIndex((what) => what !== null)
    const isMatrix = channels.filter((what) => what !== null).length > 1
    channels.forEach((what, axis) => {
      if (what === null) return
      const isRead = isMatrix && axis === first
      wholeOf(groups[what]).axes.push({ variable: `${node.path}.${name}`, axis, isRead })
    })
  }
}

/** The groups whose number of channels is searched and whose order is free. */
export const channelGroups = ({ graph }: Network): ReadonlyArray<ChannelGroup> => {
  const results: Array<Draft> = []
  const all: Array<Draft> = []
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((i) => results[i]!)
    const output = resultOf(node, inputs)
    results.push(output)
    if (node.operation === "input") continue
    const inner =
      node.operation === "squeezeExcite" ? draftOf(node.inner) : draftOf(node.shape.channels)
    addAxes(node, { input: inputs[0]!, output, inner })
    all.push(output, inner)
  }
  wholeOf(results[graph.output]!).isFixed = true
  return [...new Set(all.map(wholeOf))]
    .filter(({ axes, isFixed, isSearched }) => isSearched && !isFixed && axes.length > 0)
    .map(({ units, axes }) => ({ units, axes }))
}
