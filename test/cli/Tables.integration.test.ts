/** `list`, `compare`, `best` and `diff` on a grid of 60 trials with made-up results: the same figures in every form. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { writeGrid } from "../../bench/SyntheticGrid.ts"
import { width } from "../../src/cli/Output.ts"
import { fliqs, json } from "./fliqs.ts"
import { hasPython, open } from "./terminal.ts"

const root = mkdtempSync(join(tmpdir(), "fliqs-tables-"))
const [one, two] = [join(root, "one"), join(root, "two")]
const state = join(one, ".fliqs")
const file = resolve("experiments/resnet8-cost-sweep.yaml")
const setsOf = (seeds: string) => [
  `matrix={ reward.cost.target.times: [1, 1.5], search: [{ kind: reinforce }, { kind: evolution }], seed: [${seeds}] }`,
  "controls=[uniform, random]",
]
afterAll(() => rmSync(root, { recursive: true, force: true }))

beforeAll(async () => {
  await writeGrid(file, state, { sets: setsOf("1, 2, 3") })
  await writeGrid(file, join(two, ".fliqs"), { sets: [...setsOf("2, 3, 4"), "train.steps=3000"] })
})

const said = async (...words: ReadonlyArray<string>): Promise<string> => {
  const { code, stderr, stdout } = await fliqs(words)
  expect(stderr).toBe("")
  expect(code).toBe(0)
  return stdout.toString()
}
const groups = async (...words: ReadonlyArray<string>) =>
  json<ReadonlyArray<any>>(await fliqs(["compare", one, "--json", "--by", "arm", ...words]))

describe("compare", () => {
  it("has one row an arm, with mean, spread and the paired difference, equal in all forms", async () => {
    const found = await groups()
    expect(found.map(({ by }) => by.arm)).toEqual([
      "x1 evolution",
      "x1 reinforce",
      "x1.5 evolution",
      "x1.5 reinforce",
      "uniform INT4",
      "uniform INT5",
      "x1 random control",
      "x1.5 random control",
    ])
    const trials = json<ReadonlyArray<any>>(await fliqs(["compare", one, "--json"]))
    const csv = (await said("compare", one, "--csv")).trim().split("\n")
    const table = await said("compare", one)
    const head = csv[0]!.split(",")
    for (const { by, difference, metrics } of found) {
      const own = trials.filter(({ arm }) => arm === by.arm)
      const accuracies = own.map((trial) => trial.metrics["final/accuracy"])
      expect(metrics["final/accuracy"].mean).toBeCloseTo(
        accuracies.reduce((a, b) => a + b, 0) / 3,
        12,
      )
      const lines = csv.filter((line) => line.includes(`,${by.arm},`))
      expect(lines.map((line) => Number(line.split(",")[head.indexOf("final/accuracy")]))).toEqual(
        accuracies,
      )
      if (difference === null) continue
      const rivals = trials.filter(({ arm }) => arm === difference.against.label)
      const gains = own.map(
        (trial, i) => trial.metrics["final/accuracy"] - rivals[i].metrics["final/accuracy"],
      )
      expect(own.map(({ seed }) => seed)).toEqual(rivals.map(({ seed }) => seed))
      const mean = gains.reduce((a, b) => a + b, 0) / 3
      expect(difference.mean).toBeCloseTo(mean, 12)
      const points = `${mean < 0 ? "-" : "+"}${Math.abs(100 * mean).toFixed(1)}`
      expect(table).toContain(
        `${by.arm.padEnd(19)}  3/3    ${metrics["final/accuracy"].mean.toPrecision(4).replace(/0+$/, "")} ± `,
      )
      expect(table.split("\n").find((line) => line.includes(` ${by.arm} `))).toContain(points)
    }
    for (const { arm, pareto } of trials)
      expect(pareto).toBe(found.find(({ by }) => by.arm === arm).pareto)
    expect(trials[0].parameters).toMatchObject({ "train.steps": 2000, "search.kind": "reinforce" })
  })

  it("groups by other columns, filters by figures, sorts, and compares with a chosen arm", async () => {
    const kinds = json<ReadonlyArray<any>>(
      await fliqs(["compare", one, "--json", "--by", "kind,times", "--filter", "kind!=fixed"]),
    )
    expect(kinds.map(({ by }) => Object.values(by).join(" "))).toEqual([
      "evolution 1",
      "reinforce 1",
      "evolution 1.5",
      "reinforce 1.5",
      "random 1",
      "random 1.5",
    ])
    const good = await groups("--filter", "accuracy>0.64", "--sort", "gbops:asc,accuracy")
    const all = await groups()
    const mean = (group: any, key: string) => group.metrics[`final/${key}`].mean
    expect(new Set(good.map(({ by }) => by.arm))).toEqual(
      new Set(all.filter((group) => mean(group, "accuracy") > 0.64).map(({ by }) => by.arm)),
    )
    const costs = good.map((group) => mean(group, "gbops"))
    expect(costs).toEqual(costs.toSorted((a, b) => a - b))
    const chosen = await groups("--control", "x1 evolution")
    expect(chosen.flatMap(({ difference }) => difference?.against.label ?? [])).toEqual(
      Array.from({ length: 7 }, () => "x1 evolution"),
    )
    // a condition on the seed says which trials the means are over
    const [single] = await groups("--filter", "seed=2")
    expect(single.trials).toHaveLength(1)
    expect(single.difference).toMatchObject({ pairs: 1, isClear: false })
    const wrong = await fliqs(["compare", one, "--control", "uniform INT6"])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("there is no such arm")])
  })

  it.each([40, 80])("fits a table into %i columns", async (columns) => {
    const { stderr, stdout } = await fliqs(["compare", one], { env: { COLUMNS: `${columns}` } })
    const table = stdout.toString().split(/^\* on the/m)[0]!
    for (const line of table.split("\n")) expect(width(line)).toBeLessThanOrEqual(columns)
    expect(table).toContain("accuracy")
    expect(stderr).toContain(`left out to fit ${columns} columns: `)
  })

  it.skipIf(!hasPython)("breaks no line of a list on a terminal", async () => {
    const main = resolve("src/cli/main.ts")
    const command = [process.execPath, "--no-deprecation", main, "list", "--state", state]
    const terminal = open(command, { columns: 70 })
    await terminal.ended
    // each trial is one row of the terminal: nothing was wrapped
    const isTrial = (row: string) => /^[0-9a-f]{16} .* finished +0\.\d+$/.test(row)
    expect(terminal.allRows().filter(isTrial)).toHaveLength(24)
    expect(terminal.lines().filter(isTrial)).toHaveLength(24)
  })

  it("sets two experiments of two state folders side by side, seed by seed", async () => {
    const both = json<any>(await fliqs(["compare", one, `${two}:resnet8-cost-sweep`, "--json"]))
    expect(both.parameters).toContainEqual({ key: "train.steps", a: 2000, b: 3000 })
    expect(both.parameters.map(({ key }: any) => key)).not.toContain("search.kind")
    expect([both.a.folder, both.b.folder]).toEqual([state, join(two, ".fliqs")])
    const uniform = both.arms.find(({ label }: any) => label === "uniform INT4")
    expect(uniform.difference).toMatchObject({ pairs: 2, seeds: ["2", "3"] })
    const text = await said("compare", one, two)
    expect(text).toMatch(/^uniform INT4 +0\.\d+ ± \S+ +0\.\d+ ± \S+ +[-+]/m)
    expect(text).toContain("train.steps: A 2000, B 3000")
    const nowhere = await fliqs(["compare", one, `${two}:resnet8`])
    expect(nowhere.stderr).toContain("resnet8-cost-sweep would be right")
    expect(nowhere.code).toBe(2)
  })
})

describe("list, best and diff", () => {
  it("list trials that meet several conditions, by names that begin with what differs", async () => {
    const conditions = ["--filter", "final/accuracy>0.6 and kind=evolution", "--filter", "seed=1|2"]
    const found = json<ReadonlyArray<any>>(
      await fliqs(["list", "--state", state, "--json", "--sort", "accuracy", ...conditions]),
    )
    expect(found.length).toBeGreaterThan(0)
    for (const { arm, label, metrics, parameters, seed } of found) {
      expect(label).toBe(`s${seed} ${arm}`)
      expect(parameters).toMatchObject({ "search.kind": "evolution", seed })
      expect(metrics["final/accuracy"]).toBeGreaterThan(0.6)
    }
    const none = await fliqs(["list", "--state", state, "--filter", "kind=evolutoin"])
    expect([none.code, none.stderr]).toEqual([
      0,
      expect.stringContaining("did you mean evolution?"),
    ])
    const markdown = await said("list", "--state", state, "--md", "--by", "kind")
    expect(markdown).toMatch(/^\| search\.kind \| seeds \| accuracy \|/)
  })

  it("find the best arm within a cost, its trial for a pipe, and end with 1 where there is none", async () => {
    const cheap = json<any>(await fliqs(["best", one, "--max", "gbops=0.06", "--json"]))
    const arms = await groups("--filter", "gbops<=0.06", "--sort", "accuracy")
    expect(cheap.arm).toBe(arms[0].by.arm)
    const id = (await said("best", one, "--max", "gbops=0.06", "--id")).trim()
    expect(id).toBe(cheap.id)
    expect(arms[0].trials.map((trial: any) => trial.id)).toContain(id)
    expect(await said("best", one, "--max", "gbops=0.06")).toContain(` points against `)
    const none = await fliqs(["best", one, "--max", "gbops=0.001", "--id"])
    expect([none.code, none.stdout.toString()]).toEqual([1, ""])
    expect(none.stderr).toContain("(the least is 0.05")
    const wrong = await fliqs(["best", one, "--max", "gbops"])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("final/gbops=0.1")])
  })

  it("tell two trials apart: parameters, metrics, formats of the layers", async () => {
    const [a, b] = json<ReadonlyArray<any>>(
      await fliqs(["list", "--state", state, "--json", "--filter", "seed=1 and kind=reinforce"]),
    )
    const diff = json<any>(
      await fliqs(["diff", a.id, `${one}:${b.id.slice(0, 8)}`, "--state", state, "--json"]),
    )
    expect(diff.parameters).toEqual([expect.objectContaining({ key: "reward.cost.target.times" })])
    const accuracy = diff.metrics.find(({ key }: any) => key === "final/accuracy")
    expect(accuracy.difference).toBe(b.metrics["final/accuracy"] - a.metrics["final/accuracy"])
    const shown = json<any>(await fliqs(["show", a.id, "--state", state, "--json"]))
    for (const { a: own, path } of diff.layers) {
      const layer = shown.layers.find((one: any) => one.path === path)
      expect(own.weightFormat).toBe(layer.weightFormat)
    }
    expect(diff.layers.length).toBeGreaterThan(0)
    const same = await said("diff", a.id, a.id, "--state", state)
    expect(same).toContain("no difference")
  })
})
