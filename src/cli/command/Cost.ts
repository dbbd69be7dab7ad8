/** `fliqs cost SPACE`: what one network of a space costs, layer by layer. */
import { Effect, Option, Schema } from "effect"
import { pathText, printable } from "../../declaration/Errors.ts"
import { shellCommand, shellWord } from "../../declaration/Shell.ts"
import type { CostColumn } from "../../cost/Cost.ts"
import * as Costs from "../../cost/Costs.ts"
import { peakMemoryUnit } from "../../cost/LimitKinds.ts"
import type { FormatSlot, Layer, LayerTable } from "../../cost/LayerTable.ts"
import { decode } from "../../declaration/Decode.ts"
import { readKind } from "../../experiment/FileKind.ts"
import { explainPair, readPair, yamlOf } from "../../format/Pair.ts"
import type { Network } from "../../network/Network.ts"
import { extract } from "../../supernet/Child.ts"
import { compileCost } from "../../network/CostTarget.ts"
import { peakMemory } from "../../network/memory/PeakMemory.ts"
import { offersEverywhere, uniformTable } from "../../network/format/Uniform.ts"
import type { Choices } from "../../space/Decision.ts"
import { widestChoices } from "../../space/DecisionSpace.ts"
import { valueOf } from "../../space/Quantity.ts"
import { readAssignment } from "../AssignmentFile.ts"
import { buildSpace } from "../Locations.ts"
import { dim, note, percent, print, printJson, short, table } from "../Output.ts"
import { Wrong } from "../ErrorMessages.ts"

interface Chosen {
  readonly table: LayerTable
  readonly choices: Choices
}

const ofUniform = (network: Network, name: string) => {
  const option = readPair(name)
  return option === undefined
    ? Effect.fail(new Wrong({ message: `--uniform ${name}: ${explainPair(name)}` }))
    : Effect.succeed<Chosen>(uniformTable(network, option))
}

interface Input {
  readonly space: string
  readonly uniform: Option.Option<string>
  readonly assignment: Option.Option<string>
  /** The file of each kind of cost that has one. */
  readonly files: Readonly<Record<string, Option.Option<string>>>
  readonly set: ReadonlyArray<string>
  readonly json: boolean
}

/** The command that adds what the file of a cost lacks; it includes a format that the space does not offer. */
const writeCommand = (
  network: Network,
  { set, space, uniform }: Input,
  command: string,
): string => {
  const asked = Option.flatMap(uniform, (text) => Option.fromNullishOr(readPair(text))).pipe(
    Option.filter((option) => !offersEverywhere(network, option)),
    Option.map(yamlOf),
  )
  const sets = [...set, ...(Option.isSome(asked) ? [`formats=${asked.value}`] : [])]
  return shellCommand(["fliqs", command, space, ...sets.flatMap((text) => ["--set", text])])
}

/** The block of a kind of cost, with the contents of its file where it has one; undefined where no flag names it. */
const blockOf = Effect.fnUntraced(function* (
  { files = {}, kind }: (typeof Costs.kinds)[number],
  { layers, network }: { readonly layers: LayerTable; readonly network: Network },
  input: Input,
) {
  const make = (contents: object) =>
    Effect.orDie(Schema.decodeUnknownEffect(Costs.Costs.schema)({ kind, target: 1, ...contents }))
  const [entry] = Object.entries(files)
  if (entry === undefined) return yield* make({})
  const [key, file] = entry
  const path = Option.getOrUndefined(input.files[kind] ?? Option.none())
  if (path === undefined) return undefined
  const document = yield* readKind(path, [file.kind], `--${kind}`)
  const contents = yield* decode(file.schema, document, (value) => file.problems?.(value) ?? [])
  const block = yield* make({ [key]: contents })
  const fill = `${writeCommand(network, input, file.command ?? kind)} --out ${shellWord(path)}`
  const [problem] = Costs.problems(block, layers, fill)
  return problem === undefined
    ? block
    : yield* new Wrong({
        message: `${pathText(path)} ${problem.message}, or choose what the ${key} has`,
      })
})

/** A kind of cost and what one network costs by it. */
interface Priced {
  readonly column: CostColumn
  readonly unit: string
  /** Of the whole network, in the unit of the cost. */
  readonly total: number
  /** The same in `printUnit`. */
  readonly shown: number
  /** Layer by layer. */
  readonly shares: ReadonlyArray<number>
}

/** MACs and bit operations are whole numbers: summed as such, totals have no digits of float arithmetic. */
const inParts = (values: ReadonlyArray<number>, parts: number): number =>
  values.reduce((sum, value) => sum + Math.round(value * parts), 0) / parts

/** Of each layer the bytes that are held while it runs; of the network the most. */
const pricedPeak = (single: Network): Priced => {
  const { column, printUnit, scale } = peakMemoryUnit
  const peak = peakMemory(single)
  const total = peak.of([])
  return { column, unit: printUnit, total, shown: total / scale, shares: peak.byLayer([]) }
}

