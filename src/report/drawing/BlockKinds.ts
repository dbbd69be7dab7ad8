/** What a drawing must know of the kinds of blocks. */
import { blocks } from "../../network/block/Blocks.ts"
import type { Tint } from "../../picture/BoxTree.ts"

const stages = new Set(blocks.flatMap(({ kind, stage }) => (stage ? [kind] : [])))
/** Whether the paths of a block have the index of a repeat. */
export const isStage = (kind: string): boolean => stages.has(kind)

/** Items of several layers with a shortcut of their own. */
export const composed = new Set(["basic", "bottleneck", "invertedResidual", "transformer"])

/** The colour of a block; `layer` where none is named. */
export const tints: Readonly<Record<string, Tint>> = {
  dense: "dense",
  maxPool: "pool",
  averagePool: "pool",
  globalAveragePool: "pool",
  globalMaxPool: "pool",
  identity: "plain",
  zero: "plain",
  norm: "plain",
  activation: "plain",
  flatten: "plain",
  dropout: "plain",
  finalNorm: "plain",
  takeClassToken: "plain",
  tokenMean: "plain",
  concat: "plain",
  sum: "plain",
  choice: "plain",
  cell: "plain",
}

/** Blocks that hold items. */
export const withItems = new Set(["residual", "concat", "sum", "choice"])
