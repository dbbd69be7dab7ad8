/**
 * A file on labelled images: whether it takes them, and how often each class is taken for each other one.
 *
 * Left out: where the images come from (`data/`), names and words (`cli/`).
 */
import type { Values } from "../../data/Dataset.ts"
import type { EvaluationBatch } from "../../data/Batches.ts"
import type { Preprocessing } from "../FoundModel.ts"
import { normalised } from "../onnx/OnnxRuntime.ts"
import { type Confusion, countConfusion } from "./Confusion.ts"
import { type OnnxSession, type OnnxValue, tensor } from "./OnnxSession.ts"

/** How a file takes images and gives logits. */
export interface Interface {
  readonly input: string
  /** `float32` [batch, channels, height, width], normalised; `uint8` [batch, height, width, channels]. */
  readonly type: "float32" | "uint8"
  /** [height, width, channels]; undefined where the file does not fix it. */
  readonly size: ReadonlyArray<number | undefined>
  /** Images at once; undefined where any number will do. */
  readonly batch: number | undefined
  /** Number of logits; undefined where the file does not fix it. */
  readonly classes: number | undefined
}

const known = (size: number | string | undefined): number | undefined =>
  typeof size === "number" ? size : undefined

const describe = ({ name, shape = [], type = "no tensor" }: OnnxValue): string =>
  `${name}: ${type} [${shape.join(", ")}]`

/** What a session takes and gives; words where these are no images and logits. */
export const interfaceOf = ({
  inputs,
  outputs,
}: Pick<OnnxSession, "inputs" | "outputs">): Interface | string => {
  const [input, ...others] = inputs
  const [output] = outputs
  const { shape = [], type } = input ?? {}
  if (input === undefined || others.length > 0 || shape.length !== 4)
    return `it takes ${inputs.map(describe).join("; ") || "nothing"}; one input would be right, float32 [batch, channels, height, width] or uint8 [batch, height, width, channels]`
  if (type !== "float32" && type !== "uint8")
    return `it takes ${describe(input)}; float32 [batch, channels, height, width] or uint8 [batch, height, width, channels] would be right`
  if (output?.type !== "float32" || output.shape?.length !== 2)
    return `it gives ${output === undefined ? "nothing" : describe(output)}; float32 [batch, classes] would be right`
  const [batch, ...rest] = shape.map(known)
  const [channels, height, width] = rest
  return {
    input: input.name,
    type,
    size: type === "uint8" ? rest : [height, width, channels],
    batch,
    classes: known(output.shape[1]),
  }
}

/** What the images of a run are. */
export interface Taken {
  readonly face: Interface
  /** [height, width, channels] */
  readonly size: readonly [number, number, number]
  readonly preprocessing: Preprocessing
}

/** The feeds of `count` images [count, height, width, channels]. */
export const feedsOf = (
  images: Values,
  count: number,
  { face, preprocessing, size }: Taken,
): Readonly<Record<string, unknown>> => {
  const [height, width, channels] = size
  const values =
    face.type === "uint8"
      ? tensor(images, [count, ...size])
      : tensor(
          normalised(images, count, {
            network: { graph: { input: { height, width, channels } } },
            preprocessing,
          }),
          [count, channels, height, width],
        )
  return { [face.input]: values }
}

/** Values of a batch that a computer of little memory holds, activations too. */
const batchValues = 2 ** 19

/** Images of a batch. */
export const batchOf = ({ face, size }: Taken): number =>
  face.batch ?? Math.max(1, Math.min(128, Math.floor(batchValues / size[0] / size[1] / size[2])))

/**
 * Runs a file on all batches, which are of `batchOf` images; labels are places in `classes`.
 *
 * @param seen is told how many images have been run
 */
export const measure = async (
  session: OnnxSession,
  taken: Taken,
  classes: number,
  batches: Iterable<EvaluationBatch> | AsyncIterable<EvaluationBatch>,
  seen: (images: number) => void,
): Promise<Confusion> => {
  const counter = countConfusion(classes)
  const pixels = taken.size[0] * taken.size[1] * taken.size[2]
  let images = 0
  for await (const batch of batches) {
    // A file of a fixed batch takes the zeros behind the last images too.
    const fed = taken.face.batch ?? batch.count
    const logits = await session.run(feedsOf(batch.images.subarray(0, fed * pixels), fed, taken))
    if (logits.length !== fed * classes)
      throw new Error(`it gives ${logits.length / fed} logits for an image, not ${classes}`)
    counter.add(logits, batch.labels, batch.count)
    images += batch.count
    seen(images)
  }
  return counter.result()
}
