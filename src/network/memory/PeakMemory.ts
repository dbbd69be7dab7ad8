/**
 * Peak memory: the bytes of activations that are held at once, at most, in the order of operations that holds least.
 *
 * The largest of many sums is no sum over layers, so it has no closed expectation: it is a limit, not a target. But it is
 * the largest over the parts of a network between two places where one tensor alone is held (the blocks, mostly), each in
 * an order of its own, and a part depends on few decisions. `Part.tables` depend on fewer still: a tensor takes the most
 * of what its readers ask for, and no peak falls when a tensor grows, so the peak is the largest of the peaks under one
 * reader for each tensor.
 *
 * What counts as a tensor and which format it has: `Tensors.ts`. Left out: weights (`cost/Memory.ts`), the working memory
 * of kernels (im2col), and depthwise convolutions in place.
 */
import { optionOf } from "../../cost/Bits.ts"
import type { Choices } from "../../space/Decision.ts"
import { combine, ofDecision, type Quantity } from "../../space/Quantity.ts"
import { type AttentionNode, isLayerNode, type LayerNode, type Node } from "../Graph.ts"
import type { Network } from "../Network.ts"
import { bestOrder, type Operation } from "./ExecutionOrder.ts"
import { type Readers, readersOf, TensorsUnder } from "./Tensors.ts"

/** The operations after one place where one tensor alone is held, up to the next. */
export interface Part {
  /** The decisions that its peak depends on, ascending. */
  readonly decisions: ReadonlyArray<number>
  /** Bytes. */
  readonly of: (choices: Choices) => number
  /** Tables of which it is the largest value, made when first asked for; undefined where they are too many. */
  readonly tables: () => ReadonlyArray<Quantity> | undefined
}

export interface PeakMemory {
  readonly parts: ReadonlyArray<Part>
  /** Bytes. */
  readonly of: (choices: Choices) => number
  /** Bytes held while each layer of the table runs, in the order that was found; 0 where it is inactive. */
  readonly byLayer: (choices: Choices) => ReadonlyArray<number>
}

/** A part with more tables, or one of more joint options, or of more of which the peaks may differ, has none. */
const most = { tables: 64, entries: 65_536, peaks: 8_192 }

/** The nodes from `first` to `last`, which read nothing from before but the value of node `before`. */
interface Span {
  readonly before: number
  readonly first: number
  readonly last: number
}

const spansOf = ({ graph }: Network, { of }: Readers): ReadonlyArray<Span> => {
  const lastReader = of.map((readers, i) => Math.max(i, ...readers))
  const spans: Array<Span> = []
  let before = 0
  let furthest = 0
  for (let i = 1; i < graph.nodes.length; i++) {
    // what was made before this node is read by none after it
    if (furthest <= i) {
      spans.push({ before, first: before + 1, last: i })
      before = i
    }
    furthest = Math.max(furthest, lastReader[i]!)
  }
  return spans.length > 0 ? spans : [{ before: 0, first: 1, last: 0 }]
}

const bitsPerByte = 8

/** The operations of a span with its tensors numbered, and the order that holds least. */
const orderOf = (
  readers: Readers,
  { before, first, last }: Span,
  choices: Choices,
  only?: ReadonlySet<number>,
) => {
  const tensors = new TensorsUnder(readers, choices, only)
  const operations: Array<Operation> = []
  for (let i = first; i <= last; i++) {
    const operation = tensors.operationOf(i)
    if (operation !== undefined) operations.push(operation)
  }
  const input = tensors.homeOf(before)
  const output = tensors.homeOf(Math.max(before, last))
  const homes = [...new Set([input, output, ...operations.map(({ writes }) => writes)])]
  const number = new Map(homes.map((home, n) => [home, n]))
  const numbered = operations.map(({ reads, scratch, writes }) => ({
    reads: reads.map((home) => number.get(home)!),
    writes: number.get(writes)!,
    scratch,
  }))
  const held = {
    bits: homes.map((home) => tensors.bitsOf(home)),
    input: 0,
    output: number.get(output)!,
  }
  return {
    ...bestOrder(numbered, held),
    nodes: operations.map(({ writes }) => writes),
    held,
    numbered,
  }
}

