/** Every picture at 1, 12 and 200 trials: it compiles without a warning, and no text is cut or covers another. */
import { execFileSync } from "node:child_process"
import sharp from "sharp"
import { compile, type TopLevelSpec } from "vega-lite"
import { describe, expect, it } from "vitest"
import { learningPicture, searchPicture } from "../../src/picture/CurvesPicture.ts"
import { formatsPicture } from "../../src/picture/FormatsPicture.ts"
import { frontPicture } from "../../src/picture/FrontPicture.ts"
import { armColours } from "../../src/picture/Palette.ts"
import { parallelPicture } from "../../src/picture/ParallelPicture.ts"
import type { Picture } from "../../src/picture/Picture.ts"
import { policyPicture } from "../../src/picture/PolicyPicture.ts"
import { jsonOf, pngOf, svgOf } from "../../src/picture/Render.ts"
import { seedsPicture } from "../../src/picture/SeedsPicture.ts"
import { sharePicture } from "../../src/picture/SharePicture.ts"
import { colours, configOf, themes } from "../../src/picture/Theme.ts"
import { armsOf, type Sample, sample } from "./sample.ts"
import { overlaps, textsOf } from "./texts.ts"

const title = "a title that says what is to be seen"
const percent = { title: "accuracy (%)", format: "percent" } as const

const makers: Readonly<Record<string, (grid: Sample) => Picture>> = {
  front: (grid) =>
    frontPicture({
      title,
      x: { title: "cost (GBOPs)" },
      y: percent,
      arms: armsOf(grid),
      trials: grid.trials.map((trial) => ({ ...trial, x: trial.cost, y: trial.accuracy })),
      targets: [1],
    }),
  seeds: (grid) =>
    seedsPicture({
      title,
      x: percent,
      noteTitle: "cost",
      arms: armsOf(grid).map(({ name, role, x, y }) => ({
        name,
        role,
        mean: y,
        note: x.toPrecision(4),
        values: grid.trials
          .filter(({ arm }) => arm === name)
          .map((trial) => ({ name: trial.name, value: trial.accuracy })),
      })),
    }),
  formats: ({ trials }) => formatsPicture({ title, trials }),
  share: ({ names, trials }) => sharePicture({ title, arms: names, trials }),
  policy: ({ trials }) => policyPicture(trials[0]!.policy, title),
  search: ({ names, trials }) =>
    searchPicture({
      title,
      arms: names,
      trials: trials.map(({ curves: { steps, ...curves }, ...trial }) => ({
        ...trial,
        curves: {
          "search/reward": { steps, values: curves.reward },
          "search/entropy": { steps, values: curves.entropy },
          "search/commitment": { steps, values: curves.commitment },
          "search/expected_cost_over_target": { steps, values: curves.costOverTarget },
        },
      })),
    }),
  learning: ({ names, trials }) =>
    learningPicture({
      title,
      arms: names,
      trials: trials.map(({ curves: { steps, ...curves }, ...trial }) => ({
        ...trial,
        curves: {
          "train/loss": { steps, values: curves.loss },
          "train/accuracy": { steps, values: curves.accuracy },
        },
      })),
    }),
  grid: ({ trials }) =>
    parallelPicture({
      title,
      colour: "accuracy",
      dimensions: [
        { key: "arm", title: "arm" },
        { key: "seed", title: "seed" },
        { key: "cost", title: "cost (GBOPs)" },
        { key: "accuracy", ...percent },
      ],
      trials: trials.map(({ accuracy, arm, cost, id, name, seed }) => ({
        id,
        name,
        values: { arm, seed, cost, accuracy },
      })),
    }),
}

const sizes = [
  { trials: 1, seeds: 1, layers: 10, points: 20 },
  { trials: 12, seeds: 3, layers: 20, points: 20 },
  { trials: 200, seeds: 1, layers: 53, points: 8 },
]

/** What the compiler warns of. */
const warningsOf = ({ spec }: Picture): ReadonlyArray<string> => {
  const said: Array<string> = []
  const say = (...words: ReadonlyArray<unknown>) => {
    said.push(words.join(" "))
    return logger
  }
  const logger = {
    level: () => logger,
    error: say,
    warn: say,
    info: () => logger,
    debug: () => logger,
  }
  const plain: TopLevelSpec = JSON.parse(JSON.stringify(spec))
  compile(plain, { config: JSON.parse(JSON.stringify(configOf("light"))), logger: logger as never })
  return said
}

/** What no picture may hold, beside its font. */
const wrongIn = (svg: string): string | undefined =>
  /NaN|undefined|Infinity|<script|https?:(?!\/\/www\.w3\.org)/.exec(
    svg.replace(/<style>.*?<\/style>/s, ""),
  )?.[0]

