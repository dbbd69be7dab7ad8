/** `maxPool`, `averagePool` (SAME averages exclude padding) and `globalAveragePool`. */
import { Schema } from "effect"
import { field } from "../../declaration/Field.ts"
import { itemName } from "../../space/Tunable.ts"
import { outputSize } from "../Shape.ts"
import { defineBlock, Extents, paddingField, pair, strideField } from "./Block.ts"

const poolSpec = (kind: string, identifier: string, description: string) =>
  Schema.Struct({
    name: itemName(kind),
    window: field(
      Extents,
      "Height and width of the window in pixels, 1 to 64: one number, or [height, width].",
    ),
    stride: strideField("the window"),
    padding: paddingField,
  }).annotate({ identifier, description })

const pool = (kind: "maxPool" | "averagePool", spec: ReturnType<typeof poolSpec>) =>
  defineBlock<(typeof spec)["Type"]>({
    kind,
    stage: false,
    spec: () => spec,
    build: (builder, place, fields, input) => {
      const shape = builder.image(place, input, "a pooling")
      const window = pair(fields.window)
      const stride = pair(fields.stride)
      const height = outputSize(shape.height, window[0], stride[0], fields.padding)
      const width = outputSize(shape.width, window[1], stride[1], fields.padding)
      if (height < 1 || width < 1)
        builder.stop(
          [...place.at, "window"],
          `a ${window[0]} x ${window[1]} window does not fit in ${shape.height} x ${shape.width}; ` +
            "use a smaller window or padding: same",
        )
      return builder.push({
        operation: kind,
        path: place.path,
        inputs: [input.node],
        shape: { ...shape, height, width },
        inputChannels: shape.channels,
        window,
        stride,
        padding: fields.padding,
      })
    },
  })

export const MaxPoolBlock = pool(
  "maxPool",
  poolSpec("maxPool", "MaxPool", "The largest value of each window."),
)
export const AveragePoolBlock = pool(
  "averagePool",
  poolSpec("averagePool", "AveragePool", "The mean of each window, without its padding."),
)

const GlobalAveragePoolSpec = Schema.Struct({ name: itemName("globalAveragePool") }).annotate({
  identifier: "GlobalAveragePool",
  description: "The mean of each channel over the whole image: a vector, for dense.",
  examples: [{}],
})

export const GlobalAveragePoolBlock = defineBlock({
  kind: "globalAveragePool",
  stage: false,
  spec: () => GlobalAveragePoolSpec,
  build: (builder, place, _fields, input) => {
    const { channels } = builder.image(place, input, "globalAveragePool", {
      tokens: "use tokenMean: {} in its place",
      vector: "remove it",
    })
    return builder.push({
      operation: "globalAveragePool",
      path: place.path,
      inputs: [input.node],
      shape: { kind: "vector", channels },
      inputChannels: channels,
    })
  },
})
