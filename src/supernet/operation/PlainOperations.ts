/** Operations without variables: activations, sums, poolings, joins, the edges of parts that may be left out. */
import type { Tensor, Tensor4D } from "../../tensor/Backend.ts"
import {
  chooseRows,
  fitChannels,
  padRows,
  rowsIfActive,
  sizesTensor,
  takeRows,
  whichActive,
  zerosFor,
} from "../../tensor/Cut.ts"
import { activations } from "../../tensor/Activations.ts"
import {
  add,
  averagePool,
  concat,
  globalAveragePool,
  globalMaxPool,
  maxPool,
} from "../../tensor/Kernels.ts"
import { flatten, lowest, padImage, resize } from "../../tensor/Images.ts"
import type {
  ActivationNode,
  AddNode,
  ChooseNode,
  ConcatNode,
  EnterNode,
  FlattenNode,
  GlobalPoolNode,
  LeaveNode,
  PadNode,
  PoolNode,
  ResizeNode,
  ZerosNode,
} from "../../network/Graph.ts"
import { defineOperation } from "./Operation.ts"

export const ActivationOperation = defineOperation<ActivationNode>({
  operations: ["activation"],
  variables: () => [],
  forward: (node, [x]) => activations[node.activation](x!),
})

export const AddOperation = defineOperation<AddNode>({
  operations: ["add"],
  variables: () => [],
  forward: (_node, [a, b]) => add(a!, b!),
})

export const PoolOperation = defineOperation<PoolNode>({
  operations: ["maxPool", "averagePool"],
  variables: () => [],
  forward: (node, [x]) =>
    (node.operation === "maxPool" ? maxPool : averagePool)(x as Tensor4D, {
      window: node.window,
      strides: node.stride,
      padding: node.padding,
    }),
})

export const GlobalPoolOperation = defineOperation<GlobalPoolNode>({
  operations: ["globalAveragePool", "globalMaxPool"],
  variables: () => [],
  forward: (node, [x], { isSizeSearched }) =>
    node.operation === "globalMaxPool"
      ? globalMaxPool(x as Tensor4D)
      : globalAveragePool(x as Tensor4D, isSizeSearched),
})

export const ResizeOperation = defineOperation<ResizeNode>({
  operations: ["resize"],
  variables: () => [],
  forward: ({ shape }, [x], { size }) => {
    if (shape.kind !== "image") throw new Error("only images are resized")
    return resize(x!, sizesTensor([size(shape.height), size(shape.width)]))
  },
})

export const PadOperation = defineOperation<PadNode>({
  operations: ["pad"],
  variables: () => [],
  forward: (node, [x]) => padImage(x!, node.around, node.value === "lowest" ? lowest : 0),
})

export const FlattenOperation = defineOperation<FlattenNode>({
  operations: ["flatten"],
  variables: () => [],
  forward: (_node, [x]) => flatten(x!),
})

export const ConcatOperation = defineOperation<ConcatNode>({
  operations: ["concat"],
  variables: () => [],
  forward: (_node, inputs) => concat(inputs, 3),
})

/** A part that is left out works on one example: nearly free, without control flow. */
export const EnterOperation = defineOperation<EnterNode>({
  operations: ["enter"],
  variables: () => [],
  forward: (node, [x], { size }) => {
    const some = takeRows(x!, rowsIfActive(size(node.active) as Tensor, x!.shape[0]!))
    const { channels } = node.shape
    return channels === node.inputChannels ? some : fitChannels(some, size(channels))
  },
})

/** The parts that do not run have worked on one example each. */
export const ChooseOperation = defineOperation<ChooseNode>({
  operations: ["choose"],
  variables: () => [],
  forward: (node, parts, { size }) => {
    const most = Math.max(...parts.map((part) => part.shape[0]!))
    const active = size(node.active)
    const rows = typeof active === "number" ? most : rowsIfActive(active, most)
    return chooseRows(parts, size(node.option) as Tensor, rows)
  },
})

export const ZerosOperation = defineOperation<ZerosNode>({
  operations: ["zeros"],
  variables: () => [],
  forward: ({ shape }, [x], { size }) => {
    const channels = size(shape.channels)
    if (shape.kind === "image")
      return zerosFor(x!, [size(shape.height), size(shape.width), channels])
    return zerosFor(x!, shape.kind === "tokens" ? [shape.tokens, channels] : [channels])
  },
})

export const LeaveOperation = defineOperation<LeaveNode>({
  operations: ["leave"],
  variables: () => [],
  forward: (node, [result, input], context) =>
    whichActive(padRows(result!, input!), input!, context.size(node.active) as Tensor),
})
