/**
 * The found network on its own: the graph without decisions, and its weights cut from the supernet's.
 *
 * Run alone it gives the supernet's logits under the same assignment bit for bit: the same operations on the same
 * numbers. Left out: writing it to a file (`export/`).
 */
import { formatIn } from "../cost/Bits.ts"
import type { Layer } from "../cost/LayerTable.ts"
import type { Choices } from "../space/Decision.ts"
import { constant, type Quantity, valueOf } from "../space/Quantity.ts"
import type { Variable } from "../tensor/Backend.ts"
import type { Network } from "../network/Network.ts"
import { isLayerNode, type Node } from "../network/Graph.ts"
import { fixLayer, fixNode, type Fixing } from "../network/SearchedFields.ts"
import { learnedScales } from "./OperandScale.ts"
import { declaredVariables } from "./operation/Operations.ts"

/** The network under one assignment: inactive repeats gone, every size and format fixed, no decisions left. */
export const extract = (network: Network, choices: Choices): Network => {
  const fixing: Fixing = {
    size: (quantity) => constant(valueOf(quantity, choices)),
    format: (slot) => ({
      ...slot,
      decision: null,
      formats: [formatIn(slot, choices)],
    }),
  }
  const isActive = (quantity: Quantity): boolean => valueOf(quantity, choices) === 1

  const layers: Array<Layer> = []
  const layerIndex = network.table.layers.map((layer) =>
    isActive(layer.active) ? layers.push(fixLayer(layer, fixing)) - 1 : -1,
  )

  const nodes: Array<Node> = []
  /** Old index -> new index of the node whose result stands for it; edges of parts that may be left out stand for what they pass on. */
  const standsFor: Array<number> = []
  for (const node of network.graph.nodes) {
    const inputs = node.inputs.map((i) => standsFor[i]!)
    if (node.operation === "enter" || node.operation === "leave") {
      standsFor.push(node.operation === "leave" && !isActive(node.active) ? inputs[1]! : inputs[0]!)
      continue
    }
    if (node.operation === "choose") {
      standsFor.push(inputs[valueOf(node.option, choices)]!)
      continue
    }
    if (!isActive(node.active)) {
      standsFor.push(-1)
      continue
    }
    const fixed = { ...fixNode(node, fixing), inputs }
    const layer = isLayerNode(fixed) ? { layer: layerIndex[fixed.layer]! } : {}
    standsFor.push(nodes.push({ ...fixed, ...layer }) - 1)
  }
  return {
    name: network.name,
    space: { decisions: [] },
    table: { layers },
    graph: { ...network.graph, nodes, output: standsFor[network.graph.output]! },
  }
}

/**
 * Index in a variable [shape] of each element of its part [sizes], row-major: the centre along the first `centred` axes
 * (kernels), the first elements along the others (channels).
 */
export const placesOf = (
  shape: ReadonlyArray<number>,
  sizes: ReadonlyArray<number>,
  centred: number,
): Uint32Array => {
  const from = sizes.map((size, i) => (i < centred ? Math.floor((shape[i]! - size) / 2) : 0))
  const places = new Uint32Array(sizes.reduce((a, b) => a * b, 1))
  const at = sizes.map(() => 0)
  for (let i = 0; i < places.length; i++) {
    let place = 0
    for (let axis = 0; axis < sizes.length; axis++)
      place = place * shape[axis]! + from[axis]! + at[axis]!
    places[i] = place
    for (let axis = sizes.length - 1; axis >= 0 && ++at[axis]! === sizes[axis]; axis--) at[axis] = 0
  }
  return places
}

/** Values of a variable [shape] cut to its part [sizes], copied. */
export const cutValues = (
  values: Float32Array,
  shape: ReadonlyArray<number>,
  sizes: ReadonlyArray<number>,
  centred: number,
): Float32Array => Float32Array.from(placesOf(shape, sizes, centred), (place) => values[place]!)

/**
 * Name -> values of every variable of a child, cut from the supernet's variables of the same names.
 *
 * Throws when the supernet has no such variable: the child is another network's.
 */
export const childWeights = (
  child: Network,
  supernet: ReadonlyArray<{
    readonly name: string
    readonly variable: Variable
    readonly formats?: ReadonlyArray<string>
  }>,
): ReadonlyMap<string, Float32Array> => {
  const variables = new Map(supernet.map(({ name, variable }) => [name, variable]))
  const weights = new Map<string, Float32Array>()
  for (const { name, spec } of declaredVariables(child)) {
    const variable = variables.get(name)
    if (variable === undefined) throw new Error(`the supernet has no variable ${name}`)
    const values = variable.dataSync() as Float32Array
    weights.set(name, cutValues(values, variable.shape, spec.shape, spec.centred ?? 0))
  }
  for (const layer of child.table.layers)
    for (const { name, slot } of Object.values(learnedScales(layer))) {
      const learned = supernet.find((one) => one.name === name)
      const option = learned?.formats?.indexOf(slot.formats[0]!.name) ?? -1
      if (learned === undefined || option < 0) throw new Error(`the supernet has no scale ${name}`)
      const values = learned.variable.dataSync() as Float32Array
      weights.set(name, values.slice(option, option + 1))
    }
  return weights
}
