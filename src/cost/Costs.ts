/** The only list of cost models. */
import type { Problem } from "../declaration/Errors.ts"
import { contentProblems, type NamedFiles, unreadFiles } from "../declaration/NamedFile.ts"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames } from "../declaration/OtherNames.ts"
import { ActivationMemory } from "./ActivationMemory.ts"
import type { CostKind, CostModel } from "./Cost.ts"
import { Gbops } from "./Gbops.ts"
import { Latency } from "./Latency.ts"
import type { LayerTable } from "./LayerTable.ts"
import { Memory } from "./Memory.ts"

export const Costs = oneOfKinds(
  "Cost",
  [Gbops, Memory, ActivationMemory, Latency],
  "gbops",
  otherNames({
    what: "cost",
    same: {
      gbops: "bops bitops bitOperations gbitops",
      memory: "size modelSize weights weightMemory parameterBytes bytes flash rom",
      activationMemory: "activations activationBytes inputs",
      latency: "time ms milliseconds runtime",
    },
    near: {
      gbops: "flops gflops macs gmacs mac energy power joules",
      memory: "params parameters numParams",
      latency: "throughput fps",
    },
    say: {
      "peak memory is the largest of many sums, which a search cannot land on: it is for limits only; reward.limits: [{ kind: peakMemory, max: BYTES }] beside another cost would be right":
        "peakMemory peak peakActivations peakRam ram sram arena tensorArena",
    },
  }),
)

export type CostSpec = typeof Costs.schema.Type

/** All kinds, in the order of the list. */
export const kinds: ReadonlyArray<CostKind<CostSpec>> = Costs.kinds.map((kind) => kindOf({ kind }))

function kindOf({ kind }: Pick<CostSpec, "kind">): CostKind<CostSpec> {
  return Costs.members[kind]
}

/** The model of a decoded block; GBOPs if there is none. Files that it names must have no problems. */
export const make = (spec: CostSpec | undefined): CostModel => {
  if (spec === undefined) return Gbops
  const cost = kindOf(spec)
  const { kind, printUnit, scale, unit } = cost
  return { kind, printUnit, scale, unit, layerCost: (layer) => cost.layerCost(layer, spec) }
}

/** The files that a block may name, by key. */
export const filesOf = (spec: CostSpec): NamedFiles => kindOf(spec).files ?? {}

/** Whether a block names a file that was not read or could not be read: then nothing is known of its cost. */
export const isUnread = (spec: CostSpec): boolean => unreadFiles(filesOf(spec), spec).length > 0

/**
 * What prevents a block from costing these layers, by paths into the block.
 *
 * @param fill the command that adds what its files lack
 */
export const problems = (
  spec: CostSpec,
  layers: LayerTable,
  fill?: string,
): ReadonlyArray<Problem> => {
  const files = filesOf(spec)
  const wrong = [
    ...unreadFiles(files, spec).map(({ key, path }) => ({
      path: [key],
      message: `the file ${path} was not read`,
    })),
    ...contentProblems(files, spec),
  ]
  const command = fill ?? fillCommand(files)
  return wrong.length > 0 ? wrong : (kindOf(spec).problems?.(spec, layers, command) ?? [])
}

/** The command that writes the file of a kind, with placeholders for the space and the file. */
const fillCommand = (files: NamedFiles): string => {
  const command = Object.values(files).find((file) => file.command !== undefined)?.command
  return `fliqs ${command} SPACE --out FILE`
}

/** The block with only those contents that the cost of these layers depends on; the block itself if a file is not read. */
export const identity = (spec: CostSpec, layers: LayerTable): CostSpec =>
  isUnread(spec) ? spec : (kindOf(spec).identity?.(spec, layers) ?? spec)
