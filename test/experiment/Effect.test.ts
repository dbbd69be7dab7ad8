/** Nothing that is said passes without effect in silence: it is refused where it cannot be meant, and told where it can. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, layer } from "@effect/vitest"
import { Effect, Result } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { expand } from "../../src/experiment/Plan.ts"

const base = `name: x
space: ../spaces/resnet8.yaml
data: { kind: synthetic }
train: { steps: 200 }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
`

const planOf = (text: string, sets: ReadonlyArray<string>) =>
  Effect.flatMap(parse("experiments/x.yaml", text), (document) => expand(document, { sets }))

/** Errors, or warnings behind `warning: `. */
const said = (text: string, sets: ReadonlyArray<string>) =>
  Effect.map(Effect.result(planOf(text, sets)), (result) =>
    Result.isFailure(result)
      ? result.failure.errors.map((error) => error.text)
      : result.success.warnings.map((warning) => `warning: ${warning.text}`),
  )

type Case = readonly [
  name: string,
  more: string,
  sets: ReadonlyArray<string>,
  said: ReadonlyArray<string>,
]

const sets: ReadonlyArray<Case> = [
  [
    "a key that the matrix varies",
    "matrix: { seed: [1, 2] }\n",
    ["seed=3"],
    [
      "--set seed=3: changes nothing, because the matrix varies seed; change the list (--set 'matrix.seed=[3]'), or --set matrix.seed=null removes the list",
    ],
  ],
  [
    "a key that the matrix varies among others",
    "matrix: { train.steps: [100, 300], seed: [1] }\n",
    ["data.batchSize=64", "train.steps=50"],
    [
      "--set train.steps=50: changes nothing, because the matrix varies train.steps; change the list (--set 'matrix.train.steps=[50]'), or --set matrix.train.steps=null removes the list",
    ],
  ],
  [
    "a key of the space that the matrix varies",
    "matrix: { space.widthMultiplier: [1, 2] }\n",
    ["space.widthMultiplier=4"],
    [
      "--set space.widthMultiplier=4: changes nothing, because the matrix varies space.widthMultiplier; change the list (--set 'matrix.space.widthMultiplier=[4]'), or --set matrix.space.widthMultiplier=null removes the list",
    ],
  ],
  [
    "a child of what the matrix varies",
    "matrix: { search: [{ kind: reinforce }, { kind: evolution }] }\n",
    ["search.delay=0.1"],
    [
      "--set search.delay=0.1: changes nothing, because the matrix varies search; change its values, or --set matrix.search=null removes the list",
    ],
  ],
  [
    "a parent of what the matrix varies",
    "matrix: { reward.cost.target.times: [1, 1.5] }\n",
    ["reward.cost.target={ times: 2, uniform: INT8 }"],
    [
      "--set reward.cost.target={ times: 2, uniform: INT8 }: its reward.cost.target.times changes nothing, because the matrix varies reward.cost.target.times; change the list (--set 'matrix.reward.cost.target.times=[2]'), or --set matrix.reward.cost.target.times=null removes the list",
    ],
  ],
  [
    "a number in the place of a block whose key the matrix varies",
    "matrix: { train.optimizer.momentum: [0.8, 0.9] }\n",
    ["train.optimizer=5"],
    [
      "--set train.optimizer=5: changes nothing, because the matrix varies train.optimizer.momentum; change its values, or --set matrix.train.optimizer.momentum=null removes the list",
    ],
  ],
  [
    "a parent without the key that the matrix varies",
    "matrix: { reward.cost.target.times: [1, 1.5] }\n",
    ["reward.cost.target={ uniform: INT3 }"],
    [],
  ],
  [
    "a key of which the matrix varies a neighbour",
    "matrix: { train.optimizer.momentum: [0.8, 0.9] }\n",
    ["train.optimizer.weightDecay=0.1"],
    [],
  ],
  [
    "a parent that is unset",
    "matrix: { search.delay: [0.1, 0.2] }\n",
    ["search=null"],
    ["warning: --set search=null: changes nothing; without it the plan is the same"],
  ],
  [
    "a key that include sets for some",
    "matrix: { seed: [1, 2] }\ninclude: [{ seed: 1, train.steps: 400 }]\n",
    ["train.steps=50"],
    [
      'warning: --set train.steps=50: changes nothing in 1 of 2 combinations: include.0."train.steps" sets train.steps there',
    ],
  ],
  [
    "a key twice",
    "",
    ["seed=2", "seed=3"],
    ["--set seed=2: changes nothing, because --set seed=3 comes after it; give only one of them"],
  ],
  [
    "a key twice with one value",
    "",
    ["seed=2", "seed=2"],
    ["warning: --set seed=2: is given twice; once is enough"],
  ],
  [
    "a key, then its parent",
    "",
    ["train.steps=7", "train={ labelSmoothing: 0.1 }"],
    [
      "--set train.steps=7: changes nothing, because --set train={ labelSmoothing: 0.1 } comes after it; give only one of them",
    ],
  ],
  [
    "a parent, then its key",
    "",
    ["train={ steps: 7, labelSmoothing: 0.1 }", "train.steps=9"],
    [
      "--set train={ steps: 7, labelSmoothing: 0.1 }: its train.steps changes nothing, because --set train.steps=9 comes after it; give only one of them",
    ],
  ],
  ["a parent, then another key of it", "", ["train={ steps: 7 }", "train.labelSmoothing=0.1"], []],
  [
    "a matrix, then its list",
    "",
    ["matrix={ seed: [1, 2] }", "matrix.seed=[3]"],
    [
      "--set matrix={ seed: [1, 2] }: its matrix.seed.0 changes nothing, because --set matrix.seed=[3] comes after it; give only one of them",
    ],
  ],
  [
    "the space, then a key of it",
    "",
    ["space=../spaces/resnet20.yaml", "space.widthMultiplier=0.5"],
    [],
  ],
  [
    "the value that is there",
    "",
    ["train.steps=200"],
    ["warning: --set train.steps=200: changes nothing; without it the plan is the same"],
  ],
  [
    "the default",
    "",
    ["seed=1"],
    ["warning: --set seed=1: changes nothing; without it the plan is the same"],
  ],
  [
    "the default of a search",
    "",
    ["search.delay=0.15"],
    ["warning: --set search.delay=0.15: changes nothing; without it the plan is the same"],
  ],
  [
    "the value of the space",
    "",
    ["space.classes=10"],
    ["warning: --set space.classes=10: changes nothing; without it the plan is the same"],
  ],
  [
    "another spelling of nothing",
    "",
    ["finish.retrain=false"],
    ["warning: --set finish.retrain=false: changes nothing; without it the plan is the same"],
  ],
  [
    "the matrix that is there",
    "matrix: { seed: [1, 2] }\n",
    ["matrix.seed=[1, 2]"],
    ["warning: --set matrix.seed=[1, 2]: changes nothing; without it the plan is the same"],
  ],
  [
    "an optional key that is not there, unset",
    "",
    ["finish.fineTune=null"],
    ["warning: --set finish.fineTune=null: changes nothing; without it the plan is the same"],
  ],
  [
    "a key that does not exist, unset",
    "",
    ["finish.fineTunes=null"],
    ['--set finish.fineTunes=null: unknown key "fineTunes"; did you mean fineTune?'],
  ],
  [
    "a list of the matrix that is not there, unset",
    "matrix: { seed: [1, 2] }\n",
    ["matrix.steps=null"],
    ["warning: --set matrix.steps=null: changes nothing; without it the plan is the same"],
  ],
  [
    "what does not make a trial",
    "",
    [
      "threads=2",
      "name=y",
      "description=z",
      "track.experiment=w",
      "train.checkpointEvery=20",
      "controls=[random]",
    ],
    [],
  ],
]

