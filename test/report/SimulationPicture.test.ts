import { describe, expect, it } from "vitest"
import { simulationPicture } from "../../src/report/SimulationPicture.ts"

const moments = [1, 50, 100].map((step) => ({
  step,
  costOverTarget: 2 - step / 100,
  entropy: 1 - step / 100,
  topProbability: step / 100,
}))

const lines = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `trial <${i}>`, history: moments }))

describe("the picture of rehearsed searches", () => {
  it("draws every trial in three panels and names it", () => {
    const svg = simulationPicture(lines(2), "two & more")
    expect(svg.match(/<polyline/g)).toHaveLength(6)
    expect(svg).toContain("trial &lt;1&gt;")
    expect(svg).toContain("two &amp; more")
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })

  it("tells all that it names apart", () => {
    const svg = simulationPicture(lines(12), "a dozen")
    const strokes = svg.match(/stroke="#[^/]*?stroke-width="1.4"/g)!
    expect(strokes).toHaveLength(36)
    expect(new Set(strokes).size).toBe(12)
  })

  it("names a dozen, and says how many more there are", () => {
    const svg = simulationPicture(lines(20), "many")
    expect(svg.match(/<polyline/g)).toHaveLength(60)
    expect(svg).toContain("and 8 more")
  })

  it("draws a cost far above target at the panel's upper edge", () => {
    const dear = moments.map((moment) => ({ ...moment, costOverTarget: 40 }))
    const twice = moments.map((moment) => ({ ...moment, costOverTarget: 2 }))
    const drawn = (history: typeof moments) =>
      simulationPicture([{ name: "dear", history }], "dear").match(/<polyline[^>]*>/)![0]
    expect(drawn(dear)).toBe(drawn(twice))
  })

  it("leaves out what a search has no number for", () => {
    const nothing = moments.map((moment) => ({ ...moment, entropy: undefined }))
    expect(simulationPicture([{ name: "fixed", history: nothing }], "none")).not.toContain("NaN")
  })
})
