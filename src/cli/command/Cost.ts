/** `fliqs cost SPACE`: what one network of a space costs, layer by layer. */
import { Effect, Option, Result } from "effect"
import { pathText, printable, problemText } from "../../declaration/Errors.ts"
import { shellCommand, shellWord } from "../../declaration/Shell.ts"
import { ActivationMemory } from "../../cost/ActivationMemory.ts"
import { compile } from "../../cost/Cost.ts"
import { Gbops } from "../../cost/Gbops.ts"
import type { FormatSlot, LayerTable } from "../../cost/LayerTable.ts"
import { latencyBy } from "../../cost/Latency.ts"
import { LatencyTable, missingFrom, tableProblems, textOf } from "../../cost/LatencyTable.ts"
import { Memory } from "../../cost/Memory.ts"
import { decode } from "../../declaration/Decode.ts"
import { readKind } from "../../experiment/FileKind.ts"
import { explainPair, readPair, yamlOf } from "../../format/Pair.ts"
import type { Network } from "../../network/Build.ts"
import { extract } from "../../supernet/Child.ts"
import { offersEverywhere, uniformTable } from "../../network/format/Uniform.ts"
import type { Assignment, Choices } from "../../space/Decision.ts"
import { fromAssignment, widestChoices } from "../../space/DecisionSpace.ts"
import { valueOf } from "../../space/Quantity.ts"
import { buildSpace } from "../Files.ts"
import { dim, note, percent, print, printJson, short, table } from "../Output.ts"
import { Wrong } from "../Words.ts"

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

/** A plain mapping, or one under `assignment` as `show --json` and result.json have it. */
const ofFile = Effect.fnUntraced(function* (network: Network, file: string) {
  const { value } = yield* readKind(file, ["assignment", "result"], "--assignment")
  const inner =
    typeof value === "object" && value !== null && "assignment" in value ? value.assignment : value
  if (typeof inner !== "object" || inner === null || Array.isArray(inner))
    return yield* new Wrong({
      message: `${pathText(file)}: this is no assignment; a mapping of decision path to option would be right`,
    })
  const found = fromAssignment(network.space, inner as Assignment)
  if (Result.isFailure(found))
    return yield* new Wrong({
      message: found.failure
        .map((problem) => `${pathText(file)}: ${problemText(problem)}`)
        .join("\n"),
    })
  return { table: network.table, choices: found.success } satisfies Chosen
})

/** The command that measures what the table lacks; a format that the space does not offer is asked for. */
const measureBy = (
  network: Network,
  {
    set,
    space,
    uniform,
  }: {
    readonly set: ReadonlyArray<string>
    readonly space: string
    readonly uniform: Option.Option<string>
  },
): string => {
  const asked = Option.flatMap(uniform, (text) => Option.fromNullishOr(readPair(text))).pipe(
    Option.filter((option) => !offersEverywhere(network, option)),
    Option.map(yamlOf),
  )
  const sets = [...set, ...(Option.isSome(asked) ? [`formats=${asked.value}`] : [])]
  return shellCommand(["fliqs", "latency", space, ...sets.flatMap((text) => ["--set", text])])
}

/** The cost of a latency table that has every time of these layers at these choices. */
const ofTable = Effect.fnUntraced(function* (
  { choices, table: layers }: Chosen,
  network: Network,
  { file, measure }: { readonly file: string; readonly measure: string },
) {
  const times = yield* decode(
    LatencyTable,
    yield* readKind(file, ["latency table"], "--latency"),
    tableProblems,
  )
  const single = extract({ ...network, table: layers }, choices)
  const [first, ...more] = missingFrom(times, single.table)
  if (first !== undefined)
    return yield* new Wrong({
      message: `${pathText(file)} has no time of "${textOf(first)}"${more.length === 0 ? "" : ` and ${more.length} more`}; fill it by ${measure} --out ${shellWord(file)}, or choose what the table has`,
    })
  const cost = compile(single.table, latencyBy(times), single.space)
  const shares = new Map(
    single.table.layers.map(({ path }, i) => [path, valueOf(cost.terms[i]!, [])]),
  )
  return { ms: cost.of([]), shares }
})

