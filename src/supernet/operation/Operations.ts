/** The only list of operations. */
import type { Node } from "../../network/Graph.ts"
import type { Network } from "../../network/Network.ts"
import { ConvOperation, DenseOperation } from "./MatrixOperations.ts"
import {
  BatchNormOperation,
  BiasOperation,
  GroupNormOperation,
  LayerNormOperation,
  LayerScaleOperation,
} from "./NormOperations.ts"
import type { Operation, VariableSpec } from "./Operation.ts"
import { DropOperation } from "./DropOperation.ts"
import { SqueezeExciteOperation } from "./SqueezeExciteOperation.ts"
import { AttentionOperation, EmbedOperation, TokensToVectorOperation } from "./TokenOperations.ts"
import {
  ActivationOperation,
  AddOperation,
  ChooseOperation,
  ConcatOperation,
  EnterOperation,
  FlattenOperation,
  GlobalPoolOperation,
  LeaveOperation,
  PadOperation,
  PoolOperation,
  ResizeOperation,
  ZerosOperation,
} from "./PlainOperations.ts"

export const operations: ReadonlyArray<Operation> = [
  ConvOperation,
  DenseOperation,
  BatchNormOperation,
  BiasOperation,
  ActivationOperation,
  AddOperation,
  PoolOperation,
  GlobalPoolOperation,
  PadOperation,
  FlattenOperation,
  SqueezeExciteOperation,
  DropOperation,
  EmbedOperation,
  LayerNormOperation,
  GroupNormOperation,
  LayerScaleOperation,
  AttentionOperation,
  TokensToVectorOperation,
  ConcatOperation,
  EnterOperation,
  LeaveOperation,
  ChooseOperation,
  ZerosOperation,
  ResizeOperation,
]

const byName = new Map<string, Operation>(
  operations.flatMap((operation) => operation.operations.map((name) => [name, operation] as const)),
)

/** The operation of a node. Throws for the input node, which has none. */
export const operationOf = (node: Node): Operation => {
  const operation = byName.get(node.operation)
  if (operation === undefined) throw new Error(`no operation runs ${node.operation} nodes`)
  return operation
}

/** A variable that an operation declares, in the shape of the largest network. */
export interface DeclaredVariable {
  /** `stage1.0.conv1.weight` */
  readonly name: string
  readonly spec: VariableSpec
}

/** Every variable that the operations of a network declare, in the order of its nodes; learned scales are none of them. */
export const declaredVariables = ({
  graph,
}: Pick<Network, "graph">): ReadonlyArray<DeclaredVariable> =>
  graph.nodes.flatMap((node) =>
    node.operation === "input"
      ? []
      : operationOf(node)
          .variables(node)
          .map((spec) => ({ name: `${node.path}.${spec.name}`, spec })),
  )