/** What the peak of a span depends on, and perhaps some things that it does not. */
interface Dependence {
  /** Decisions about what runs and how large it is, the scores of attention included. */
  readonly sizes: ReadonlySet<number>
  /** For each of its values the nodes whose formats it may take. */
  readonly readers: ReadonlyArray<ReadonlySet<number>>
}

const dependenceOf = ({ network, of }: Readers, span: Span): Dependence => {
  const { nodes } = network.graph
  const sizes = new Set<number>()
  const add = (decisions: ReadonlyArray<number>) => {
    for (const decision of decisions) sizes.add(decision)
  }
  /** Whether some layer reads the value of a node whatever is chosen. */
  const hasLayer = (i: number): boolean =>
    of[i]!.some((reader) => {
      const node = nodes[reader]!
      if (hasFormat(node)) return node.active.decisions.length === 0
      return !["add", "leave", "choose"].includes(node.operation) && hasLayer(reader)
    })
  const addReaders = (i: number, isSum: boolean, found: Set<number>, seen: Set<string>): void => {
    const key = `${i} ${isSum}`
    if (seen.has(key)) return
    seen.add(key)
    for (const reader of of[i]!) {
      const node = nodes[reader]!
      add(runningOf(node))
      if (hasFormat(node)) found.add(reader)
      else if (node.operation !== "add") addReaders(reader, isSum, found, seen)
      // a sum is read as layers read its result, and another sum of it only where none does
      else if (!isSum || !hasLayer(i)) addReaders(reader, true, found, seen)
    }
  }
  const readers: Array<Set<number>> = []
  for (let i = span.before; i <= span.last; i++) {
    const node = nodes[i]!
    add(runningOf(node))
    add(node.shape.channels.decisions)
    if (node.shape.kind === "image")
      add([...node.shape.height.decisions, ...node.shape.width.decisions])
    if ("inner" in node) add(node.inner.decisions)
    // the scores of attention take its own format, whoever reads its result
    if (node.operation === "attention") add(formatsOf(network, [i]))
    const found = new Set<number>()
    addReaders(i, false, found, new Set())
    readers.push(found)
  }
  return { sizes, readers }
}

/** The decisions about whether a node runs, and which input it gives. */
const runningOf = (node: Node): ReadonlyArray<number> => [
  ...node.active.decisions,
  ...(node.operation === "choose" ? node.option.decisions : []),
]

/** Nodes that read in a format of their own. */
const hasFormat = (node: Node): node is LayerNode | AttentionNode =>
  isLayerNode(node) || node.operation === "attention"

/** The decisions about the formats in which some nodes read. */
const formatsOf = ({ graph, table }: Network, readers: Iterable<number>): ReadonlyArray<number> =>
  [...readers].flatMap((reader) => {
    const node = graph.nodes[reader]!
    const slot = isLayerNode(node)
      ? table.layers[node.layer]!.activationFormat
      : node.operation === "attention"
        ? node.products
        : undefined
    return slot === undefined ? [] : optionOf(slot).decisions
  })

const ascending = (decisions: Iterable<number>): ReadonlyArray<number> =>
  [...new Set(decisions)].sort((a, b) => a - b)

/** One reader for each value, in all ways; undefined where these are too many. */
const oneReaderEach = (
  readers: Dependence["readers"],
): ReadonlyArray<ReadonlySet<number>> | undefined => {
  const groups = new Map(
    readers.filter(({ size }) => size > 0).map((group) => [ascending(group).join(), [...group]]),
  )
  let ways: ReadonlyArray<ReadonlySet<number>> = [new Set()]
  for (const group of groups.values()) {
    ways = ways.flatMap((way) => group.map((reader) => new Set([...way, reader])))
    if (ways.length > most.tables) return undefined
  }
  return ways
}

/** For every option of a decision the first one that takes the same storage wherever the decision gives a format. */
const storageAlike = ({ graph, table }: Network, decision: number, options: number) => {
  const slots = [
    ...table.layers.map(({ activationFormat }) => activationFormat),
    ...graph.nodes.flatMap((node) =>
      node.operation === "attention" && node.products !== undefined ? [node.products] : [],
    ),
  ].filter((slot) => slot.decision === decision)
  const keys = Array.from({ length: options }, (_, k) =>
    slots.length === 0
      ? String(k)
      : slots
          .map(({ formats }) => {
            const { bits, block, scaled } = formats[k]!
            return [bits, block?.bits, block?.size, scaled].join()
          })
          .join(),
  )
  return keys.map((key) => keys.indexOf(key))
}

