/**
 * Made-up images that a small network can learn in seconds: for tests and rehearsals without a download.
 *
 * Each class and channel has a smooth random pattern (a 4 x 4 grid of values, interpolated, wrapped around). An image
 * is its class's pattern, shifted by up to an eighth of the size and scaled at random, plus noise. Only additions and
 * multiplications: the same bytes on every machine.
 */
import { Effect, Schema } from "effect"
import { randomStream } from "../space/RandomStream.ts"
import type { Random } from "../space/RandomStream.ts"
import { dataFields } from "./DataSpec.ts"
import { limitDataset, makeDataset, makeSplit } from "./Dataset.ts"
import { asSentence, withDefault } from "../declaration/Field.ts"
import type { ByteDataset, DatasetShape } from "./Dataset.ts"
import type { DatasetKind } from "./DatasetKind.ts"

const grid = 4
/** Standard deviation of the patterns, of 255. */
const contrast = 40
const maxBytes = 2 ** 30

const between = (minimum: number, maximum: number, value: number, description: string) =>
  withDefault(
    Schema.Int.check(Schema.isBetween({ minimum, maximum })).annotate({
      description,
      default: value,
    }),
    value,
  )

const summary = "made-up images of any size that are quickly learned; nothing is fetched"

/** What a check says of itself is no part of a JSON Schema: the description stands before it. */
export const spec = Schema.Struct({
  kind: Schema.Literal("synthetic"),
  ...dataFields({ augment: [], heldOut: 500 }),
  height: between(4, 512, 32, "Height of the images in pixels, 4 to 512."),
  width: between(4, 512, 32, "Width of the images in pixels, 4 to 512."),
  channels: between(1, 4, 3, "Values of each pixel, 1 to 4."),
  classes: between(
    2,
    256,
    10,
    "Number of classes; each has as many images as another, or one more.",
  ),
  train: between(1, 1_000_000, 2500, "Images of the train split."),
  test: between(1, 1_000_000, 500, "Images of the test split."),
  noise: withDefault(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 10 })).annotate({
      description: "Standard deviation of the noise, over that of the patterns.",
      default: 1,
    }),
    1,
  ),
  dataSeed: withDefault(
    Schema.Int.annotate({
      description: "Another number makes other images; the experiment's seed does not touch them.",
      default: 1,
    }),
    1,
  ),
})
  .annotate({ description: asSentence(summary) })
  .check(
    Schema.makeFilter(
      ({ height, width, channels, train, test }) =>
        height * width * channels * (train + test) <= maxBytes ||
        "more than 1 GiB of images; fewer or smaller ones",
    ),
  )
  .annotate({ identifier: "Synthetic", title: "Synthetic images" })
type Spec = (typeof spec)["Type"]

const describe = (spec: Spec): DatasetShape => ({
  name: "synthetic",
  height: spec.height,
  width: spec.width,
  channels: spec.channels,
  classes: Array.from({ length: spec.classes }, (_, i) => `class${i}`),
  trainCount: spec.train,
  testCount: spec.test,
})

/** One pattern per class: [height, width, channels], mean about 0, standard deviation about 1. */
const makePatterns = (spec: Spec): ReadonlyArray<Float64Array> =>
  Array.from({ length: spec.classes }, (_, label) => {
    const random = randomStream(spec.dataSeed, `synthetic/pattern/${label}`)
    const pattern = new Float64Array(spec.height * spec.width * spec.channels)
    for (let channel = 0; channel < spec.channels; channel++) {
      // Uniform of variance 1; interpolation lowers the variance of the whole to about (2/3)^2, hence the 1.5.
      const nodes = Float64Array.from(
        { length: grid * grid },
        () => (random.uniform() - 0.5) * Math.sqrt(12) * 1.5,
      )
      for (let y = 0; y < spec.height; y++)
        for (let x = 0; x < spec.width; x++) {
          const [row, column] = [(y * grid) / spec.height, (x * grid) / spec.width]
          const [top, left] = [Math.floor(row), Math.floor(column)]
          const [bottom, right] = [(top + 1) % grid, (left + 1) % grid]
          const [b, r] = [row - top, column - left]
          pattern[(y * spec.width + x) * spec.channels + channel] =
            (1 - b) * ((1 - r) * nodes[top * grid + left]! + r * nodes[top * grid + right]!) +
            b * ((1 - r) * nodes[bottom * grid + left]! + r * nodes[bottom * grid + right]!)
        }
    }
    return pattern
  })

/** 65 536 nearly normal values (four bytes added up: Irwin and Hall) of mean 0 and this standard deviation. */
const makeNoise = (random: Random, deviation: number): Float64Array =>
  Float64Array.from({ length: 1 << 16 }, () => {
    const word = random.integer(2 ** 32)
    const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24)
    return (deviation * (sum - 510)) / Math.sqrt((256 ** 2 - 1) / 3)
  })

const makeSyntheticSplit = (
  spec: Spec,
  name: "train" | "test",
  patterns: ReadonlyArray<Float64Array>,
) => {
  const { height, width, channels, classes } = spec
  const random = randomStream(spec.dataSeed, `synthetic/${name}`)
  const noise = makeNoise(random, contrast * spec.noise)
  const count = spec[name]
  const rowLength = width * channels
  const images = new Uint8ClampedArray(count * height * rowLength) // rounds and clips
  const labels = Uint8Array.from(random.permutation(count), (i) => i % classes)
  const [maxDown, maxRight] = [Math.floor(height / 8), Math.floor(width / 8)]
  let at = 0
  for (let i = 0; i < count; i++) {
    const pattern = patterns[labels[i]!]!
    const down = random.integer(2 * maxDown + 1) - maxDown + height
    const right = random.integer(2 * maxRight + 1) - maxRight + width
    const strength = contrast * (0.75 + 0.5 * random.uniform())
    for (let y = 0; y < height; y++) {
      const row = ((y + down) % height) * rowLength
      let column = (right % width) * channels
      for (let x = 0; x < rowLength; x++) {
        images[at++] = 127.5 + strength * pattern[row + column]! + noise[random.integer(1 << 16)]!
        if (++column === rowLength) column = 0
      }
    }
  }
  return makeSplit(name, new Uint8Array(images.buffer), labels)
}

/** The images of a specification, always the same. */
export const makeSynthetic = (spec: Spec): ByteDataset => {
  const patterns = makePatterns(spec)
  const train = makeSyntheticSplit(spec, "train", patterns)
  const test = makeSyntheticSplit(spec, "test", patterns)
  return makeDataset(describe(spec), train, test)
}

export const Synthetic: DatasetKind<"synthetic", Spec, (typeof spec)["Encoded"]> = {
  kind: "synthetic",
  spec,
  summary,
  describe,
  source: () => undefined,
  load: (spec) => Effect.sync(() => limitDataset(makeSynthetic(spec), spec)),
}
