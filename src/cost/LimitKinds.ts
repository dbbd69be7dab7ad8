/**
 * Limits: costs that a network may not be above at the end, beside the target that it lands on. The only list of their kinds.
 *
 * Every kind of cost can be a limit, and so can peak memory, which is no sum over layers and hence no target
 * (`network/memory/`). Left out: how limits are held (`budget/`), what a search pays for one that it is above
 * (`reward/LimitPenalty.ts`).
 */
import { Schema } from "effect"
import { field, withDefault } from "../declaration/Field.ts"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames } from "../declaration/OtherNames.ts"
import type { Choices } from "../space/Decision.ts"
import type { Quantity } from "../space/Quantity.ts"
import { ActivationMemory } from "./ActivationMemory.ts"
import type { CompiledCost, CostColumn, CostUnit } from "./Cost.ts"
import type { CostSpec } from "./Costs.ts"
import { Gbops } from "./Gbops.ts"
import { Latency } from "./Latency.ts"
import { Memory } from "./Memory.ts"

const limitFields = (unit: string, example: number) => ({
  max: field(
    Schema.Finite.check(Schema.isGreaterThan(0)),
    `What the network may cost at most, in ${unit}, above 0.`,
    { examples: [example] },
  ),
  beta: withDefault(
    Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
    1,
    "Reward lost while searching per unit of relative excess, 0 or more; in the end the limit holds whatever it is.",
  ),
})

/** Peak memory, in the words of costs. */
export const peakMemoryUnit = {
  kind: "peakMemory",
  unit: "bytes",
  scale: 1e6,
  printUnit: "MB",
  column: { key: "peakBytes", heading: "live kB", scale: 1e3, of: "of activations at once" },
} as const satisfies CostUnit & { readonly column: CostColumn }

const limitKinds = [
  {
    kind: "gbops",
    spec: Schema.Struct({
      kind: Schema.Literal("gbops"),
      ...limitFields("GBOPs", 0.5),
    }).annotate({ identifier: "GbopsLimit", description: "Bit operations in 1e9, at most." }),
  },
  {
    kind: "memory",
    spec: Schema.Struct({
      kind: Schema.Literal("memory"),
      ...limitFields("bytes", 65_536),
    }).annotate({
      identifier: "MemoryLimit",
      description: "Bytes of the stored weights, with their scales, biases and norms, at most.",
    }),
  },
  {
    kind: "activationMemory",
    spec: Schema.Struct({
      kind: Schema.Literal("activationMemory"),
      ...limitFields("bytes", 131_072),
    }).annotate({
      identifier: "ActivationMemoryLimit",
      description: "Bytes of the activations that all layers read, batch 1, at most.",
    }),
  },
  {
    kind: "latency",
    spec: Schema.Struct({
      kind: Schema.Literal("latency"),
      table: Latency.spec.fields.table,
      ...limitFields("milliseconds", 5),
    }).annotate({
      identifier: "LatencyLimit",
      description: "Milliseconds: the sum of the measured times of all layers, at most.",
    }),
  },
  {
    kind: "peakMemory",
    spec: Schema.Struct({
      kind: Schema.Literal("peakMemory"),
      ...limitFields("bytes", 32_768),
    }).annotate({
      identifier: "PeakMemoryLimit",
      description:
        "Bytes of the activations that are held at once, batch 1, in the best order of operations, at most.",
    }),
  },
] as const

export const limits = oneOfKinds(
  "Limit",
  limitKinds,
  undefined,
  otherNames({
    what: "limit",
    same: {
      gbops: "bops bitops bitOperations gbitops",
      memory: "size modelSize weights weightMemory parameterBytes bytes flash rom",
      activationMemory: "activations activationBytes inputs",
      latency: "time ms milliseconds runtime",
      peakMemory: "peak peakActivations peakRam ram sram arena tensorArena",
    },
    near: {
      gbops: "flops gflops macs gmacs mac energy power joules",
      memory: "params parameters numParams",
      latency: "throughput fps",
    },
  }),
)

/** A decoded limit. */
export type LimitSpec = typeof limits.schema.Type
export type LimitKind = LimitSpec["kind"]

/** The unit of a kind of limit. */
export const unitOf = (kind: LimitKind): CostUnit =>
  ({
    gbops: Gbops,
    memory: Memory,
    activationMemory: ActivationMemory,
    latency: Latency,
    peakMemory: peakMemoryUnit,
  })[kind]

/** The block of the cost that a limit is one of; undefined for peak memory. */
export const costOf = (spec: LimitSpec): CostSpec | undefined => {
  const { max: target } = spec
  switch (spec.kind) {
    case "peakMemory":
      return undefined
    case "latency":
      return { kind: spec.kind, table: spec.table, target }
    default:
      return { kind: spec.kind, target }
  }
}

/** A limit for one network. */
export interface Limit extends CostUnit {
  readonly max: number
  /** Reward lost per unit of relative excess. */
  readonly beta: number
  /** What one assignment costs. */
  readonly of: (choices: Choices) => number
  /** The same for every option of one decision, the others as in `choices`. */
  readonly withChoice: (choices: Choices, decision: number) => Float64Array
  /** Whether the limit is for a sum over layers, and which. */
  readonly sum?: CompiledCost
  /**
   * Else the tables of which it is the largest value, those alone that are above `max` somewhere; undefined where one is
   * too large to be made.
   */
  readonly tables?: () => ReadonlyArray<Quantity> | undefined
}

/** Whether an assignment is above no limit. */
export const holds = (limits: ReadonlyArray<Limit>, choices: Choices): boolean =>
  limits.every((limit) => limit.of(choices) <= limit.max)
