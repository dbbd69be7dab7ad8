/** `concat`: branches side by side on the same input, their channels joined (Inception, arXiv 1512.00567). */
import { Schema } from "effect"
import { combine } from "../../space/Quantity.ts"
import { field, optional } from "../../declaration/Field.ts"
import { itemName, Name } from "../../space/Tunable.ts"
import { type BlockPlace } from "../Decisions.ts"
import { describeShape } from "../Shape.ts"
import { buildItems } from "../Items.ts"
import { defineBlock } from "./Block.ts"

interface Fields {
  readonly name?: string
  readonly branches: ReadonlyArray<{
    readonly name?: string
    readonly items: ReadonlyArray<Readonly<Record<string, unknown>>>
  }>
}

export const ConcatBlock = defineBlock<Fields>({
  kind: "concat",
  stage: false,
  spec: (item) =>
    Schema.Struct({
      name: itemName("concat"),
      branches: field(
        Schema.Array(
          Schema.Struct({
            name: optional(Name, "Name of the branch. Default: its index, counted from 0."),
            items: field(
              Schema.Array(item),
              "Items of the branch, top to bottom; an empty list passes the input on.",
              { examples: [[{ conv: { filters: 16, kernel: 1 } }]] },
            ),
          }),
        ).check(Schema.isMinLength(2), Schema.isMaxLength(64)),
        "2 to 64 branches on the same input; all end with one height and width.",
        { examples: [[{ items: [] }, { items: [{ conv: { filters: 16, kernel: 3 } }] }]] },
      ),
    }).annotate({
      identifier: "Concat",
      description: "Branches side by side on one input, their channels joined.",
    }),
  build: (builder, place, { branches }, input) => {
    const names = new Set<string>()
    const outputs = branches.map((branch, i) => {
      const name = branch.name ?? String(i)
      const at = [...place.at, "branches", i]
      if (names.has(name))
        builder.problem(
          [...at, "name"],
          `another branch is already called ${name}; give one of them another name`,
        )
      names.add(name)
      const path = `${place.path}.${name}`
      // the outermost concat is the stage, a branch of it the block
      const inner: BlockPlace = {
        ...place,
        path,
        item: path,
        block: place.inside === true ? place.block : path,
        inside: true,
        at,
      }
      return buildItems(builder, branch.items, [...at, "items"], input, inner)
    })
    const shapes = outputs.map(({ shape }) => shape)
    const first = builder.image(place, outputs[0]!, "concat")
    for (const [i, shape] of shapes.entries())
      if (shape.kind !== "image" || shape.height !== first.height || shape.width !== first.width)
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
