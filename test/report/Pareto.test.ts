import { describe, expect, it } from "vitest"
import { paretoFront, parseObjectives } from "../../src/report/Pareto.ts"

const points = [
  { name: "cheap", accuracy: 0.5, cost: 1 },
  { name: "beaten", accuracy: 0.5, cost: 2 },
  { name: "middle", accuracy: 0.6, cost: 2 },
  { name: "middle again", accuracy: 0.6, cost: 2 },
  { name: "worse and dearer", accuracy: 0.55, cost: 4 },
  { name: "best", accuracy: 0.7, cost: 4 },
  { name: "unfinished", accuracy: undefined, cost: 0 },
] as const
type Point = (typeof points)[number]
const valueOf = (point: Point, key: string) => point[key as "accuracy" | "cost"]

const names = (spec: string) => {
  const objectives = parseObjectives(spec)
  if (typeof objectives === "string") throw new Error(objectives)
  return paretoFront(points, objectives, valueOf).map(({ name }) => name)
}

describe("the Pareto front", () => {
  it("holds what nothing beats, equal points included", () => {
    expect(names("accuracy:max,cost:min")).toEqual(["cheap", "middle", "middle again", "best"])
  })

  it("turns with the directions, and leaves out what lacks a value", () => {
    expect(names("accuracy:max")).toEqual(["best"])
    expect(names("cost:min")).toEqual(["unfinished"])
    expect(names("accuracy:min, cost:max")).toEqual(["beaten", "worse and dearer"])
  })

  it("says what an objective looks like", () => {
    expect(parseObjectives("accuracy")).toContain("final/accuracy:max would be right")
    expect(parseObjectives("a:max,")).toContain("nothing is no objective")
  })

  it("takes the direction of a metric from the table", () => {
    expect(parseObjectives("final/accuracy,final/gbops:max")).toEqual([
      { key: "final/accuracy", direction: "max" },
      { key: "final/gbops", direction: "max" },
    ])
    expect(parseObjectives("final/retrain_gap")).toContain("is no objective")
  })
})
