/** The only list of operations. */
import type { Node } from "../../network/Graph.ts"
import { ConvOperation, DenseOperation } from "./MatrixOperations.ts"
import { BatchNormOperation, BiasOperation } from "./NormOperations.ts"
import type { Operation } from "./Operation.ts"
import { DropOperation } from "./DropOperation.ts"
import { SqueezeExciteOperation } from "./SqueezeExciteOperation.ts"
import {
  AttentionOperation,
  EmbedOperation,
  LayerNormOperation,
  TokensToVectorOperation,
} from "./TokenOperations.ts"
import {
  ActivationOperation,
  AddOperation,
  ConcatOperation,
  EnterOperation,
  GlobalAveragePoolOperation,
  LeaveOperation,
  PoolOperation,
} from "./PlainOperations.ts"

export const operations: ReadonlyArray<Operation> = [
  ConvOperation,
  DenseOperation,
  BatchNormOperation,
  BiasOperation,
  ActivationOperation,
  AddOperation,
  PoolOperation,
  GlobalAveragePoolOperation,
  SqueezeExciteOperation,
  DropOperation,
  EmbedOperation,
  LayerNormOperation,
  AttentionOperation,
  TokensToVectorOperation,
  ConcatOperation,
  EnterOperation,
  LeaveOperation,
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
