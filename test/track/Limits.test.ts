import { describe, expect, it } from "vitest"
import * as Limits from "../../src/track/Limits.ts"
import * as Links from "../../src/track/Links.ts"
import { runColor } from "../../src/track/RunColor.ts"

describe("keys", () => {
  it.each(["train/loss", "a b.c-d:e_f/1", "x".repeat(250)])("%s stays", (name) => {
    expect(Limits.key(name)).toBe(name)
  })

  it.each([
    "",
    "/a",
    "a/",
    "a//b",
    "a/../b",
    "./a",
    "blocks[0]",
    "ü?#%",
    "x".repeat(251),
    "/",
    "..",
    "[]",
  ])("%j becomes one MLflow takes", (name) => {
    const key = Limits.key(name)
    expect(key).toMatch(/^[/\w.\- :]{1,250}$/)
    expect(key.split("/").some((part) => part === "" || part === "." || part === "..")).toBe(false)
    expect(Limits.key(key)).toBe(key)
  })

  it("that differ stay different", () => {
    const names = [
      "a[0]",
      "a(0)",
      "a_0_",
      "a{0}",
      "/a[0]",
      `${"x".repeat(300)}1`,
      `${"x".repeat(300)}2`,
    ]
    expect(new Set(names.map(Limits.key)).size).toBe(names.length)
  })
})

describe("batches", () => {
  it("keep order and both limits", () => {
    const all = Array.from({ length: 2500 }, (_, i) => ({ key: "k".repeat(i % 50), i }))
    const parts = Limits.chunks(all, 1000, 20_000)
    expect(parts.flat()).toEqual(all)
    expect(
      parts.every((part) => part.length <= 1000 && JSON.stringify(part).length <= 20_010),
    ).toBe(true)
    expect(Limits.chunks([], 10)).toEqual([])
    expect(Limits.chunks([{ big: "x".repeat(100) }], 10, 10)).toHaveLength(1)
  })
})

it("cuts where it says, and not through a character", () => {
  expect(Limits.cut("abc", 3)).toBe("abc")
  expect(Limits.cut("x".repeat(50), 20)).toBe(`${"x".repeat(10)} ... (cut)`)
  expect(Limits.cut("😀".repeat(30), 21)).toBe(`${"😀".repeat(5)} ... (cut)`)
})

it.each([
  "",
  "/a",
  "a//b",
  "../a",
  "a/./b",
  "a#b",
  "a\\b",
  "a\0",
  `${"x".repeat(256)}`,
  "ü".repeat(200),
])("takes no artifact at %j", (path) => expect(Limits.artifactSegments(path)).toBeUndefined())

it("links name experiment, filter and order in MLflow's own words", () => {
  const link = new URL(Links.trials("http://h:1", ["3"], "g1"))
  const query = new URLSearchParams(link.hash.split("?")[1])
  expect(link.hash).toMatch(/^#\/experiments\/3\/runs\?/)
  expect(Object.fromEntries(query)).toEqual({
    workflowType: "machine_learning",
    searchFilter: "tags.`fliqs.grid.g1` = 'trial'",
    orderByKey: "metrics.`final/accuracy`",
    orderByAsc: "false",
    compareRunsMode: "CHART",
  })
  const across = new URL(Links.trials("http://h:1", ["3", "7"], "g1"))
  expect(across.hash).toMatch(/^#\/compare-experiments\/s\?/)
  expect(Object.fromEntries(new URLSearchParams(across.hash.split("?")[1]))).toEqual({
    ...Object.fromEntries(query),
    experiments: '["3","7"]',
  })
  expect(Links.run("", "3", "r", "a b/c.svg")).toBe(
    "#/experiments/3/runs/r/artifacts/a%20b/c.svg?workflowType=machine_learning",
  )
})

it("colours are stable, differ by trial and lie near the hue of their search", () => {
  expect(runColor("reinforce", "a")).toBe(runColor("reinforce", "a"))
  expect(runColor("reinforce", "a")).not.toBe(runColor("reinforce", "b"))
  const [red, , blue] = [1, 3, 5].map((i) =>
    Number.parseInt(runColor("reinforce", "a").slice(i, i + 2), 16),
  )
  expect(blue).toBeGreaterThan(red!)
  expect(runColor("never heard of", "a")).toMatch(/^#[0-9a-f]{6}$/)
})
