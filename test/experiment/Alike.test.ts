/** What trains alike is one trial, in whatever cell and under whatever target it is declared; what does not is its own. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import type { StandingOf } from "../../src/experiment/EarlierIds.ts"
import { trialId } from "../../src/experiment/Identity.ts"
import { expand, type Options } from "../../src/experiment/Plan.ts"

// Named as if it stood in experiments/, so that its paths lead to the shipped spaces.
const file = "experiments/x.yaml"
const base = `
name: x
space: ../spaces/resnet8.yaml
data: { kind: synthetic }
train: { steps: 100 }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
`
const plan = (more: string, options?: Options) =>
  Effect.flatMap(parse(file, base + more), (document) => expand(document, options))
const names = (more: string) =>
  Effect.map(plan(more), ({ trials }) => trials.map(({ name }) => name))
const everywhere = `{ ${[
  "stem",
  "stage1.0.conv1",
  "stage1.0.conv2",
  "stage2.0.conv1",
  "stage2.0.conv2",
  "stage2.0.projection",
  "stage3.0.conv1",
  "stage3.0.conv2",
  "stage3.0.projection",
  "classifier",
]
  .map((layer) => `${layer}.format: INT4`)
  .join(", ")} }`

layer(NodeFileSystem.layer)("trials that train alike", (it) => {
  const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
    [
      "a uniform control over targets",
      "matrix: { reward.cost.target.times: [0.99, 1, 1.01] }\ncontrols: [uniform, wideThenUniform]",
      ["times=0.99", "uniform INT4", "wide then uniform INT4", "times=1", "times=1.01"],
    ],
    [
      "a uniform control over limits, none of which it is above",
      "matrix: { reward.limits: [[{ kind: memory, max: 12000 }], [{ kind: memory, max: 30000 }]] }\ncontrols: [uniform]",
      [
        'limits=[{"kind":"memory","max":12000}]',
        "uniform INT4",
        'limits=[{"kind":"memory","max":30000}]',
      ],
    ],
    [
      "a uniform control over targets between formats, each nearest once",
      "matrix: { reward.cost.target.times: [1.2, 1.3] }\ncontrols: [uniform]",
      ["times=1.2", "uniform INT4", "uniform INT5", "times=1.3"],
    ],
    [
      "a fixed search over targets beside a search that has them",
      "matrix: { reward.cost.target.times: [1, 1.5], search: [{ kind: reinforce }, { kind: fixed, uniform: INT6 }] }",
      ["times=1 search=reinforce", "search=fixed,uniform=INT6", "times=1.5 search=reinforce"],
    ],
    [
      "a fixed search and the control that it is",
      "matrix: { search: [{ kind: reinforce }, { kind: fixed, uniform: INT4 }] }\ncontrols: [uniform]",
      ["search=reinforce", "uniform INT4"],
    ],
    [
      "a format and the assignment that it is",
      `matrix: { search: [{ kind: fixed, uniform: INT4 }, { kind: fixed, assignment: ${everywhere} }] }`,
      ["x"],
    ],
    [
      "controls over qualities and rewards that they do not follow",
      "matrix: { reward.quality: [heldOutAccuracy, heldOutLoss], reward.beta: [1, 2] }\ncontrols: [uniform, random]",
      [
        "quality=heldOutAccuracy beta=1",
        "uniform INT4",
        "random control",
        "quality=heldOutAccuracy beta=2",
        "quality=heldOutLoss beta=1",
        "quality=heldOutLoss beta=2",
      ],
    ],
    [
      "controls over whole rewards that differ in what they do not follow",
      "matrix: { reward: [{ beta: 1, cost: { target: { times: 1, uniform: INT4 } } }, { beta: 2, cost: { target: { times: 1, uniform: INT4 } } }] }\ncontrols: [uniform]",
      [
        "reward=beta=1,cost.target.times=1,cost.target.uniform=INT4",
        "uniform INT4",
        "reward=beta=2,cost.target.times=1,cost.target.uniform=INT4",
      ],
    ],
    [
      "a uniform control over costs",
      "matrix: { reward.cost.kind: [gbops, memory] }\ncontrols: [uniform]",
      ["kind=gbops", "uniform INT4", "kind=memory"],
    ],
    [
      "a sensitivity search over qualities: it measures its own",
      "matrix: { reward.quality: [heldOutAccuracy, heldOutLoss], search.kind: [reinforce, sensitivity] }",
      [
        "quality=heldOutAccuracy kind=reinforce",
        "kind=sensitivity",
        "quality=heldOutLoss kind=reinforce",
      ],
    ],
    [
      "evolution over what a reward loses beside its target",
      "matrix: { reward.beta: [1, 2], search.kind: [reinforce, evolution] }",
      ["beta=1 kind=reinforce", "kind=evolution", "beta=2 kind=reinforce"],
    ],
    [
      "a uniform control over scopes of formats",
      "matrix: { space.formats.scope: [layer, block, model], seed: [1, 2] }\ncontrols: [uniform, wideThenUniform]",
      [
        "scope=layer seed=1",
        "uniform INT4 seed=1",
        "wide then uniform INT4 seed=1",
        "scope=layer seed=2",
        "uniform INT4 seed=2",
        "wide then uniform INT4 seed=2",
        "scope=block seed=1",
        "scope=block seed=2",
        "scope=model seed=1",
        "scope=model seed=2",
      ],
    ],
    [
      "a uniform control over other formats that are offered, but not after wide training",
      "matrix: { space.formats.oneOf: [[INT4, INT6], [INT4, INT8]] }\ncontrols: [uniform, wideThenUniform]",
      [
        'oneOf=["INT4","INT6"]',
        "uniform INT4",
        'wide then uniform INT4 oneOf=["INT4","INT6"]',
        'oneOf=["INT4","INT8"]',
        'wide then uniform INT4 oneOf=["INT4","INT8"]',
      ],
    ],
    [
      "a control in the widest format, trained wide before or not",
      "matrix: { reward.cost.target: [{ times: 1, uniform: INT8 }], train.learningRate.restart: [none] }\ncontrols: [uniform, wideThenUniform]",
      ["target=times=1,uniform=INT8 restart=none", "uniform INT8 restart=none"],
    ],
    [
      "a control over ends of a search that it has not",
      "matrix: { finish: [{ recalibrate: 5 }, { recalibrate: 5, retrain: true }] }\ncontrols: [uniform]",
      [
        "finish=recalibrate=5",
        "uniform INT4 finish=recalibrate=5",
        "finish=recalibrate=5,retrain=true",
      ],
    ],
  ]
  for (const [what, more, expected] of cases)
    it.effect(`are one: ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* names(`${more}\n`), expected)
      }),
    )

  const apart: ReadonlyArray<readonly [string, string]> = [
    ["seeds", "seed: [1, 2]"],
    ["steps", "train.steps: [100, 200]"],
    ["data", "data.batchSize: [32, 64]"],
    ["the images of the end", "finish.evaluate: [test, heldOut]"],
    ["scales", "space.formats.scale.granularity: [tensor, channel]"],
    ["rules of scales", "space.formats.scale.rule: [absmax, mse]"],
    ["networks", "space.network.0.conv.kernel: [3, 5]"],
  ]
  for (const [what, list] of apart)
    it.effect(`are not: a uniform control over ${what}`, () =>
      Effect.gen(function* () {
        const { trials } = yield* plan(`matrix: { ${list} }\ncontrols: [uniform]\n`)
        assert.strictEqual(trials.filter(({ control }) => control === "uniform").length, 2)
      }),
    )

  it.effect("have one id in all grids, whatever their targets and their order", () =>
    Effect.gen(function* () {
      const of = (times: string) =>
        Effect.map(
          plan(`matrix: { reward.cost.target.times: [${times}] }\ncontrols: [uniform]\n`),
          ({ trials }) => trials.find(({ name }) => name === "uniform INT4")!.id,
        )
      const [first, ...others] = yield* Effect.forEach(
        ["1", "0.99", "1.2", "1.01, 1", "1, 1.01"],
        of,
      )
      for (const other of others) assert.strictEqual(other, first)
    }),
  )

  it.effect("keep the id of a control at the cost of its own format, as it ever was", () =>
    Effect.gen(function* () {
      const { trials } = yield* plan("controls: [uniform]\n")
      const control = trials[1]!
      assert.deepStrictEqual(control.former, [])
      assert.deepStrictEqual(control.declaration.reward, trials[0]!.declaration.reward)
    }),
  )

  it.effect("count costs by the measure they were declared in, at their own cost", () =>
    Effect.gen(function* () {
      const set = { sets: ["reward={ cost: { kind: memory, target: 20000 } }"] }
      const [fixed] = (yield* plan("search: { kind: fixed, uniform: INT5 }\n", set)).trials
      assert.deepStrictEqual(fixed!.declaration.reward!.cost, {
        kind: "memory",
        target: { times: 1, uniform: "INT5" },
      })
      const [other] = (yield* plan(`search: { kind: fixed, assignment: ${everywhere} }\n`, set))
        .trials
      assert.strictEqual(other!.declaration.reward!.cost.target, 11192)
    }),
  )

  describe("by ids from before", () => {
    const grid = "matrix: { reward.cost.target.times: [1, 1.01] }\ncontrols: [uniform]\n"

    it.effect("are found where a state folder has one of these, finished before begun", () =>
      Effect.gen(function* () {
        const control = (yield* plan(grid)).trials[1]!
        const [old] = control.former
        const oldId = trialId(old!)
        assert.notStrictEqual(oldId, control.id)
        const found = (standings: Readonly<Record<string, "finished" | "begun">>) => {
          const standing: StandingOf = (id) => Effect.succeed(standings[id] ?? "unknown")
          return Effect.map(plan(grid, { standing }), ({ trials }) => trials[1]!)
        }
        const adopted = yield* found({ [oldId]: "finished" })
        assert.strictEqual(adopted.id, oldId)
        assert.strictEqual(adopted.name, control.name)
        assert.deepStrictEqual(adopted.declaration, old)
        assert.strictEqual(trialId(adopted.declaration), adopted.id)
        assert.strictEqual(adopted.parameters["reward.cost.target.times"], "1.01")
        assert.strictEqual((yield* found({ [oldId]: "begun" })).id, oldId)
        assert.strictEqual(
          (yield* found({ [oldId]: "begun", [control.id]: "begun" })).id,
          control.id,
        )
        assert.strictEqual((yield* found({ [oldId]: "finished", [control.id]: "begun" })).id, oldId)
        assert.strictEqual((yield* found({})).id, control.id)
      }),
    )
  })
})
