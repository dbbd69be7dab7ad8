/** A built network, without tensors: what everything after `Build.ts` reads of a space file. */
import type { LayerTable } from "../cost/LayerTable.ts"
import type { DecisionSpace } from "../space/Decision.ts"
import type { Graph } from "./Graph.ts"

export interface Network {
  readonly name: string
  readonly space: DecisionSpace
  /** What cost models see of it. */
  readonly table: LayerTable
  /** The operations in the order they run. */
  readonly graph: Graph
}
