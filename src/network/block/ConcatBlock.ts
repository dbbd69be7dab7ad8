/** `concat`: branches side by side on the same input, their channels joined (Inception, arXiv 1512.00567). */
import { Schema } from "effect"
import { combine } from "../../space/Quantity.ts"
import { itemName } from "../../space/Tunable.ts"
import { describeShape, sameWidth } from "../Shape.ts"
import { defineBlock } from "./Block.ts"
import { type Branch, branchesField, buildBranches } from "./Branches.ts"

interface Fields {
  readonly name?: string
  readonly branches: ReadonlyArray<Branch>
}

export const ConcatBlock = defineBlock<Fields>({
  kind: "concat",
  stage: false,
  spec: (item) =>
    Schema.Struct({
      name: itemName("concat"),
      branches: branchesField(item, "all end with one height and width"),
    }).annotate({
      identifier: "Concat",
      description: "Branches side by side on one input, their channels joined.",
    }),
  build: (builder, place, { branches }, input) => {
    const outputs = buildBranches(builder, place, branches, input)
    const shapes = outputs.map(({ shape }) => shape)
    const first = builder.image(place, outputs[0]!, "concat")
    for (const [i, shape] of shapes.entries())
      if (
        shape.kind !== "image" ||
        !sameWidth(shape.height, first.height) ||
        !sameWidth(shape.width, first.width)
      )
        builder.stop(
          [...place.at, "branches", i],
          `ends in ${describeShape(shape)} beside ${describeShape(first)}; branches must end with one height and width`,
        )
    const channels = combine(
      shapes.map((shape) => shape.channels),
      (widths) => widths.reduce((a, b) => a + b, 0),
    )
    return builder.push({
      operation: "concat",
      path: place.path,
      inputs: outputs.map(({ node }) => node),
      shape: { ...first, channels },
      inputChannels: channels,
    })
  },
})
