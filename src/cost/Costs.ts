/** The cost models there are: the only list. */
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { ActivationMemory } from "./ActivationMemory.ts"
import { Gbops } from "./Gbops.ts"
import { Memory } from "./Memory.ts"

export const Costs = oneOfKinds("Cost", [Gbops, Memory, ActivationMemory], "gbops")

export type CostSpec = typeof Costs.schema.Type
