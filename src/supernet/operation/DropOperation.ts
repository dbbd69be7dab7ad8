/** `dropout` and `dropPath`: random in training, nothing in the other modes. */
import { dropout, dropPath } from "../../tensor/RandomTensor.ts"
import type { DropNode } from "../../network/Graph.ts"
import { defineOperation } from "./Operation.ts"

export const DropOperation = defineOperation<DropNode>({
  operations: ["dropout", "dropPath"],
  variables: () => [],
  forward: (node, [x], { mode, seed }) => {
    if (mode !== "train") return x!
    if (seed === undefined) throw new Error(`${node.path} needs a seed to train`)
    const drop = node.operation === "dropout" ? dropout : dropPath
    return drop(x!, node.rate, seed, node.place)
  },
})
