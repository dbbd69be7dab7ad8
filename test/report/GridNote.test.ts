/** What a person reads in MLflow of a grid and of a trial, from records: the answer first, short enough for MLflow. */
import { describe, expect, it } from "vitest"
import { figuresOf } from "../../src/report/Figures.ts"
import { gridHeadline, gridMetrics, gridNote, type GridNote } from "../../src/report/GridNote.ts"
import type { TrialRecord } from "../../src/report/TrialRecords.ts"
import { trialNote } from "../../src/report/TrialNote.ts"
import type { TrialFile } from "../../src/orchestrator/State.ts"
import * as NoteLinks from "../../src/track/NoteLinks.ts"

const record = (
  n: number,
  cell: Record<string, string>,
  metrics: Record<string, number>,
  more: Record<string, string> = {},
): TrialRecord => ({
  id: n.toString(16).padStart(16, "0"),
  state: Object.keys(metrics).length > 0 ? "finished" : "planned",
  cell,
  parameters: { "search.kind": "reinforce", "reward.cost.kind": "gbops", ...cell, ...more },
  metrics,
  assignment: {},
  layers: [],
})

/** `arms` targets with `seeds` seeds each, beside a uniform control of the same cost. */
const grid = (arms: number, seeds: number): ReadonlyArray<TrialRecord> =>
  Array.from({ length: seeds }, (_, s) => [
    ...Array.from({ length: arms }, (_, a) =>
      record(
        s * (arms + 1) + a,
        { "reward.cost.target.times": String(1 + a / 10), seed: String(s) },
        { "final/accuracy": 0.6 + a / 1000 + s / 100, "final/gbops": 1 },
      ),
    ),
    record(
      s * (arms + 1) + arms,
      { seed: String(s) },
      { "final/accuracy": 0.5 + s / 100, "final/gbops": 1 },
      { control: "uniform", "search.kind": "fixed", "search.uniform": "INT4" },
    ),
  ]).flat()

const context: GridNote = {
  description: "What is [this]?",
  command: "fliqs run x.yaml",
  states: new Map(),
  pictures: [{ title: "Front", path: "images/front.png" }],
  report: "report.html",
}

