/** The public names: what they give, what they refuse, and that docs/library.md names each of them. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as library from "../../src/index.ts"
import { round } from "../../src/format/round.ts"

const {
  buildSpace,
  costOf,
  DeclarationErrors,
  fakeQuantize,
  formats,
  planExperiment,
  readSpace,
  simulate,
  uniformAssignment,
} = library

const mistakes = <A>(effect: Effect.Effect<A, library.DeclarationErrors>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, DeclarationErrors)
    return error.errors.map(({ text }) => text)
  })

describe("the public names", () => {
  it("are about a dozen, each in docs/library.md", () => {
    const names = Object.keys(library)
    assert.isAtLeast(names.length, 12)
    assert.isAtMost(names.length, 15)
    const page = readFileSync("docs/library.md", "utf8")
    assert.deepStrictEqual(
      names.filter((name) => !page.includes(`\`${name}\``)),
      [],
    )
  })
})

describe("spaces and costs", () => {
  it.effect("a shipped space has its decisions, and its widest assignment is INT8", () =>
    Effect.gen(function* () {
      const space = yield* readSpace("spaces/resnet8.yaml")
      assert.strictEqual(space.decisions.length, 10)
      assert.strictEqual(space.cardinality, 6n ** 10n)
      assert.deepStrictEqual(space.widest, yield* uniformAssignment(space, "INT8"))
    }),
  )

  it.effect(
    "costs are those of the layers; halved bits of both operands are a quarter of GBOPs",
    () =>
      Effect.gen(function* () {
        const space = yield* readSpace("spaces/resnet8.yaml")
        const [wide, narrow] = yield* Effect.forEach(["INT8", "INT4"], (format) =>
          Effect.flatMap(uniformAssignment(space, format), (all) => costOf(space, all)),
        )
        assert.approximately(wide!.gbops / narrow!.gbops, 4, 1e-9)
        assert.strictEqual(wide!.macs, narrow!.macs)
        const sum = wide!.layers.reduce((total, { gbops }) => total + gbops, 0)
        assert.approximately(sum, wide!.gbops, 1e-9 * sum)
      }),
  )

  it.effect("a space of an object is that of a file", () =>
    Effect.gen(function* () {
      const space = yield* buildSpace({
        name: "tiny",
        input: { height: 4, width: 4, channels: 1 },
        classes: 2,
        network: [{ globalAveragePool: {} }, { dense: { name: "classifier", units: "classes" } }],
        formats: { oneOf: ["INT4", "INT8"] },
      })
      assert.deepStrictEqual(
        space.decisions.map(({ options, path }) => [path, options]),
        [["classifier.format", ["INT4", "INT8"]]],
      )
    }),
  )

  it.effect("mistakes are told with their places, all at once", () =>
    Effect.gen(function* () {
      const told = yield* mistakes(buildSpace({ name: "tiny", netwrok: [], clases: 2 }))
      assert.isTrue(told.some((text) => /^space:3:\d+ netwrok: .*did you mean network/.test(text)))
      assert.isTrue(told.some((text) => /^space:4:\d+ clases: .*did you mean classes/.test(text)))

      const space = yield* readSpace("spaces/resnet8.yaml")
      assert.include((yield* mistakes(uniformAssignment(space, "INT9")))[0], "does not offer INT9")
      const wrong = yield* mistakes(costOf(space, { ...space.widest, "stem.fromat": "INT4" }))
      assert.include(wrong[0], "did you mean stem.format?")
      assert.include((yield* mistakes(readSpace("spaces/none.yaml")))[0], "no such file")
    }),
  )
})

describe("plans and rehearsals", () => {
  it.effect("a plan has searches and controls, and a rehearsal lands on target", () =>
    Effect.gen(function* () {
      const { trials } = yield* planExperiment("experiments/quickstart.yaml")
      assert.deepStrictEqual(
        trials.map(({ control, seed, steps }) => ({ control, seed, steps })),
        [
          { control: undefined, seed: 1, steps: 800 },
          { control: "uniform", seed: 1, steps: 800 },
        ],
      )
      const { assignment, costOverTarget } = simulate(trials[0]!)
      assert.approximately(costOverTarget, 1, 0.05)
      const space = yield* readSpace("spaces/resnet8.yaml")
      const cost = yield* costOf(space, assignment)
      const int4 = yield* costOf(space, yield* uniformAssignment(space, "INT4"))
      assert.approximately(cost.gbops / int4.gbops, costOverTarget, 1e-9)
    }),
  )
})

describe("fake quantization", () => {
  const values = [0, 0.3, -1.7, 12.5, -20]

  it("has the largest magnitude at the format's largest value", () => {
    const int4 = formats.get("INT4")!
    const absmax = int4.hi
    assert.deepStrictEqual(
      fakeQuantize(values, int4, { absmax }),
      round(int4, Float32Array.from(values)),
    )
    assert.strictEqual(Math.max(...fakeQuantize(values, int4).map(Math.abs)), 20)
  })

  it("keeps as many values, and keeps them again, in every format", () => {
    for (const [name, format] of formats) {
      const once = fakeQuantize(values, format)
      assert.strictEqual(once.length, values.length, name)
      if (!format.scaled) assert.deepStrictEqual(fakeQuantize(once, format), once, name)
    }
    assert.strictEqual(fakeQuantize([], formats.get("MXFP4")!).length, 0)
  })
})
