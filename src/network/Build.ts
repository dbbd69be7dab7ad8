/**
 * From a declared space to what everything else reads: the graph, the layer table and the decision space, with every
 * problem found on the way. No tensors.
 */
import type { Problem } from "../declaration/Errors.ts"
import { maximum, minimum } from "../space/Quantity.ts"
import { isUse } from "../space/Tunable.ts"
import { expand } from "../format/Formats.ts"
import { Builder } from "./Builder.ts"
import { type NamedDecision } from "./Decisions.ts"
import { describeShape } from "./Shape.ts"
import { blocks } from "./block/Blocks.ts"
import { checkBlocks } from "./format/BlockScales.ts"
import { assignFormats } from "./format/FormatScopes.ts"
import type { Network } from "./Network.ts"
import { checkMaxScales } from "./format/MaxScales.ts"
import { inputSizes } from "./InputSize.ts"
import { buildItems } from "./Items.ts"
import type { Space } from "./SpaceFile.ts"
import { warnOfNoEffect } from "./format/NoEffect.ts"
import { checkZeroPoints } from "./format/ZeroPoints.ts"

export interface Built {
  /** Absent when there are problems. */
  readonly network?: Network
  readonly problems: ReadonlyArray<Problem>
  readonly warnings: ReadonlyArray<Problem>
}

/** Expands format sets in the named choices. */
const choicesOf = (space: Space): Readonly<Record<string, NamedDecision>> =>
  Object.fromEntries(
    Object.entries(space.choices ?? {}).map(([name, { oneOf }]) => [
      name,
      { oneOf: typeof oneOf === "string" ? expand(oneOf) : oneOf },
    ]),
  )

/** Warns of width multipliers that make one and the same network. */
const warnOfTwins = (builder: Builder, at: ReadonlyArray<string>): void => {
  const seen = new Map<string, number>()
  for (const [multiplier, widths] of builder.widths.scaled) {
    const key = widths.join()
    const twin = seen.get(key)
    if (twin !== undefined)
      builder.warning(
        at,
        `width multipliers ${twin} and ${multiplier} give every layer the same width after rounding; drop one of them`,
      )
    seen.set(key, multiplier)
  }
}

/** Builds the network of a space, reporting every problem at its place in the document. */
export const build = (space: Space): Built => {
  const { problem, ...sizes } = inputSizes(space.input)
  const builder = new Builder({
    input: sizes,
    classes: space.classes,
    choices: choicesOf(space),
    cells: space.cells ?? {},
    widthRounding: space.widthRounding,
    unsigned: typeof space.formats === "object" && space.formats.scale?.unsignedAfterRelu === true,
    blocks,
  })
  builder.widths.multiplier = builder.quantity(
    builder.choose<number>(
      space.widthMultiplier,
      {
        path: "widthMultiplier",
        tag: "widthMultiplier",
        active: "always",
        at: ["widthMultiplier"],
      },
      {
        what: "a number above 0",
        test: (v) => typeof v === "number" && v > 0 && v <= 64,
        role: "architecture",
        fallback: 1,
      },
    ),
    (m) => m,
  )
  if (problem !== undefined) builder.problem(["input", "width"], problem)
  const output = buildItems(builder, space.network, ["network"], builder.input())
  warnOfTwins(
    builder,
    isUse(space.widthMultiplier) ? ["choices", space.widthMultiplier.use] : ["widthMultiplier"],
  )
  const { shape } = output
  const last: ReadonlyArray<string | number> = ["network", space.network.length - 1]
  if (!builder.broken) {
    if (shape.kind !== "vector")
      builder.problem(
        last,
        `the network ends in ${describeShape(shape)}; end it with globalAveragePool and dense: { units: classes }`,
      )
    else if (minimum(shape.channels) !== space.classes || maximum(shape.channels) !== space.classes)
      builder.problem(
        last,
        `the network ends in ${describeShape(shape)}, not in ${space.classes} classes; end it with dense: { units: classes }`,
      )
  }
  const layers = assignFormats(builder, space.formats)
  checkBlocks(builder, layers)
  checkMaxScales(builder, layers)
  checkZeroPoints(builder, layers)
  if (!builder.broken) warnOfNoEffect(builder, layers, space.formats)
  for (const name of Object.keys(space.choices ?? {}))
    if (!builder.usedChoices.has(name))
      builder.problem(
        ["choices", name],
        `no field uses choice ${name}; use it by { use: ${name} } or remove it`,
      )
  for (const name of Object.keys(space.cells ?? {}))
    if (!builder.usedCells.has(name))
      builder.problem(
        ["cells", name],
        `no item uses cell ${name}; use it by cell: { use: ${name} } or remove it`,
      )
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
