/**
 * How long one layer takes on this machine: weight and input fake-quantized, then multiplied, as the supernet does it
 * in a recorded step, batch 1, with a scale of absmax for whatever the key says that one covers.
 *
 * The arithmetic is float32 whatever the format: a narrower format costs its rounding here and saves nothing. Bias, norm
 * and activation are left out. Which layers there are and what is made of the times: `cost/`.
 */
import type { KeyGranularity } from "../cost/KeyFormats.ts"
import type { LayerKey, TimeKey } from "../cost/LatencyTable.ts"
import type { Format } from "../format/Format.ts"
import { rowLength, rowNumbers, toRow } from "../format/Row.ts"
import { fakeQuantize, type FakeQuantizeOptions } from "../quantizer/FakeQuantize.ts"
import { tf } from "../tensor/Backend.ts"
import type { Tensor, Tensor2D, Tensor4D } from "../tensor/Backend.ts"
import { conv2d, depthwiseConv2d } from "../tensor/Convolution.ts"
import { matMul } from "../tensor/Kernels.ts"
import { makeStep, type Step } from "../tensor/Step.ts"
import { tokenMatMul } from "../tensor/Tokens.ts"

/** Times of several keys, taken in turns. The backend must be loaded. */
export interface LayerTimer {
  /** One more time of every key, in another order each round. */
  readonly round: () => void
  /** Medians over the rounds, in milliseconds, less what an empty step takes; in the order of the keys. */
  readonly medians: () => ReadonlyArray<number>
  readonly dispose: () => void
}

/** A timing is the fastest of so many bursts: what else the machine does only ever adds. */
const bursts = 5
/** Milliseconds that a burst lasts at least: the clock counts in microseconds. */
const shortestBurst = 0.4
/** Below this a time is noise of the subtraction. */
const leastTime = 1e-4

const shapesOf = (layer: LayerKey): { readonly x: Array<number>; readonly w: Array<number> } => {
  if (layer.kind === "dense") {
    const { channels, outputs, tokens } = layer
    return { x: tokens === 1 ? [1, channels] : [1, tokens, channels], w: [channels, outputs] }
  }
  const { channels, height, kernel, width } = layer
  const x = [1, height, width, channels]
  return layer.kind === "conv"
    ? { x, w: [...kernel, channels / (layer.groups ?? 1), layer.outputs] }
    : { x, w: [...kernel, channels, 1] }
}

const multiply = (layer: LayerKey, x: Tensor, w: Tensor): Tensor => {
  if (layer.kind === "dense") return (layer.tokens === 1 ? matMul : tokenMatMul)(x, w)
  const { dilation, padding, stride: strides } = layer
  const options = { strides, padding, ...(dilation === undefined ? {} : { dilation }) }
  if (layer.kind === "conv" && layer.groups !== undefined)
    return conv2d(x as Tensor4D, w as Tensor4D, { ...options, groups: layer.groups })
  return (layer.kind === "conv" ? conv2d : depthwiseConv2d)(x as Tensor4D, w as Tensor4D, options)
}

/** Formats are data, so one graph serves all of a mode. */
const modeOf = ({ block, name, zeroPoint }: Format): "float" | "blocks" | "scaled" | "affine" => {
  if (zeroPoint !== undefined) return "affine"
  return name === "FP32" ? "float" : block === undefined ? "scaled" : "blocks"
}

