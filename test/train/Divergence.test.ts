import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import {
  beginWatch,
  divergence,
  growthLimit,
  watch,
  type WatchedStep,
  WatchState,
} from "../../src/train/Divergence.ts"
import { buildSpace } from "../network/fixture.ts"

/** Layers stem, stage1.0.conv1, conv2, stage1.1.conv1, conv2, classifier; the second repeat may be left out. */
const network = buildSpace(`
name: watched
input: { height: 8, width: 8, channels: 3 }
classes: 4
network:
  - conv: { name: stem, filters: 4, kernel: 3 }
  - basic: { filters: 4, repeats: { oneOf: [1, 2] } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats:
  weights: { oneOf: [INT2, INT8] }
  activations: { oneOf: [INT4, INT8] }
`)
const { decisions } = network.space
const layers = network.table.layers.map(({ path }) => path)

/** Choices by path; all that is not named takes its last option, the widest. */
const choose = (named: Readonly<Record<string, number>> = {}) =>
  decisions.map(({ path, options }) => named[path] ?? options.length - 1)

/** Norm 1 everywhere, but where it is named. */
const norms = (named: Readonly<Record<string, number>> = {}) =>
  layers.map((path) => named[path] ?? 1)

const taken = (changes: Partial<WatchedStep>): WatchedStep => ({
  network,
  step: 7,
  choices: choose(),
  mixed: false,
  before: norms(),
  after: norms(),
  ...changes,
})

const alarmAt = (growth: number, changes: Partial<WatchedStep> = {}) =>
  watch(beginWatch(norms()), taken({ after: norms({ "stage1.0.conv2": growth }), ...changes }))
    .alarm

describe("the watch over weights", () => {
  it("is silent up to its limit, and names the layer and its formats beyond", () => {
    expect(alarmAt(1)).toBeUndefined()
    expect(alarmAt(growthLimit)).toBeUndefined()
    const choices = choose({ "stage1.0.conv2.weightFormat": 0 })
    expect(alarmAt(growthLimit * 1.01, { choices })).toBe(
      "diverging format: the weights of stage1.0.conv2 are 101 times the norm they began with after step 7, " +
        "most of it under INT2 weights in stage1.0.conv2 itself; " +
        "a scale from the largest value makes 0 of most numbers in INT2; in the space set formats.scale.rule: mse, " +
        "or set formats.scale.granularity: channel, or name formats wider than INT2 at formats.weights; " +
        "a lower learning rate does not help",
    )
    expect(alarmAt(200)).toContain("most of it under INT8; lower train.learningRate.peak")
  })

  it("sounds for a norm that is no number any more", () => {
    for (const norm of [Infinity, Number.NaN])
      expect(alarmAt(norm)).toContain("the weights of stage1.0.conv2 are no longer finite")
  })

  it("says nothing of weights that began at 0, until they are not finite", () => {
    const began = beginWatch(norms({ stem: 0 }))
    expect(watch(began, taken({ before: norms({ stem: 0 }) })).alarm).toBeUndefined()
    expect(watch(began, taken({ after: norms({ stem: Infinity }) })).alarm).toContain("stem")
  })

  it("blames the formats of the step with most growth, not those of the step that passed the limit", () => {
    const narrow = choose({ "stem.weightFormat": 0, "stem.activationFormat": 0 })
    const risen = watch(beginWatch(norms()), taken({ choices: narrow, after: norms({ stem: 60 }) }))
    expect(risen.alarm).toBeUndefined()
    const over = taken({ before: norms({ stem: 60 }), after: norms({ stem: 120 }) })
    expect(watch(risen, over).alarm).toContain("under INT2 weights in stem itself;")
    expect(watch(beginWatch(norms()), over).alarm).toContain("under INT8;")
  })

  it("does not blame a layer's formats for what happens while the layer is left out", () => {
    const left = choose({ "stage1.repeats": 0, "stage1.1.conv1.weightFormat": 0 })
    const one = taken({ choices: left, after: norms({ "stage1.1.conv1": 60 }) })
    const two = taken({ before: one.after, after: norms({ "stage1.1.conv1": 120 }) })
    expect(watch(watch(beginWatch(norms()), one), two).alarm).toContain("under INT8;")
  })

  it("names the worst of several layers and counts the others", () => {
    const after = norms({ stem: 300, "stage1.0.conv1": 900, classifier: 101 })
    const { alarm } = watch(beginWatch(norms()), taken({ after }))
    expect(alarm).toContain("the weights of stage1.0.conv1 are 900 times")
    expect(alarm).toContain("(the worst of 3 layers), most of it under")
  })

  it("says so where a step trains all formats at once", () => {
    expect(alarmAt(200, { mixed: true })).toContain(
      "under all formats at once, with INT2 weights in",
    )
  })

  it("keeps to the first alarm, and is plain data", () => {
    const first = watch(beginWatch(norms()), taken({ after: norms({ stem: Infinity }) }))
    const later = taken({ step: 9, after: norms({ classifier: 1e9 }) })
    const saved = Schema.decodeUnknownSync(WatchState)(JSON.parse(JSON.stringify(first)))
    expect(saved).toEqual(first)
    expect(watch(saved, later)).toEqual(first)
  })

  it("reads what was written when steps kept the names of formats", () => {
    const old = {
      first: norms(),
      steepest: layers.map(() => ({ growth: 3, formats: "INT2 weights and INT8 inputs" })),
    }
    const saved = Schema.decodeUnknownSync(WatchState)(old)
    const choices = choose({ "stem.weightFormat": 0 })
    const { alarm } = watch(saved, taken({ choices, after: norms({ stem: 200 }) }))
    expect(alarm).toContain("under INT2 weights in stem itself;")
  })
})

describe("a loss that is not finite", () => {
  it("is put down to the layer that ran away before", () => {
    const after = norms({ "stage1.0.conv1": 1e6 })
    const state = watch(beginWatch(norms()), taken({ after }))
    const text = divergence(state, taken({ step: 9, before: after }))
    expect(text).toBe(`the loss is not finite at step 9; ${state.alarm}`)
  })

  it("else to the layer that had grown most, if any had", () => {
    const choices = choose({ "classifier.weightFormat": 0 })
    const grown = (growth: number) => {
      const after = norms({ classifier: growth, stem: 9 })
      const state = watch(beginWatch(norms()), taken({ choices, after }))
      return divergence(state, taken({ step: 9, choices, before: after }))
    }
    expect(grown(20)).toContain(
      "step 9; the weights of classifier were 20 times the norm they began with, most of it under INT2 weights in classifier itself;",
    )
    expect(grown(10)).toContain(
      "no layer's weights had grown much; it trained under INT2 weights in classifier;",
    )
  })
})
