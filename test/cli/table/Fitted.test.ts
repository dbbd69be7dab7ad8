/** Tables that fit: columns leave in their order, names are shortened, the rest is printed in parts; no line is too wide. */
import { describe, expect, it } from "vitest"
import { width } from "../../../src/cli/Output.ts"
import { type Column, fitted, shortened } from "../../../src/cli/table/Fitted.ts"

const columns: ReadonlyArray<Column> = [
  { title: "arm", cells: ["x1.5 reinforce", "wide then uniform INT4 restart"], isName: true },
  { title: "accuracy", cells: ["0.6627 ± 0.0052", "0.5984 ± 0.0057"] },
  { title: "gbops", cells: ["0.0769", "0.05178"], leaves: 1 },
  { title: "against", cells: ["uniform INT5", ""], leaves: 2 },
]

const widest = (text: string): number => Math.max(...text.split("\n").map(width))

describe("a table", () => {
  it("that fits is left whole", () => {
    const { left, text } = fitted(columns, 80)
    expect(left).toEqual([])
    expect(text.split("\n")[0]).toMatch(/^arm +accuracy +gbops +against$/)
  })

  it.each([
    [67, ["against"]],
    [55, ["against", "gbops"]],
    [40, ["against", "gbops"]],
    [25, ["against", "gbops"]],
    [12, ["against", "gbops"]],
  ])("in %i columns leaves out %j, and no line is wider", (most, expected) => {
    const { left, text } = fitted(columns, most)
    expect(left).toEqual(expected)
    expect(widest(text)).toBeLessThanOrEqual(most)
    // what stays is told of every row, in as many parts as it takes
    expect(text).toContain("0.")
  })

  it("prints what must stay in parts, each beginning with the name", () => {
    const { left, text } = fitted(
      columns.map(({ cells, title }, i) => ({ cells, title, isName: i === 0 })),
      44,
    )
    expect(left).toEqual([])
    const parts = text.split("\n\n")
    expect(parts.length).toBeGreaterThan(1)
    for (const part of parts) expect(part).toMatch(/^arm /)
    expect(text).toContain("uniform INT5")
  })

  it("shortens a text in its middle, wide letters counted as they are shown", () => {
    expect(shortened("wide then uniform INT4", 13)).toBe("wide t…m INT4")
    expect(width(shortened("名前名前名前", 7))).toBeLessThanOrEqual(7)
    expect(shortened("short", 5)).toBe("short")
  })
})