/** What one scale covers of a weight [.., in, out], or of an input whose channels are its last dimension. */
const granularityOf = (
  { kind }: LayerKey,
  isWeight: boolean,
  rank: number,
  mode: ReturnType<typeof modeOf>,
  granularity: KeyGranularity | undefined,
): FakeQuantizeOptions => {
  const blockAxis = isWeight ? rank - 2 : rank - 1
  if (mode === "blocks") return { blockAxis }
  if (granularity === undefined) return {}
  if (granularity === "channel") return { axis: kind === "depthwiseConv" ? rank - 2 : rank - 1 }
  // the batch is 1: a scale for every token is one for every index along the tokens
  if (granularity === "token") return { axis: 1 }
  return { blockAxis, blockSize: Number(granularity.slice("block".length)) }
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

interface Contestant {
  readonly run: () => void
  /** Runs in a burst. */
  count: number
  readonly times: Array<number>
}

const time = ({ count, run }: Contestant): number => {
  let fastest = Infinity
  for (let burst = 0; burst < bursts; burst++) {
    const start = performance.now()
    for (let i = 0; i < count; i++) run()
    fastest = Math.min(fastest, (performance.now() - start) / count)
  }
  return fastest
}

/** Makes graphs and tensors for these keys and warms them up. */
export const makeLayerTimer = (keys: ReadonlyArray<TimeKey>): LayerTimer => {
  const kept: Array<Tensor> = []
  const steps = new Map<string, { readonly step: Step; readonly inputs: ReadonlyArray<Tensor> }>()
  const keep = <T extends Tensor>(tensor: T): T => {
    kept.push(tensor)
    return tensor
  }

  const stepOf = (key: TimeKey) => {
    const { activations, layer, weights } = key
    const modes = [modeOf(weights), modeOf(activations)] as const
    const granularities = [key.weightGranularity, key.activationGranularity] as const
    const name = JSON.stringify([layer, modes, granularities])
    const known = steps.get(name)
    if (known !== undefined) return known
    const { w, x } = shapesOf(layer)
    const inputs = [
      keep(tf.randomNormal(x, 0, 1, "float32", 1)),
      keep(tf.randomNormal(w, 0, 1, "float32", 2)),
    ]
    const quantize = (tensor: Tensor, rows: Tensor, site: 0 | 1): Tensor => {
      const mode = modes[site]
      const granularity = granularityOf(layer, site === 0, tensor.rank, mode, granularities[site])
      return mode === "float"
        ? tensor
        : fakeQuantize(tensor, rows as Tensor2D, site, undefined, {
            ...granularity,
            zeroPoints: mode === "affine",
          })
    }
    const step = makeStep({
      state: [],
      inputs: [...inputs, keep(tf.zeros([2, rowLength]))],
      body: ([x, w, rows]) => [multiply(layer, quantize(x!, rows!, 1), quantize(w!, rows!, 0))],
    })
    const made = { step, inputs }
    steps.set(name, made)
    return made
  }

  const contestant = (step: Step, inputs: ReadonlyArray<Tensor>): Contestant => {
    const run = () => tf.dispose(step.run(inputs))
    const made = { run, count: 1, times: [] }
    // The first runs prepare the graph and the caches; those after them say how many fill a burst.
    for (let i = 0; i < 3; i++) run()
    made.count = Math.max(1, Math.ceil(shortestBurst / time(made)))
    return made
  }

  const one = keep(tf.zeros([1]))
  const empty = makeStep({ state: [], inputs: [one], body: ([x]) => [x!.clone()] })
  const contestants = keys.map((key) => {
    const { inputs, step } = stepOf(key)
    const rows = [key.weights, key.activations].map((format) => rowNumbers(toRow(format, "floor")))
    return contestant(step, [...inputs, keep(tf.tensor2d(rows))])
  })
  const all = [...contestants, contestant(empty, [one])]

  let rounds = 0
  return {
    round: () => {
      // Each round begins elsewhere and turns around, so that no key always follows the same neighbour.
      const start = Math.floor((rounds * all.length * (Math.sqrt(5) - 1)) / 2) % all.length
      const order = [...all.slice(start), ...all.slice(0, start)]
      if (rounds++ % 2 === 1) order.reverse()
      for (const next of order) next.times.push(time(next))
    },
    medians: () => {
      const overhead = median(all.at(-1)!.times)
      return contestants.map(({ times }) => Math.max(leastTime, median(times) - overhead))
    },
    dispose: () => {
      empty.dispose()
      for (const { step } of steps.values()) step.dispose()
      tf.dispose(kept)
    },
  }
}