const files: ReadonlyArray<Case> = [
  [
    "an exclude of nothing",
    "matrix: { seed: [1, 2] }\nexclude: [{ seed: 3 }]\n",
    [],
    [
      "experiments/x.yaml:7:19 exclude.0.seed: leaves nothing out: seed is never 3 in the matrix; 1 or 2 would be right",
    ],
  ],
  [
    "an exclude of nothing once a flag has shortened the list",
    "matrix: { seed: [1, 2] }\nexclude: [{ seed: 2 }]\n",
    ["matrix.seed=[1, 3]"],
    [
      "warning: experiments/x.yaml:7:19 exclude.0.seed: leaves nothing out: seed is never 2 in the matrix; 1 or 3 would be right",
    ],
  ],
  [
    "an include that fits nothing",
    "matrix: { seed: [1, 2] }\ninclude: [{ seed: 3, train.steps: 100 }]\n",
    [],
    [
      "warning: experiments/x.yaml:7:11 include.0: fits no combination of the matrix (seed is never 3 there); it is one more combination of its own",
    ],
  ],
  [
    "an include of what is there",
    "matrix: { seed: [1, 2] }\ninclude: [{ seed: 2 }]\n",
    [],
    [
      "experiments/x.yaml:7:11 include.0: adds nothing: the combinations that it fits have all its values; remove it",
    ],
  ],
  [
    "a value twice",
    "matrix: { seed: [1, 2, 1] }\n",
    [],
    [
      "experiments/x.yaml:6:24 matrix.seed.2: this value repeats the one at 0; remove one, the same trial is run once",
    ],
  ],
  [
    "a value twice in other words",
    "matrix: { train.optimizer: [{ kind: sgd }, { momentum: 0.9 }, { kind: adam }] }\n",
    [],
    [
      `warning: experiments/x.yaml:6:1 matrix: 1 of 3 combinations give the same trial as another ("optimizer=momentum=0.9" is "optimizer=sgd"); each is run once`,
    ],
  ],
  [
    "a list that makes one trial",
    "matrix: { train.checkpointEvery: [10, 20], seed: [1, 2] }\n",
    [],
    [
      'experiments/x.yaml:6:11 matrix."train.checkpointEvery": all values of train.checkpointEvery give the same trial; leave the list out',
    ],
  ],
  [
    "a list of names of the space",
    "matrix: { space.description: [a, b] }\n",
    [],
    [
      'experiments/x.yaml:6:11 matrix."space.description": all values of space.description give the same trial; leave the list out',
    ],
  ],
  [
    "a control that is a trial of the matrix",
    "matrix: { search: [{ kind: reinforce }, { kind: fixed, uniform: INT4 }] }\ncontrols: [uniform]\n",
    [],
    [
      'warning: experiments/x.yaml:7:11 controls: the control "uniform INT4" is the trial "search=fixed,uniform=INT4" itself; it is run once',
    ],
  ],
]

