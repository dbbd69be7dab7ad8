/** A drawing shows every decision of a space, what was decided, and nothing outside of its frame. */
import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { build } from "../../src/network/Build.ts"
import { boxPng, boxSvg } from "../../src/picture/BoxSvg.ts"
import type { Box, BoxDrawing, Row, Stack } from "../../src/picture/BoxTree.ts"
import { textWidth } from "../../src/picture/TextWidth.ts"
import { drawingOf } from "../../src/report/drawing/SpaceDrawing.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { decodeSpace, joint } from "../network/fixture.ts"

const draw = (yaml: string, choose?: (index: number, options: number) => number): BoxDrawing => {
  const space = decodeSpace(yaml)
  const { network } = build(space)
  const choices: Choices | undefined =
    choose && network!.space.decisions.map(({ options }, i) => choose(i, options.length))
  return drawingOf(space, network!, choices === undefined ? {} : { choices })
}

const boxesOf = ({ steps }: Stack): ReadonlyArray<Box> =>
  steps.flatMap(({ box }) => [box, ...(box.inner?.stacks ?? []).flatMap(boxesOf)])

const allBoxes = ({ network, parts }: BoxDrawing): ReadonlyArray<Box> => [
  ...boxesOf(network),
  ...parts.flatMap(({ stack }) => boxesOf(stack)),
]

const text = ({ chips, label }: Row): string =>
  `${label}: ${chips.map((chip) => (chip.state === "chosen" ? `[${chip.text}]` : chip.text)).join(" ")}`

const rowsOf = (drawing: BoxDrawing) => [
  ...drawing.rows.map(text),
  ...allBoxes(drawing).flatMap(({ rows, title }) => rows.map((row) => `${title} ${text(row)}`)),
]

describe("the drawing of the sample", () => {
  it("has a row for each kind of decision, and other formats than those of most layers", () => {
    expect(rowsOf(draw(joint))).toEqual([
      "width: 0.5 0.75 1",
      "formats of each layer: INT4 INT6 INT8 E4M3 BF16",
      "stage2 filters: 16 32 48",
      "stage2 repeats: 1 2 3",
      "stage2 expansion: 3 6",
      "stage2 kernel: 3 5 7",
      "stage2 project format: INT6 INT8",
      "stage3 kernel: 3 5",
    ])
    const facts = Object.fromEntries(allBoxes(draw(joint)).map((box) => [box.title, box.facts]))
    expect(facts["stem"]).toEqual(["3 × 3 kernel, 32 filters, relu", "INT8"])
    expect(facts["stage1"]![1]!.replaceAll("\u00a0", " ")).toBe(
      "depthwise 3 × 3, 16..32 → project 1 × 1, 8..16",
    )
  })

  it("marks what was decided, repeat by repeat where these differ, and no repeat beyond the depth", () => {
    const drawing = draw(joint, (i, options) => (i + 1) % options)
    const { decisions } = build(decodeSpace(joint)).network!.space
    const depth = decisions.findIndex(({ path }) => path === "stage2.repeats")
    const two = draw(joint, (i, options) => (i === depth ? 1 : (i + 1) % options))
    for (const row of ["stage2 kernel 0", "stage2 kernel 1"])
      expect(rowsOf(two).find((one) => one.startsWith(row))).toMatch(/\[\d\]/)
    expect(rowsOf(two).find((one) => one.startsWith("stage2 kernel 2"))).toBe(
      "stage2 kernel 2: 3 5 7",
    )
    const stage = allBoxes(two).find(({ title }) => title === "stage2")!
    expect(stage.grid!.columns).toEqual(["expand", "depthwise", "project"])
    expect(stage.grid!.rows.map(({ cells }) => cells.map((cell) => cell !== undefined))).toEqual([
      [true, true, true],
      [true, true, true],
      [false, false, false],
    ])
    expect(drawing.isDecided).toBe(true)
  })
})

it("marks the operations of shared cells, and repeats equal items once", () => {
  const yaml = readFileSync("spaces/nas-bench-201.yaml", "utf8")
  const drawing = draw(yaml, (i) => i % 5)
  expect(drawing.parts.map(({ title }) => title)).toEqual(["cells.cell"])
  const edges = allBoxes(drawing).filter(({ kind }) => kind === "choice")
  const marked = edges.map(({ inner }) =>
    inner!.stacks.findIndex(({ state }) => state === "chosen"),
  )
  expect(marked).toEqual([0, 1, 2, 3, 4, 0])
  expect(drawing.network.steps.map(({ box }) => box.times ?? "")).toContain("× 5")
})

it("shows choices of cells that decide alone for each use", () => {
  const drawing = draw(
    `
name: alone
input: { height: 8, width: 8, channels: 3 }
classes: 4
cells:
  part:
    - choice: { name: mix, oneOf: [{ identity: {} }, { averagePool: { window: 3 } }] }
network:
  - conv: { filters: 8, kernel: 3 }
  - cell: { name: one, use: part }
  - cell: { name: two, use: part }
  - globalAveragePool: {}
  - dense: { units: classes }
`,
    (i) => i,
  )
  expect(rowsOf(drawing)).toEqual([
    "mix op one: [identity] averagePool",
    "mix op two: identity [averagePool]",
  ])
})

/** Left and right end of every text of a drawing. */
const extents = (svg: string): ReadonlyArray<readonly [string, number, number]> =>
  [...svg.matchAll(/<text class="([^"]*)" x="([^"]*)"[^>]*>([^<]*)/g)].map(([, look, x, words]) => {
    const isTitle = /title|name/.test(look!)
    const size = look!.includes("name") ? 17 : isTitle ? 13 : 11
    const width = textWidth(words!.replaceAll(/&[a-z]+;/g, "&"), size, isTitle ? "bold" : "normal")
    const shift = /on|mid/.test(look!) ? width / 2 : /end/.test(look!) ? width : 0
    return [words!, Number(x) - shift, Number(x) - shift + width]
  })

const files = readdirSync("spaces").filter((file) => file.endsWith(".yaml"))

it.each(files)("%s stays inside of its frame, open and decided", (file) => {
  const yaml = readFileSync(`spaces/${file}`, "utf8")
  for (const drawing of [draw(yaml), draw(yaml, (i, options) => (7 * i + 3) % options)]) {
    const svg = boxSvg(drawing, "light")
    const frame = Number(/width="(\d+)"/.exec(svg)![1])
    const outside = extents(svg).filter(([, left, right]) => left < 0 || right > frame)
    expect(outside).toEqual([])
    expect(svg.length).toBeLessThan(150_000)
  }
})

it("is a document with its words, and an image of twice its size", async () => {
  const drawing = { ...draw(joint), title: "a < b & c" }
  const svg = boxSvg(drawing, "both")
  expect(svg).toContain("<title>a &lt; b &amp; c</title><desc>From top to bottom: stem (conv), ")
  expect(svg).toContain("@media(prefers-color-scheme:dark)")
  expect(svg).not.toMatch(/undefined|NaN|<script|href/)
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!
  const png = Buffer.from(await boxPng(drawing, "dark"))
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2 * +width!, 2 * +height!])
})