describe.each(Object.keys(makers))("the picture %s", (name) => {
  it.each(sizes)("of $trials trials compiles quietly, and its texts have room", async (size) => {
    const picture = makers[name]!(sample(size))
    expect(warningsOf(picture)).toEqual([])
    const svg = await svgOf(picture, "light")
    expect(wrongIn(svg)).toBeUndefined()
    const [width, height] = /width="([\d.]+)" height="([\d.]+)"/.exec(svg)!.slice(1).map(Number)
    const texts = textsOf(svg)
    expect(texts.length).toBeGreaterThan(5)
    const outside = texts.filter(
      ({ bottom, left, right, top }) => left < 0 || top < 0 || right > width! || bottom > height!,
    )
    expect(outside).toEqual([])
    expect(overlaps(texts)).toEqual([])
  })
})

const grid = sample(sizes[1]!)

describe("a picture", () => {
  it("is kept as JSON that is drawn alike", async () => {
    const picture = makers["front"]!(grid)
    const again = { ...picture, spec: JSON.parse(jsonOf(picture)) as Picture["spec"] }
    expect((await svgOf(again, "light")) === (await svgOf(picture, "light"))).toBe(true)
  })

  it("has the ground of its theme in every pixel of its corner, as PNG", async () => {
    for (const theme of themes) {
      const png = await pngOf(makers["seeds"]!(grid), theme, 1)
      const corner = await sharp(png)
        .extract({ left: 0, top: 0, width: 1, height: 1 })
        .raw()
        .toBuffer()
      expect(`#${corner.subarray(0, 3).toString("hex")}`).toBe(colours[theme].ground)
    }
  })

  it("is XML that a reader takes, whatever a name holds", async () => {
    const names = [
      `a & b < c > "d" 'e' ]]>`,
      "line\nbreak\u0000\u0001\u001b[31m\u007f",
      "lone \ud800 and \udfff, \uffff",
      "<script>alert(1)</script><!-- -->",
    ]
    const arms = names.map((name, i) => ({
      name,
      role: "search" as const,
      mean: i,
      note: "",
      values: [{ name, value: i }],
    }))
    const svg = await svgOf(
      seedsPicture({ title: names.join(" "), x: { title: names[0]! }, noteTitle: "", arms }),
      "light",
    )
    const parse = `import sys, xml.dom.minidom
print("\\n".join(t.firstChild.data for t in xml.dom.minidom.parseString(sys.stdin.buffer.read()).getElementsByTagName("text") if t.firstChild and t.firstChild.nodeType == 3))`
    const read = execFileSync("python3", ["-c", parse], { input: svg, encoding: "utf8" })
    expect(read).toContain(names[0])
    expect(read).toContain(names[3])
    expect(wrongIn(svg)).toBeUndefined()
  })

  it("gives an arm one hue, whatever else is shown", async () => {
    const arms = [
      { name: "first", role: "search" as const },
      { name: "uniform", role: "uniform" as const },
      { name: "second", role: "search" as const },
    ]
    const known = armColours(arms)
    expect([...known.values()]).toEqual([
      colours.light.hues[0],
      colours.light.control,
      colours.light.hues[1],
    ])
    const line = { "train/loss": { steps: [1, 2], values: [1, 0] } }
    const svg = await svgOf(
      learningPicture({
        title,
        arms,
        trials: [{ id: "b", name: "b", arm: "second", curves: line }],
      }),
      "light",
    )
    const strokes = [...known.values()].filter((hue) => svg.includes(`stroke="${hue}"`))
    expect(strokes).toEqual([known.get("second")])
  })
})

/** Contrast of two colours (WCAG 2, relative luminance). */
const contrast = (a: string, b: string): number => {
  const luminance = (colour: string) =>
    [1, 3, 5]
      .map((i) => Number.parseInt(colour.slice(i, i + 2), 16) / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i]!, 0)
  const [dark, light] = [luminance(a), luminance(b)].toSorted((x, y) => x - y) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

it.each(themes)("the colours of %s can be seen", (theme) => {
  const { control, faint, ground, hues, onPale, onStrong, ramp, text } = colours[theme]
  for (const hue of [...hues, control]) expect(contrast(hue, ground)).toBeGreaterThan(3)
  for (const word of [text, faint]) expect(contrast(word, ground)).toBeGreaterThan(4.5)
  expect(contrast(onPale, ramp[0]!)).toBeGreaterThan(4.5)
  expect(contrast(onStrong, ramp.at(-1)!)).toBeGreaterThan(4.5)
})
