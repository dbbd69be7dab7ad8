/**
 * fliqs as a library, from a space file to a trained network. In a project that has the package:
 *
 *     cp node_modules/fliqs/examples/library.ts . && node library.ts
 */
import { fileURLToPath } from "node:url"
import { Effect, Stream } from "effect"
import {
  costOf,
  fakeQuantize,
  formats,
  planExperiment,
  readSpace,
  simulate,
  train,
  uniformAssignment,
} from "fliqs"

const shipped = (name: string) => fileURLToPath(import.meta.resolve(`fliqs/${name}`))

const program = Effect.gen(function* () {
  const space = yield* readSpace(shipped("spaces/resnet8.yaml"))
  console.log(`${space.name}: ${space.decisions.length} decisions, ${space.cardinality} networks`)

  // INT4 everywhere, and the same network with more bits where the image comes in.
  const int4 = yield* uniformAssignment(space, "INT4")
  for (const assignment of [int4, { ...int4, "stem.format": "INT8" }]) {
    const { gbops, weightBytes } = yield* costOf(space, assignment)
    console.log(`${gbops.toFixed(4)} GBOPs, ${weightBytes} bytes of weights`)
  }

  // A search that ends at the cost of INT4, on made-up images.
  const { trials } = yield* planExperiment(shipped("experiments/quickstart.yaml"), {
    set: ["data={ kind: synthetic }", "train.steps=300", "controls=[]"],
  })
  const trial = trials[0]!
  const { costOverTarget, topProbability } = simulate(trial)
  console.log(
    `rehearsed: ${costOverTarget.toFixed(3)} of the target, ${topProbability.toFixed(3)} sure`,
  )

  // What 4 bits make of some numbers.
  const numbers = [0.02, -0.31, 0.5, 1.7]
  for (const format of formats.values())
    if (format.bits === 4 && format.block === undefined) {
      const rounded = Array.from(fakeQuantize(numbers, format), (value) => value.toFixed(3))
      console.log(`${format.name}: ${rounded.join(" ")}`)
    }

  // The first steps of the training.
  yield* train(trial, { threads: 1 }).pipe(
    Stream.filter((event) => event.type === "metrics"),
    Stream.take(5),
    Stream.runForEach(({ step, values }) =>
      Effect.sync(() => console.log(`step ${step}: loss ${values["train/loss"]?.toFixed(3)}`)),
    ),
  )
})

await Effect.runPromise(program)