/** The costs of all kinds that need no file or whose file a flag names; `single` has no decisions. */
const priced = Effect.fnUntraced(function* (single: Network, network: Network, input: Input) {
  const all: Array<Priced> = []
  for (const kind of Costs.kinds) {
    const block = yield* blockOf(kind, { layers: single.table, network }, input)
    if (block === undefined) continue
    const cost = compileCost(single, block)
    const shares = cost.terms.map((term) => valueOf(term, []))
    const { column, printUnit, scale } = kind
    const total = column.parts === undefined ? cost.of([]) : inParts(shares, column.parts)
    all.push({ column, unit: printUnit, total, shown: total / scale, shares })
  }
  return [...all, pricedPeak(single)]
})

const formatOf = ({ formats }: FormatSlot) => formats[0]!

/** A layer of a network without decisions. */
const describeLayer = (layer: Layer, i: number, costs: ReadonlyArray<Priced>) => {
  const [weights, activations] = [formatOf(layer.weightFormat), formatOf(layer.activationFormat)]
  return {
    path: layer.path,
    gmacs: valueOf(layer.macs, []) / 1e9,
    weightFormat: weights.name,
    activationFormat: activations.name,
    weightBits: weights.bits,
    activationBits: activations.bits,
    ...byKey(costs, ({ shares }) => shares[i]!),
  }
}

const byKey = (
  costs: ReadonlyArray<Priced>,
  of: (cost: Priced) => number,
): Readonly<Record<string, number>> =>
  Object.fromEntries(costs.map((cost) => [cost.column.key, of(cost)]))

/** The cost of the network that the flags choose. */
const costOf = Effect.fnUntraced(function* (network: Network, input: Input) {
  const { assignment, uniform } = input
  const { choices, table: chosen } = Option.isSome(uniform)
    ? yield* ofUniform(network, uniform.value)
    : Option.isSome(assignment)
      ? { table: network.table, choices: yield* readAssignment(network, assignment.value) }
      : { table: network.table, choices: widestChoices(network.space) }
  const single = extract({ ...network, table: chosen }, choices)
  const costs = yield* priced(single, network, input)
  const layers = single.table.layers.map((layer, i) => describeLayer(layer, i, costs))
  const gmacs = inParts(
    layers.map((layer) => layer.gmacs),
    1e9,
  )
  return { costs, gmacs, layers }
})

type Cost = Effect.Success<ReturnType<typeof costOf>>

const jsonOf = ({ costs, gmacs, layers }: Cost) => ({
  ...byKey(costs, ({ total }) => total),
  gmacs,
  layers,
})

/** Whether the cost is the same with other changes of the space; not where these are wrong. */
const isSameCost = (cost: Cost, input: Input) =>
  buildSpace("cost", input.space, input.set).pipe(
    Effect.flatMap(({ network }) => costOf(network, input)),
    Effect.map((other) => JSON.stringify(jsonOf(other)) === JSON.stringify(jsonOf(cost))),
    Effect.orElseSucceed(() => false),
  )

/** A column for each cost; after the first, which searches follow by default, each layer's share of it. */
const showText = Effect.fnUntraced(function* ({ costs, gmacs, layers }: Cost) {
  const cells = (i: number) =>
    costs.flatMap(({ column, shares, total }, place) => [
      short(shares[i]! / column.scale),
      ...(place === 0 ? [percent(shares[i]! / total)] : []),
    ])
  const headings = costs.flatMap(({ column: { heading } }, place) =>
    place === 0 ? [heading, "share"] : [heading],
  )
  yield* print(
    table(
      ["layer", "weights", "activations", "MMACs", ...headings],
      layers.map((row, i) => [
        row.path,
        row.weightFormat,
        row.activationFormat,
        short(row.gmacs * 1e3),
        ...cells(i),
      ]),
    ),
  )
  const totals = costs.map(({ column, shown, unit }) =>
    [short(shown, 6), unit, ...(column.of === undefined ? [] : [column.of])].join(" "),
  )
  const words = totals.toSpliced(1, 0, `${short(gmacs, 6)} GMACs`)
  yield* print(`${dim("in all")}  ${words.join(", ")}`)
})

export const run = Effect.fn("cost")(function* (input: Input) {
  const { assignment, json, uniform } = input
  if (Option.isSome(uniform) && Option.isSome(assignment))
    return yield* new Wrong({ message: "give --uniform or --assignment, not both" })
  const { network, warnings } = yield* buildSpace("cost", input.space, input.set)
  for (const warning of warnings) yield* note(`warning: ${warning.text}`)
  const cost = yield* costOf(network, input)
  for (const [i, set] of input.set.entries()) {
    const fewer = { ...input, set: input.set.filter((_, j) => j !== i) }
    const isTold = warnings.some(({ flag }) => flag === `--set ${printable(set)}`)
    if (!isTold && (yield* isSameCost(cost, fewer)))
      yield* note(`warning: --set ${printable(set)}: changes no cost`)
  }
  if (Option.isNone(uniform) && Option.isNone(assignment) && network.space.decisions.length > 0)
    yield* note("every decision at its widest option; choose with --uniform or --assignment")
  if (json) return yield* printJson(jsonOf(cost))
  yield* showText(cost)
})
