/**
 * What the parts of a file take, beside what the cost `memory` says of its network.
 *
 * Left out: the cost (`cost/Memory.ts`).
 */
import { weightBits } from "../../cost/Storage.ts"
import { Memory } from "../../cost/Memory.ts"
import type { Network } from "../../network/Network.ts"
import { valueOf } from "../../space/Quantity.ts"
import type { OnnxConstant, OnnxFile } from "./ReadOnnx.ts"
import { layerOfNode } from "./LayerProfile.ts"

/** Bytes. */
export interface FileSizes {
  readonly file: number
  /** Codes and scales of the layers' weights. */
  readonly weights: number
  /** Other numbers of the network: biases, layer norms, positions, squeeze-excite. */
  readonly constants: number
  /** Nodes, names, metadata; scales of inputs, tables of values, sizes. */
  readonly graph: number
}

/** A constant of the weight of a layer: `stem.weight`, `stem.weight.codes`. */
const isWeight = (name: string, path: string): boolean =>
  /^\.weight(?:$|\W)/u.test(name.slice(path.length))

/** A constant of the network beside the weights of layers: `stem.bias`, `stage1.0.norm1.gamma`. */
const isNumbers = ({ name }: OnnxConstant): boolean =>
  /\.(?:bias|gain|factors|gamma|beta|classToken|positions|(?:squeeze|excite)(?:Bias)?)$/u.test(name)

export const sizesOf = (
  { bytes, constants }: OnnxFile,
  paths: ReadonlyArray<string>,
): FileSizes => {
  const layerOf = layerOfNode(paths)
  const isOfWeight = ({ name }: OnnxConstant): boolean => {
    const path = layerOf(name)
    return path !== undefined && isWeight(name, path)
  }
  const sizeOf = (some: ReadonlyArray<OnnxConstant>): number =>
    some.reduce((sum, constant) => sum + constant.bytes, 0)
  const weights = sizeOf(constants.filter(isOfWeight))
  const numbers = sizeOf(constants.filter((one) => !isOfWeight(one) && isNumbers(one)))
  return {
    file: bytes,
    weights,
    constants: numbers,
    graph: Math.max(0, bytes - weights - numbers),
  }
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
