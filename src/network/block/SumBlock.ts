/** `sum`: branches side by side on the same input, added. */
import { Schema } from "effect"
import { itemName, type Tunable } from "../../space/Tunable.ts"
import { describeShape, sameShape } from "../Shape.ts"
import { activationOf, type ActivationWord, defineBlock, optionalActivationField } from "./Block.ts"
import { type Branch, branchesField, buildBranches } from "./Branches.ts"

interface Fields {
  readonly name?: string
  readonly branches: ReadonlyArray<Branch>
  readonly activation?: Tunable<ActivationWord>
}

export const SumBlock = defineBlock<Fields>({
  kind: "sum",
  stage: false,
  spec: (item) =>
    Schema.Struct({
      name: itemName("sum"),
      branches: branchesField(item, "all end in one shape"),
      activation: optionalActivationField("to the sum"),
    }).annotate({ identifier: "Sum", description: "Branches side by side on one input, added." }),
  build: (builder, place, { activation = "none", branches }, input) => {
    const outputs = buildBranches(builder, place, branches, input)
    const [first] = outputs
    for (const [i, { shape }] of outputs.entries())
      if (!sameShape(shape, first!.shape))
        builder.stop(
          [...place.at, "branches", i],
          `ends in ${describeShape(shape)} beside ${describeShape(first!.shape)}; branches that are added must end in one shape`,
        )
    const sum = outputs
      .slice(1)
      .reduce((a, b, i) => builder.add(place, `${place.path}.add${i + 1}`, a, b), first!)
    return builder.activation(place, place.path, sum, activationOf(builder, place, activation))
  },
})
