/** What `--filter` takes: comparisons, several conditions, short names, alternatives; what it refuses, and what it proposes. */
import { Effect, Result } from "effect"
import { describe, expect, it } from "vitest"
import { columnsOf, type Row } from "../../../src/cli/table/Columns.ts"
import { conditionsOf, meets, whyNone } from "../../../src/cli/table/Conditions.ts"

const rows: ReadonlyArray<Row> = [
  {
    cells: {
      id: "a",
      arm: "x1.5 reinforce",
      seed: 1,
      "search.kind": "reinforce",
      "data.kind": "cifar10",
      "data.augment": "flip,crop",
      "final/accuracy": 0.61234567,
      "train.learningRate.peak": 0.1,
      "reward.cost.target.times": 0.75,
    },
    several: { gridId: ["g1", "g2"] },
  },
  {
    cells: {
      id: "b",
      arm: "uniform INT4",
      seed: 2,
      "search.kind": "fixed",
      "data.kind": "cifar10",
      control: "uniform",
      "final/accuracy": 0.5,
      "train.optimizer.momentum": 0.9,
      "search.optimizer.momentum": 0.8,
    },
    several: { gridId: ["g2"] },
  },
]

const known = columnsOf(rows)
const isNumeric = (column: string) => rows.some(({ cells }) => typeof cells[column] === "number")

const found = (...filters: ReadonlyArray<string>): string => {
  const conditions = Effect.runSync(conditionsOf(filters, known, isNumeric))
  return rows
    .filter((row) => conditions.every((condition) => meets(row, condition)))
    .map(({ cells }) => cells["id"])
    .join("")
}

const refusal = (filter: string): string => {
  const result = Effect.runSync(Effect.result(conditionsOf([filter], known, isNumeric)))
  return Result.isFailure(result) ? result.failure.message : "accepted"
}

describe("--filter", () => {
  it.each([
    [["final/accuracy>0.6"], "a"],
    [["accuracy>=0.5"], "ab"],
    [["accuracy<0.5"], ""],
    [["accuracy=0.6123"], "a"],
    [["accuracy!=0.6123"], "b"],
    [["kind=fixed"], "b"],
    [["search.kind=fixed|reinforce"], "ab"],
    [["seed=1"], "a"],
    [["seed = 2 and kind=fixed"], "b"],
    [["seed=1,kind=fixed"], ""],
    [["data.augment=flip,crop"], "a"],
    [["data.augment=flip,crop,seed=1"], "a"],
    [["seed=1"], "a"],
    [["arm=x1*"], "a"],
    [["arm=*INT4"], "b"],
    [["control="], "a"],
    [["control!=uniform"], "a"],
    [["gridId=g2"], "ab"],
    [["gridId!=g1"], "b"],
    [["times=0.8"], ""],
    [["times=0.75"], "a"],
    [["peak>0.05", "accuracy>0.1"], "a"],
  ])("%j leaves %j", (filters, expected) => expect(found(...filters)).toBe(expected))

  it.each([
    ["accuracy", "is no condition; final/accuracy>0.6"],
    ["accuarcy>1", "did you mean accuracy?"],
    ["final/acuracy>1", "did you mean final/accuracy?"],
    ["knd=fixed", "did you mean kind?"],
    ["accuracy>good", "good is no number"],
    ["arm>1", "arm is a text; arm=1"],
    ["momentum=1", "2 columns: train.optimizer.momentum, search.optimizer.momentum"],
  ])("%j is refused: %j", (filter, expected) => expect(refusal(filter)).toContain(expected))

  it("that leaves nothing says what there is", () => {
    const conditions = Effect.runSync(conditionsOf(["kind=reinforc"], known, isNumeric))
    expect(whyNone(rows, conditions, "trials")).toBe(
      "none of 2 trials has kind=reinforc; search.kind: did you mean reinforce?",
    )
  })
})
