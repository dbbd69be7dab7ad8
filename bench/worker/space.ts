/**
 * Steps of this project on any space, as a trial runs them: the graphs of `train/Steps.ts` on one made-up batch.
 *
 * Left out: reading data, the search (`trial.ts`).
 */
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import type { Batch } from "../../src/data/Batches.ts"
import type { Dataset, Split } from "../../src/data/Dataset.ts"
import { decode } from "../../src/declaration/Decode.ts"
import { read } from "../../src/declaration/Document.ts"
import { explain, parse } from "../../src/format/Formats.ts"
import { largestInput } from "../../src/network/InputSize.ts"
import { build } from "../../src/network/Build.ts"
import type { Network } from "../../src/network/Network.ts"
import { Space } from "../../src/network/SpaceFile.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { uniformTable } from "../../src/network/format/Uniform.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { widestChoices } from "../../src/space/DecisionSpace.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { load } from "../../src/tensor/Backend.ts"
import { makeSteps } from "../../src/train/Steps.ts"

/** `random`: another assignment every step; `once`: the first of those, always; `widest`: the last options. */
export const policies = ["random", "once", "widest"] as const
export type PolicyName = (typeof policies)[number]
/**
 * `search`: a training step and four measured proposals; `relaxed`: a training step under all formats at once; `distill`: one
 * in which the widest network teaches.
 */
export const passes = ["train", "measure", "evaluate", "search", "relaxed", "distill"] as const
export type Pass = (typeof passes)[number]

export interface SpaceRun {
  /** A space file. */
  readonly space: string
  /** This format everywhere, offered or not; else the space decides. */
  readonly uniform?: string
  /** In place of `formats.scale`. */
  readonly scale?: object
  readonly policy: PolicyName
  /** True: every searched size is its largest, and the graph knows it. */
  readonly largest: boolean
  readonly pass: Pass
  readonly batch: number
  readonly threads: number
  readonly eager: boolean
}

/** Every list of numbers to choose from, as its largest. */
const largestOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(largestOf)
  if (typeof value !== "object" || value === null) return value
  if ("oneOf" in value && Array.isArray(value.oneOf)) {
    const options: ReadonlyArray<unknown> = value.oneOf
    if (options.every((option) => typeof option === "number")) return Math.max(...options)
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, largestOf(inner)]))
}

/** The declaration of a space with another `formats.scale`. */
const scaledAs = (value: unknown, scale: object): unknown => {
  const { formats } = value as { readonly formats: object }
  return { ...(value as object), formats: { ...formats, scale } }
}

const readNetwork = async ({ space, largest, uniform, scale }: SpaceRun) => {
  const change = (value: unknown): unknown => {
    const sized = largest ? largestOf(value) : value
    return scale === undefined ? sized : scaledAs(sized, scale)
  }
  const declared = await Effect.runPromise(
    read(space).pipe(
      Effect.flatMap((document) =>
        decode(Space, {
          ...document,
          value: change(document.value),
        }),
      ),
      Effect.provide(NodeServices.layer),
    ),
  )
  const { network, problems } = build(declared)
  if (network === undefined) throw new Error(problems.map(({ message }) => message).join("\n"))
  if (uniform === undefined) return { network, declared }
  const format = parse(uniform)
  if (format === undefined) throw new Error(`${uniform} ${explain(uniform)}`)
  return { network: { ...network, table: uniformTable(network, format.name).table }, declared }
}

const empty: Split = {
  name: "none",
  images: new Uint8Array(),
  labels: new Uint8Array(),
  count: 0,
  digest: "",
}

/** The shape of the space's images and nothing in it. */
const datasetOf = ({ input, classes }: Space): Dataset => ({
  name: "bench",
  ...largestInput(input),
  classes: Array.from({ length: classes }, (_, i) => String(i)),
  train: empty,
  test: empty,
  mean: Array<number>(input.channels).fill(0.5),
  std: Array<number>(input.channels).fill(0.25),
})

const batchOf = ({ height, width, channels, classes }: Dataset, batch: number): Batch => {
  const random = randomStream(1, "bench/batch")
  return {
    images: Uint8Array.from({ length: batch * height * width * channels }, () =>
      random.integer(256),
    ),
    labels: Int32Array.from({ length: batch }, () => random.integer(classes.length)),
  }
}

const randomChoices = (network: Network) => {
  const random = randomStream(1, "bench/policy")
  return (): Choices => network.space.decisions.map(({ options }) => random.integer(options.length))
}

const multiplyAdds = ({ table }: Network, choices: Choices): number =>
  table.layers.reduce((sum, { macs }) => sum + valueOf(macs, choices), 0)

/** Loads TensorFlow and makes the step; `facts` says what ran. */
export const makeSpaceRun = async (run: SpaceRun) => {
  await Effect.runPromise(load({ threads: run.threads }))
  const { network, declared } = await readNetwork(run)
  const dataset = datasetOf(declared)
  const supernet = makeSupernet(network, 1)
  const spec = {
    steps: 1000,
    optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 5e-4 },
    learningRate: { kind: "constant", peak: 0.01, warmupSteps: 0 },
    labelSmoothing: 0,
  } as const
  const steps = makeSteps(supernet, dataset, run.batch, spec, run.eager)
  const batch = batchOf(dataset, run.batch)
  const draw = randomChoices(network)
  const widest = widestChoices(network.space)
  const first = draw()
  const next = { random: draw, once: () => first, widest: () => widest }[run.policy]
  const frozen = { amax: new Float32Array(supernet.sites).fill(1) }
  const uniform = network.space.decisions.map(({ options }) =>
    options.map(() => 1 / options.length),
  )
  const step = {
    train: () => steps.train(batch, next(), 0.01),
    measure: () => steps.measure(batch, next()),
    evaluate: () => steps.evaluate(batch, next(), frozen),
    search: () => {
      steps.train(batch, next(), 0.01)
      for (let i = 0; i < 4; i++) steps.measure(batch, next())
    },
    distill: () => steps.distill(batch, next(), widest, 0.01),
    relaxed: () => steps.trainRelaxed(batch, uniform, 0.01),
  }[run.pass]
  const redraw = randomChoices(network)
  const sample = Array.from({ length: 2000 }, () => multiplyAdds(network, redraw()))
  const mean = sample.reduce((a, b) => a + b, 0) / sample.length
  const facts = {
    meanMultiplyAdds: run.policy === "random" ? mean / multiplyAdds(network, widest) : 1,
  }
  return { step, facts }
}
