/** `maxPool`, `averagePool` (SAME averages exclude padding) and `globalAveragePool`. */
import { Schema } from "effect"
import { withDefault } from "../../declaration/Field.ts"
import { Name } from "../../space/Tunable.ts"
import { outputSize } from "../Shape.ts"
import { defineBlock, Extents, PaddingField, pair, Stride } from "./Block.ts"

const PoolSpec = Schema.Struct({
  name: Schema.optionalKey(Name),
  window: Extents,
  stride: withDefault(Stride, 1),
  padding: withDefault(PaddingField, "same"),
}).annotate({ identifier: "Pool" })

const pool = (kind: "maxPool" | "averagePool") =>
  defineBlock<typeof PoolSpec.Type>({
    kind,
    stage: false,
    spec: () => PoolSpec,
    build: (builder, scope, fields, input) => {
      const shape = builder.image(scope, input, "a pooling")
      const window = pair(fields.window)
      const stride = pair(fields.stride)
      const height = outputSize(shape.height, window[0], stride[0], fields.padding)
      const width = outputSize(shape.width, window[1], stride[1], fields.padding)
      if (height < 1 || width < 1)
        builder.stop(
          [...scope.at, "window"],
          `a ${window[0]} x ${window[1]} window does not fit in ${shape.height} x ${shape.width}; ` +
            "use a smaller window or padding: same",
        )
      return builder.push({
        operation: kind,
        path: scope.path,
        inputs: [input.node],
        shape: { ...shape, height, width },
        inputChannels: shape.channels,
        window,
        stride,
        padding: fields.padding,
      })
    },
  })

export const MaxPoolBlock = pool("maxPool")
export const AveragePoolBlock = pool("averagePool")

const GlobalAveragePoolSpec = Schema.Struct({ name: Schema.optionalKey(Name) }).annotate({
  identifier: "GlobalAveragePool",
})

export const GlobalAveragePoolBlock = defineBlock({
  kind: "globalAveragePool",
  stage: false,
  spec: () => GlobalAveragePoolSpec,
  build: (builder, scope, _fields, input) => {
    const { channels } = builder.image(scope, input, "globalAveragePool", {
      tokens: "use tokenMean: {} in its place",
      vector: "remove it",
    })
    return builder.push({
      operation: "globalAveragePool",
      path: scope.path,
      inputs: [input.node],
      shape: { kind: "vector", channels },
      inputChannels: channels,
    })
  },
})
