/** Operations without variables: activations, sums, poolings, joins, the edges of a repeat. */
import type { Tensor, Tensor4D } from "../../tensor/Backend.ts"
import { padRows, rowsIfActive, takeRows, whichActive } from "../../tensor/Cut.ts"
import {
  add,
  averagePool,
  concat,
  gelu,
  globalAveragePool,
  maxPool,
  relu,
  relu6,
  swish,
} from "../../tensor/Kernels.ts"
import type {
  ActivationNode,
  AddNode,
  ConcatNode,
  EnterNode,
  GlobalAveragePoolNode,
  LeaveNode,
  PoolNode,
} from "../../network/Graph.ts"
import { defineOperation } from "./Operation.ts"

const activations = { relu, relu6, swish, gelu }

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

export const GlobalAveragePoolOperation = defineOperation<GlobalAveragePoolNode>({
  operations: ["globalAveragePool"],
  variables: () => [],
  forward: (_node, [x]) => globalAveragePool(x as Tensor4D),
})

export const ConcatOperation = defineOperation<ConcatNode>({
  operations: ["concat"],
  variables: () => [],
  forward: (_node, inputs) => concat(inputs, 3),
})

/** A repeat that is left out works on one example: nearly free, without control flow. */
export const EnterOperation = defineOperation<EnterNode>({
  operations: ["enter"],
  variables: () => [],
  forward: (node, [x], context) =>
    takeRows(x!, rowsIfActive(context.size(node.active) as Tensor, x!.shape[0]!)),
})

export const LeaveOperation = defineOperation<LeaveNode>({
  operations: ["leave"],
  variables: () => [],
  forward: (node, [result, input], context) =>
    whichActive(padRows(result!, input!), input!, context.size(node.active) as Tensor),
})