/** The peak of a span, remembered for all options that take the same storage. */
const remembered = (
  readers: Readers,
  span: Span,
  decisions: ReadonlyArray<number>,
  only?: ReadonlySet<number>,
) => {
  const { network } = readers
  const sizes = decisions.map((decision) => network.space.decisions[decision]!.options.length)
  const alike = decisions.map((decision, i) => storageAlike(network, decision, sizes[i]!))
  const known = new Map<string, number>()
  const of = (choices: Choices): number => {
    const key = decisions.map((decision, i) => alike[i]![choices[decision]!]).join()
    const bytes = known.get(key) ?? orderOf(readers, span, choices, only).peak / bitsPerByte
    known.set(key, bytes)
    return bytes
  }
  const product = (counts: ReadonlyArray<number>) => counts.reduce((a, b) => a * b, 1)
  const isLarge =
    product(sizes) > most.entries ||
    product(alike.map((options) => new Set(options).size)) > most.peaks
  const table = (): Quantity => {
    const choices = network.space.decisions.map(() => 0)
    const options = decisions.map((decision, i) =>
      ofDecision(decision, [...Array(sizes[i]!).keys()]),
    )
    return combine(options, (chosen) => {
      decisions.forEach((decision, i) => (choices[decision] = chosen[i]!))
      return of(choices)
    })
  }
  return { of, isLarge, table }
}

const partOf = (readers: Readers, span: Span): Part => {
  const { network } = readers
  const { readers: groups, sizes } = dependenceOf(readers, span)
  const formats = groups.flatMap((group) => formatsOf(network, group))
  const decisions = ascending([...sizes, ...formats])
  const { of } = remembered(readers, span, decisions)
  const makeTables = (): ReadonlyArray<Quantity> | undefined => {
    const tables = oneReaderEach(groups)?.map((only) =>
      remembered(readers, span, ascending([...sizes, ...formatsOf(network, only)]), only),
    )
    return tables === undefined || tables.some(({ isLarge }) => isLarge)
      ? undefined
      : tables.map(({ table }) => table())
  }
  let made: { readonly tables: ReadonlyArray<Quantity> | undefined } | undefined
  return { decisions, of, tables: () => (made ??= { tables: makeTables() }).tables }
}

/** Bits held while each operation of a span runs, by its node. */
const heldByNode = (readers: Readers, span: Span, choices: Choices) => {
  const { held, nodes, numbered, order } = orderOf(readers, span, choices)
  return order.map((i, at): readonly [number, number] => {
    const later = order.slice(at)
    const earlier = new Set(order.slice(0, at).map((j) => numbered[j]!.writes))
    const live = held.bits.flatMap((bits, tensor) =>
      tensor === numbered[i]!.writes ||
      ((tensor === held.input || earlier.has(tensor)) &&
        (tensor === held.output || later.some((j) => numbered[j]!.reads.includes(tensor))))
        ? [bits]
        : [],
    )
    return [nodes[i]!, numbered[i]!.scratch + live.reduce((a, b) => a + b, 0)]
  })
}

const compiled = new WeakMap<Network, PeakMemory>()

const compile = (network: Network): PeakMemory => {
  const readers = readersOf(network)
  const spans = spansOf(network, readers)
  const parts = spans.map((span) => partOf(readers, span))
  return {
    parts,
    of: (choices) => parts.reduce((most, part) => Math.max(most, part.of(choices)), 0),
    byLayer: (choices) => {
      const byNode = new Map(spans.flatMap((span) => heldByNode(readers, span, choices)))
      const layers = network.table.layers.map(() => 0)
      network.graph.nodes.forEach((node, i) => {
        if (isLayerNode(node)) layers[node.layer] = (byNode.get(i) ?? 0) / bitsPerByte
      })
      return layers
    },
  }
}

/** The peak memory of a network's assignments; made once for each network. */
export const peakMemory = (network: Network): PeakMemory => {
  const known = compiled.get(network) ?? compile(network)
  compiled.set(network, known)
  return known
}
