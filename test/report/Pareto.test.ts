import { describe, expect, it } from "vitest"
import { frontPicture } from "../../src/report/FrontPicture.ts"
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

  it("is drawn: every point a dot, those on it filled, in order of the axis, names as text", () => {
    const at = { title: "a < b", x: "cost", y: "accuracy" }
    const svg = frontPicture(
      [
        { name: "dear", x: 4, y: 0.7, isOnFront: true },
        { name: "cheap & cheerful", x: 1, y: 0.5, isOnFront: true },
        { name: "beaten", x: 4, y: 0.6, isOnFront: false },
      ],
      at,
    )
    expect(svg.match(/<circle/g)).toHaveLength(3)
    expect(svg.match(/fill="#3b528b"/g)).toHaveLength(2)
    expect(svg).toContain("cheap &amp; cheerful")
    expect(svg).not.toContain(">beaten<")
    const [from, to] = /points="([\d.]+),[\d.]+ ([\d.]+),/.exec(svg)!.slice(1).map(Number)
    expect(from).toBeLessThan(to!)
    expect(frontPicture([], at)).not.toMatch(/NaN|Infinity/)
  })

  it("names points at one place once, and within the picture", () => {
    const at = { title: "t", x: "cost", y: "accuracy" }
    const point = (name: string, x: number, y: number) => ({ name, x, y, isOnFront: true })
    const svg = frontPicture(
      [point("first", 1, 0.5), point("second", 1, 0.5), point("x".repeat(200), 4, 0.7)],
      at,
    )
    expect(svg).toContain(">first and 1 more<")
    expect(svg).not.toContain("second")
    expect(svg).toMatch(/text-anchor="end" font-size="11">x{57}\.\.\.</)
  })
})
