/** `maxPool`, `averagePool` (SAME averages exclude padding), `globalAveragePool`, `globalMaxPool` and `flatten`. */
import { Schema } from "effect"
import { field } from "../../declaration/Field.ts"
import { combine, minimum } from "../../space/Quantity.ts"
import { itemName } from "../../space/Tunable.ts"
import { describeImage, outputSizes } from "../Shape.ts"
import { defineBlock, Extents, paddingField, paddingOf, pair, strideField } from "./Block.ts"

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
      builder.image(place, input, "a pooling")
      const window = pair(fields.window)
      const stride = pair(fields.stride)
      const declared = paddingOf(fields.padding)
      if (
        typeof declared !== "string" &&
        declared.some((sides, i) => Math.max(...sides) >= window[i]!)
      )
        builder.stop(
          [...place.at, "padding"],
          `a ${window[0]} x ${window[1]} window may hold no pixel of the image; use a padding below the window`,
        )
      const filling = kind === "maxPool" ? "lowest" : "zero"
      const padded =
        typeof declared === "string" ? input : builder.pad(place.path, input, declared, filling)
      const padding = typeof declared === "string" ? declared : "valid"
      const shape = builder.image(place, padded, "a pooling")
      const height = outputSizes(shape.height, window[0], stride[0], padding)
      const width = outputSizes(shape.width, window[1], stride[1], padding)
      if (minimum(height) < 1 || minimum(width) < 1)
        builder.stop(
          [...place.at, "window"],
          `a ${window[0]} x ${window[1]} window does not fit in ${describeImage(shape)}; ` +
            "use a smaller window or padding: same",
        )
      return builder.push({
        operation: kind,
        path: place.path,
        inputs: [padded.node],
        shape: { ...shape, height, width },
        inputChannels: shape.channels,
        window,
        stride,
        padding,
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

/** From an image to a vector. */
const toVector = (
  kind: "globalAveragePool" | "globalMaxPool" | "flatten",
  identifier: string,
  description: string,
) =>
  defineBlock({
    kind,
    stage: false,
    spec: () =>
      Schema.Struct({ name: itemName(kind) }).annotate({ identifier, description, examples: [{}] }),
    build: (builder, place, _fields, input) => {
      const { channels, height, width } = builder.image(place, input, kind, {
        tokens: "use tokenMean: {} in its place",
        vector: "remove it",
      })
      const values =
        kind === "flatten"
          ? combine([channels, height, width], ([n, h, w]) => n! * h! * w!)
          : channels
      return builder.push({
        operation: kind,
        path: place.path,
        inputs: [input.node],
        shape: { kind: "vector", channels: values },
        inputChannels: channels,
      })
    },
  })

export const GlobalAveragePoolBlock = toVector(
  "globalAveragePool",
  "GlobalAveragePool",
  "The mean of each channel over the whole image: a vector, for dense.",
)
export const GlobalMaxPoolBlock = toVector(
  "globalMaxPool",
  "GlobalMaxPool",
  "The largest value of each channel over the whole image: a vector, for dense.",
)
export const FlattenBlock = toVector(
  "flatten",
  "Flatten",
  "All values of the image as a vector, for dense: height x width of the first channel, then of the next.",
)
