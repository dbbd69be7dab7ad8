/**
 * What the parts of a file take, beside what the cost `memory` says of its network.
 *
 * Left out: the cost (`cost/Memory.ts`).
 */
import { weightBits } from "../../cost/Storage.ts"
import { Memory } from "../../cost/Memory.ts"
import type { Network } from "../../network/Network.ts"
import { valueOf } from "../../space/Quantity.ts"
import type { OnnxFile } from "./ReadOnnx.ts"
import { layerOfNode } from "./LayerProfile.ts"

/** Bytes. */
export interface FileSizes {
  readonly file: number
  /** Codes and scales of the layers' weights. */
  readonly weights: number
  /** All other constants: biases, norms, scales of inputs, tables of values. */
  readonly constants: number
  /** Nodes, names, metadata. */
  readonly graph: number
}

/** A constant of the weight of a layer: `stem.weight`, `stem.weight.codes`. */
const isWeight = (name: string, path: string): boolean =>
  /^\.weight(?:$|\W)/u.test(name.slice(path.length))

export const sizesOf = (
  { bytes, constants }: OnnxFile,
  paths: ReadonlyArray<string>,
): FileSizes => {
  const layerOf = layerOfNode(paths)
  const all = constants.reduce((sum, constant) => sum + constant.bytes, 0)
  const weights = constants.reduce((sum, constant) => {
    const path = layerOf(constant.name)
    return path !== undefined && isWeight(constant.name, path) ? sum + constant.bytes : sum
  }, 0)
  return { file: bytes, weights, constants: all - weights, graph: Math.max(0, bytes - all) }
}

/** Bytes that the cost `memory` predicts of a network without decisions. */
export interface Predicted {
  readonly memory: number
  /** Of it, codes and scales of weights; the rest are biases and norms. */
  readonly weights: number
}

export const predictedOf = ({ table: { layers } }: Network): Predicted => ({
  memory: layers.reduce((sum, layer) => sum + valueOf(Memory.layerCost(layer), []), 0),
  weights: layers.reduce((sum, layer) => sum + valueOf(weightBits(layer), []) / 8, 0),
})