const unread: ReadonlyArray<Case> = [
  [
    "a reward's slope beside a search of quality alone",
    "search: { kind: evolution }\n",
    ["reward.beta=2"],
    ["--set reward.beta=2: has no effect: search.kind evolution does not read it; leave it out"],
  ],
  [
    "the slope of a limit beside a search of quality alone",
    "search: { kind: evolution }\n",
    ["reward.limits=[{ kind: memory, max: 20000, beta: 2 }]"],
    [
      "--set reward.limits=[{ kind: memory, max: 20000, beta: 2 }]: reward.limits.0.beta: has no effect: search.kind evolution does not read it; leave it out",
    ],
  ],
  [
    "the slopes of limits of a search that pays for them in some combinations",
    "matrix: { search.kind: [reinforce, evolution], reward.limits: [[{ kind: memory, max: 20000, beta: 2 }]] }\n",
    [],
    [
      "warning: experiments/x.yaml:6:64 reward.limits.0.beta: has no effect in 1 of 2 combinations: search.kind evolution does not read it; leave it out",
    ],
  ],
  [
    "a quality beside sensitivities, varied",
    "search: { kind: sensitivity }\nmatrix: { reward.quality: [trainLoss, trainAccuracy] }\n",
    [],
    [
      "experiments/x.yaml:7:28 reward.quality: has no effect: search.kind sensitivity does not read it; leave it out",
      "experiments/x.yaml:7:39 reward.quality: has no effect: search.kind sensitivity does not read it; leave it out",
    ],
  ],
  [
    "a knob of candidates where there is one",
    "search: { kind: random, candidates: 1, freezeAt: 0.4 }\n",
    [],
    [
      "warning: experiments/x.yaml:6:50 search.freezeAt: has no effect: with the other settings of the search it changes nothing; leave it out",
    ],
  ],
  [
    "the decay of an average that is not the baseline",
    "search: { baseline: { decay: 0.9 } }\n",
    [],
    [
      "warning: experiments/x.yaml:6:30 search.baseline.decay: has no effect: with the other settings of the search it changes nothing; leave it out",
    ],
  ],
  [
    "the end of a commitment that never rises",
    "search: { commitment: { schedule: none } }\n",
    ["search.commitment.max=1"],
    [
      "--set search.commitment.max=1: has no effect: with the other settings of the search it changes nothing; leave it out",
    ],
  ],
  [
    "draws of a delay that is none",
    "search: { delay: 0, delaySampling: uniform }\n",
    [],
    [
      "warning: experiments/x.yaml:6:36 search.delaySampling: has no effect: with the other settings of the search it changes nothing; leave it out",
    ],
  ],
  [
    "a factor without milestones",
    "",
    ["train.learningRate={ kind: step, milestones: [], factor: 0.5 }"],
    [
      "--set train.learningRate={ kind: step, milestones: [], factor: 0.5 }: train.learningRate.factor: has no effect: there are no milestones; leave it out",
    ],
  ],
  [
    "what some of the searches read",
    "matrix: { search: [{ kind: reinforce }, { kind: evolution }] }\n",
    ["reward.beta=2"],
    [],
  ],
  [
    "a list that some of the searches read",
    "matrix: { search: [{ kind: reinforce }, { kind: evolution }], reward.beta: [1, 2] }\n",
    [],
    [
      "warning: experiments/x.yaml:6:77 reward.beta: has no effect in 2 of 4 combinations: search.kind evolution does not read it; leave it out",
      "warning: experiments/x.yaml:6:80 reward.beta: has no effect in 2 of 4 combinations: search.kind evolution does not read it; leave it out",
    ],
  ],
  [
    "a default that is written out",
    "search: { kind: sensitivity }\n",
    ["reward.kind=absolute"],
    ["warning: --set reward.kind=absolute: changes nothing; without it the plan is the same"],
  ],
]