describe("the note of a grid", () => {
  const figures = figuresOf(grid(2, 3))

  it("says first which arm is best at equal cost and by how much", () => {
    const note = gridNote(figures, context)
    expect(note.split("\n")[2]).toBe(
      "- at 1 GBOPs: **x1.1 reinforce**, 0.611 ± 0.01: +0.1 points against x1 reinforce at equal cost; mean of 3 seeds, 95 % interval +0.1 to +0.1",
    )
    expect(gridHeadline(figures)).toMatch(
      /^\*\*\[x1\.1 reinforce\]\(fliqs:trial\/0+7\)\*\* is best at 1 GBOPs: 0\.611, \+0\.1 points over x1 reinforce \(95 %: \+0\.1 to \+0\.1, 3 seeds\)\n/,
    )
  })

  it("has what is best at each cost in the head of the experiment, that of most arms first", () => {
    const dearer = grid(1, 2).map((one, n) => ({
      ...one,
      id: `f${n}`,
      cell: { ...one.cell, "space.depth": "9" },
      parameters: { ...one.parameters, "space.depth": "9" },
      metrics: { ...one.metrics, "final/gbops": 2 },
    }))
    const lines = gridHeadline(figuresOf([...grid(2, 3), ...dearer]))!.split("\n\n")
    expect(lines[0]).toContain("is best at 1 GBOPs: 0.611")
    expect(lines[1]).toContain("is best at 2 GBOPs: 0.605")
    expect(lines[2]).toBe("[The whole comparison](fliqs:grid/)")
  })

  it("has a row for each arm with its difference to the control", () => {
    expect(gridNote(figures, context)).toMatch(
      /^\| x1 reinforce \| 3\/3 \| 0\.61 ± 0\.01 \| 1 \|.*\| \+10\.0 \\\[\+10\.0, \+10\.0\\\] \| uniform INT4 at equal cost \| \[s2 x1 reinforce\]\(fliqs:trial\/\w+\) \|$/m,
    )
  })

  it("says nothing of results before there are any", () => {
    const planned = figuresOf([record(1, { seed: "1" }, {})])
    expect(gridHeadline(planned)).toBeUndefined()
    expect(gridNote(planned, context)).toContain("No trial has finished yet.")
    expect(gridMetrics(planned)).toEqual({ "grid/trials_finished": 0, "grid/trials_failed": 0 })
  })

  it("has means of arms as metrics under keys that MLflow takes", () => {
    expect(gridMetrics(figures)).toMatchObject({
      "grid/trials_finished": 9,
      "grid/best_accuracy": 0.621,
      "grid/best_arm_accuracy": 0.611,
      "mean_accuracy/uniform INT4": 0.51,
    })
  })

  it.each([12, 200, 1000])(
    "of %i trials fits into MLflow with all its links filled in",
    (trials) => {
      const records = grid(Math.ceil(trials / 4) - 1, 4)
      const note = gridNote(figuresOf(records), context)
      const run = { experimentId: "123456789012345678", runId: "f".repeat(32) }
      const resolved = NoteLinks.resolve(note, {
        run,
        kind: "grid",
        gridId: "0123456789abcdef",
        experimentIds: [run.experimentId],
        hasViews: true,
        trials: new Map(records.map(({ id }) => [id, run])),
      })
      expect(resolved).not.toContain("fliqs:")
      expect(resolved.length).toBeLessThanOrEqual(8000)
    },
  )
})

describe("the note of a trial", () => {
  const trial: TrialFile = {
    version: 1,
    id: "0123456789abcdef",
    gridId: "g",
    experiment: "e",
    name: "n",
    cell: {},
    parameters: {
      "search.kind": "reinforce",
      "space.name": "resnet",
      "data.kind": "cifar10",
      seed: "2",
    },
    declaration: {},
    steps: 400,
    tags: {},
    execution: { threads: 1, checkpointEvery: 1, eager: false },
  }
  const layer = (path: string, weightFormat: string, activationFormat = weightFormat) => ({
    path,
    weightFormat,
    activationFormat,
    macs: 1e6,
    costShare: 0.5,
  })

  it("begins with the formats, then tells cost, accuracy, alarms and commands", () => {
    const note = trialNote(trial, {
      state: "finished",
      metrics: { "final/accuracy": 0.914, "final/gbops": 1.25 },
      assignment: { "stem.format": "INT8", "stem.kernel": [3, 5], "body.filters": 16 },
      layers: [layer("stem", "INT8"), layer("body", "INT4", "INT8")],
      warnings: [{ alarm: "a", message: "cost off target: 5 %" }],
    })
    expect(note.split("\n")[0]).toBe("Formats: **INT8** stem; **INT4/INT8** body")
    expect(note.split("\n")[1]).toBe("Architecture: stem.kernel **\\[3,5\\]**, body.filters **16**")
    for (const part of [
      "Search by reinforce in the space resnet on cifar10: 400 steps, seed 2; 91.4 % on test images at 1.25 GBOPs.",
      "| 91.4 % | 1.25 |",
      "**Alarm:** cost off target: 5 %",
      "| body | INT4 | INT8 | 1 | 50.0 % |",
      "fliqs export 0123456789abcdef --to onnx",
    ])
      expect(note).toContain(part)
  })

  it("says why it failed", () => {
    const failed = {
      state: "failed",
      metrics: {},
      assignment: {},
      layers: [],
      warnings: [],
    } as const
    expect(trialNote(trial, { ...failed, message: "loss is NaN" })).toContain(
      "**It failed:** loss is NaN",
    )
  })
})
