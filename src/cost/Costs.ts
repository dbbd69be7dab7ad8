/** The cost models there are: the only list. */
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { ActivationMemory } from "./ActivationMemory.ts"
import type { CostModel } from "./Cost.ts"
import { Gbops } from "./Gbops.ts"
import { Latency } from "./Latency.ts"
import { Memory } from "./Memory.ts"

export const Costs = oneOfKinds("Cost", [Gbops, Memory, ActivationMemory, Latency], "gbops")

export type CostSpec = typeof Costs.schema.Type

/** The model of a decoded block; GBOPs where there is none. Throws when a table it needs was not read. */
export const make = (spec: CostSpec | undefined): CostModel =>
  spec === undefined
    ? Gbops
    : spec.kind === Latency.kind
      ? Latency.bind(spec)
      : Costs.members[spec.kind]