layer(NodeFileSystem.layer)("--set of", (it) => {
  it.effect.each(sets)("%s", ([, more, given, expected]) =>
    Effect.map(said(base + more, given), (found) => assert.deepStrictEqual(found, expected)),
  )
})
layer(NodeFileSystem.layer)("a file with", (it) => {
  it.effect.each(files)("%s", ([, more, given, expected]) =>
    Effect.map(said(base + more, given), (found) => assert.deepStrictEqual(found, expected)),
  )
})
layer(NodeFileSystem.layer)("nobody reads", (it) => {
  it.effect.each(unread)("%s", ([, more, given, expected]) =>
    Effect.map(said(base + more, given), (found) => assert.deepStrictEqual(found, expected)),
  )
})

layer(NodeFileSystem.layer)("a matrix with a key and its parent", (it) => {
  const searches = "search: [{ kind: reinforce }, { kind: evolution }]"
  const delays = "search.delay: [0.1, 0.2]"
  it.effect("is the same in either order, and every name says what its trial does", () =>
    Effect.gen(function* () {
      const plans = yield* Effect.forEach(
        [`${searches}, ${delays}`, `${delays}, ${searches}`],
        (lists) => planOf(`${base}matrix: { ${lists} }\n`, []),
      )
      const [one, other] = plans.map(({ trials }) => trials.map(({ id }) => id).sort())
      assert.strictEqual(new Set(one).size, 4)
      assert.deepStrictEqual(one, other)
      for (const { name, declaration } of plans.flatMap(({ trials }) => trials)) {
        const { delay, kind } = declaration.search as { delay: number; kind: string }
        assert.include(name, `search=${kind}`)
        assert.include(name, `delay=${delay}`)
      }
    }),
  )
  it.effect("is refused where a value of the parent says the key too, in either order", () =>
    Effect.gen(function* () {
      for (const lists of [
        `search: [{ delay: 0.3 }, { kind: evolution }], ${delays}`,
        `${delays}, search: [{ delay: 0.3 }, { kind: evolution }]`,
      ])
        assert.match(
          (yield* said(`${base}matrix: { ${lists} }\n`, [])).join("\n"),
          /^experiments\/x\.yaml:6:\d+ matrix\."search\.delay": search: \{"delay":0\.3\} sets search\.delay too, and this would replace it; set it in one of the two places$/,
        )
    }),
  )
  it.effect("is refused where the parent is a single value", () =>
    Effect.gen(function* () {
      const text = `${base}matrix: { reward.cost.target: [0.1, 0.05], reward.cost.target.times: [1] }\n`
      assert.match(
        (yield* said(text, [])).join("\n"),
        /matrix\."reward\.cost\.target\.times": reward\.cost\.target: 0\.1 sets reward\.cost\.target too, and this would replace it/,
      )
    }),
  )
  it.effect("is refused where include brings the key", () =>
    Effect.gen(function* () {
      const text = `${base}matrix: { train: [{ steps: 100 }, { steps: 150 }] }\ninclude: [{ train.steps: 120 }]\n`
      assert.match(
        (yield* said(text, [])).join("\n"),
        /^experiments\/x\.yaml:7:13 include\.0: train: \{"steps":100\} sets train\.steps too/,
      )
    }),
  )
})