const describe = (
  { choices, table: layers }: Chosen,
  network: Network,
  latency: { readonly ms: number; readonly shares: ReadonlyMap<string, number> } | undefined,
) => {
  const gbops = compile(layers, Gbops, network.space)
  const memory = compile(layers, Memory, network.space)
  const inputs = compile(layers, ActivationMemory, network.space)
  const format = (slot: FormatSlot) =>
    slot.formats[slot.decision === null ? 0 : choices[slot.decision]!]!
  const rows = layers.layers.flatMap((layer, i) => {
    if (valueOf(layer.active, choices) === 0) return []
    const weights = format(layer.weightFormat)
    const activations = format(layer.activationFormat)
    return [
      {
        path: layer.path,
        gmacs: valueOf(layer.macs, choices) / 1e9,
        weightFormat: weights.name,
        activationFormat: activations.name,
        weightBits: weights.bits,
        activationBits: activations.bits,
        weightBytes: valueOf(memory.terms[i]!, choices),
        activationBytes: valueOf(inputs.terms[i]!, choices),
        gbops: valueOf(gbops.terms[i]!, choices),
        ...(latency === undefined ? {} : { ms: latency.shares.get(layer.path)! }),
      },
    ]
  })
  // MACs and bit operations are whole numbers: summed as such, totals have no digits of float arithmetic.
  const whole = (of: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((sum, row) => sum + Math.round(of(row) * 1e9), 0) / 1e9
  return {
    gbops: whole((row) => row.gbops),
    gmacs: whole((row) => row.gmacs),
    weightBytes: memory.of(choices),
    activationBytes: inputs.of(choices),
    ...(latency === undefined ? {} : { ms: latency.ms }),
    layers: rows,
  }
}

interface Input {
  readonly space: string
  readonly uniform: Option.Option<string>
  readonly assignment: Option.Option<string>
  readonly latency: Option.Option<string>
  readonly set: ReadonlyArray<string>
  readonly json: boolean
}

/** The cost of what the flags choose of a network. */
const costOf = Effect.fnUntraced(function* (network: Network, input: Input) {
  const { assignment, latency, uniform } = input
  const chosen = Option.isSome(uniform)
    ? yield* ofUniform(network, uniform.value)
    : Option.isSome(assignment)
      ? yield* ofFile(network, assignment.value)
      : { table: network.table, choices: widestChoices(network.space) }
  const times = Option.isSome(latency)
    ? yield* ofTable(chosen, network, { file: latency.value, measure: measureBy(network, input) })
    : undefined
  return describe(chosen, network, times)
})

/** Whether the cost is the same with other changes of the space; not where these are wrong. */
const isSameCost = (cost: object, input: Input) =>
  buildSpace("cost", input.space, input.set).pipe(
    Effect.flatMap(({ network }) => costOf(network, input)),
    Effect.map((other) => JSON.stringify(other) === JSON.stringify(cost)),
    Effect.orElseSucceed(() => false),
  )

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
  if (json) return yield* printJson(cost)
  yield* print(
    table(
      [
        "layer",
        "weights",
        "activations",
        "MMACs",
        "GBOPs",
        "share",
        "weight kB",
        "input kB",
        ...(cost.ms === undefined ? [] : ["ms"]),
      ],
      cost.layers.map((row) => [
        row.path,
        row.weightFormat,
        row.activationFormat,
        short(row.gmacs * 1e3),
        short(row.gbops),
        percent(row.gbops / cost.gbops),
        short(row.weightBytes / 1e3),
        short(row.activationBytes / 1e3),
        ...(row.ms === undefined ? [] : [short(row.ms)]),
      ]),
    ),
  )
  yield* print(
    `${dim("in all")}  ${short(cost.gbops, 6)} GBOPs, ${short(cost.gmacs, 6)} GMACs, ${short(cost.weightBytes / 1e6, 6)} MB of weights, ${short(cost.activationBytes / 1e6, 6)} MB of inputs` +
      (cost.ms === undefined ? "" : `, ${short(cost.ms, 6)} ms`),
  )
})
