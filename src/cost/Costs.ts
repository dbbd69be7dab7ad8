/** The cost models there are: the only list. */
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames } from "../declaration/OtherNames.ts"
import { ActivationMemory } from "./ActivationMemory.ts"
import type { CostModel } from "./Cost.ts"
import { Gbops } from "./Gbops.ts"
import { Latency } from "./Latency.ts"
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
      activationMemory: "ram sram peakMemory peakActivations peak",
      latency: "throughput fps",
    },
  }),
)

export type CostSpec = typeof Costs.schema.Type

/** The model of a decoded block; GBOPs where there is none. Throws when a table it needs was not read. */
export const make = (spec: CostSpec | undefined): CostModel =>
  spec === undefined
    ? Gbops
    : spec.kind === Latency.kind
      ? Latency.bind(spec)
      : Costs.members[spec.kind]
