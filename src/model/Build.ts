/**
 * From a declared space to what everything else reads: the graph, the layer table and the decision space, with every
 * problem found on the way. No tensors.
 */
import type { Problem } from "../declaration/Errors.ts"
import type { LayerTable } from "../cost/LayerTable.ts"
import type { DecisionSpace } from "../space/Decision.ts"
import { maximum, minimum } from "../space/Quantity.ts"
import { expand } from "../format/Formats.ts"
import { blocks } from "./block/Blocks.ts"
import { Builder, BuildStopped, type Choice, describeShape, type Scope, type Value } from "./Builder.ts"
import { assignFormats } from "./FormatScopes.ts"
import type { Graph } from "./Graph.ts"
import type { Space } from "./Network.ts"

export interface Network {
  readonly name: string
  readonly space: DecisionSpace
  readonly table: LayerTable
  readonly graph: Graph
}

export interface Built {
  /** Absent when there are problems. */
  readonly network?: Network
  readonly problems: ReadonlyArray<Problem>
  readonly warnings: ReadonlyArray<Problem>
}

const blockOf = new Map(blocks.map((block) => [block.kind, block]))

type Items = ReadonlyArray<Readonly<Record<string, unknown>>>

/** The name of every item of one list: its own, `stageN`, or its kind with a number. */
const nameItems = (builder: Builder, items: Items, at: ReadonlyArray<string | number>): ReadonlyArray<string> => {
  let stages = 0
  const counts = new Map<string, number>()
  const taken = new Set<string>()
  return items.map((item, i) => {
    const [kind, fields] = Object.entries(item)[0]!
    const stage = blockOf.get(kind)!.stage
    if (stage) stages++
    const own = (fields as { readonly name?: string }).name
    let name = own
    if (name === undefined && stage) name = `stage${stages}`
    if (name === undefined) {
      const count = (counts.get(kind) ?? 0) + 1
      counts.set(kind, count)
      name = count === 1 ? kind : `${kind}${count}`
    }
    if (taken.has(name))
      builder.problem(
        own === undefined ? [...at, i, kind] : [...at, i, kind, "name"],
        `another item is already called ${name}; give one of them another name`,
      )
    taken.add(name)
    return name
  })
}

/** Builds a list of items one after another. `outer` is absent at the top of the network. */
export const buildItems = (
  builder: Builder,
  items: Items,
  at: ReadonlyArray<string | number>,
  input: Value,
  outer?: Scope,
): Value => {
  const names = nameItems(builder, items, at)
  let value = input
  items.forEach((item, i) => {
    const [kind, fields] = Object.entries(item)[0]!
    const path = outer === undefined ? names[i]! : `${outer.path}.${names[i]!}`
    const scope: Scope = {
      path,
      item: path,
      block: outer === undefined ? path : outer.block,
      stage: outer === undefined ? path : outer.stage,
      active: outer === undefined ? "always" : outer.active,
      at: [...at, i, kind],
    }
    try {
      value = blockOf.get(kind)!.build(builder, scope, fields as never, value)
    } catch (error) {
      if (!(error instanceof BuildStopped || error instanceof RangeError)) throw error
      if (error instanceof RangeError) builder.problem(scope.at, `${error.message}; share or drop some`)
      builder.broken = true
    }
  })
  return value
}

/** Expands format sets in the named choices. */
const choicesOf = (space: Space): Readonly<Record<string, Choice>> =>
  Object.fromEntries(
    Object.entries(space.choices ?? {}).map(([name, { oneOf }]) => [
      name,
      { oneOf: typeof oneOf === "string" ? expand(oneOf) : oneOf },
    ]),
  )

/** Builds the network of a space, telling every problem at its place in the document. */
export const build = (space: Space): Built => {
  const builder = new Builder({
    input: space.input,
    classes: space.classes,
    choices: choicesOf(space),
    widthRounding: space.widthRounding,
  })
  builder.multiplier = builder.quantity(
    builder.choose<number>(
      space.widthMultiplier,
      { path: "widthMultiplier", tag: "widthMultiplier", active: "always", at: ["widthMultiplier"] },
      { what: "a number above 0", test: (v) => typeof v === "number" && v > 0 && v <= 64, fallback: 1 },
    ),
    (m) => m,
  )
  const output = buildItems(builder, space.network, ["network"], builder.input())
  const { shape } = output
  const last: ReadonlyArray<string | number> = ["network", space.network.length - 1]
  if (!builder.broken) {
    if (shape.kind !== "vector")
      builder.problem(last, `the network ends in ${describeShape(shape)}; end it with globalAveragePool and dense: { units: classes }`)
    else if (minimum(shape.channels) !== space.classes || maximum(shape.channels) !== space.classes)
      builder.problem(last, `the network ends in ${describeShape(shape)}, not in ${space.classes} classes; end it with dense: { units: classes }`)
  }
  const layers = assignFormats(builder, space.formats)
  for (const name of Object.keys(space.choices ?? {}))
    if (!builder.usedChoices.has(name))
      builder.problem(["choices", name], `nobody uses choice ${name}; use it by { use: ${name} } or remove it`)
  const { problems, warnings } = builder
  if (problems.length > 0) return { problems, warnings }
  const network: Network = {
    name: space.name,
    space: { decisions: builder.decisions },
    table: { layers },
    graph: builder.graph(output),
  }
  return { network, problems, warnings }
}
