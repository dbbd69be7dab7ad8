/** The table of metrics: keys are the recorded ones, and every key that a recorded result or a page names is in it. */
import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { byKey, directionOf, final, metrics, search } from "../../src/metric/Metrics.ts"

const keys = new Set(metrics.map(({ key }) => key))

const filesOf = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)

describe("the table of metrics", () => {
  it("has every key once, in small letters", () => {
    assert.strictEqual(keys.size, metrics.length)
    for (const key of keys)
      assert.match(
        key,
        /^(train|fine_tune|retrain|search|best|system|grid|final(\/limit)?)\/[a-z_]+$/,
      )
    assert.strictEqual(search.argmaxProbability.key, "search/argmax_probability")
    assert.strictEqual(final.costOverTarget.key, "final/cost_over_target")
  })

  it("has every metric of the results on record", () => {
    const lines = filesOf("docs/results", ".jsonl").flatMap((file) =>
      readFileSync(file, "utf8").split("\n").filter(Boolean),
    )
    assert.isAbove(lines.length, 100)
    const recorded = new Set(lines.flatMap((line) => Object.keys(JSON.parse(line).metrics)))
    assert.deepStrictEqual(
      [...recorded].filter((key) => !keys.has(key)),
      [],
    )
  })

  it("has every metric that a page names", () => {
    const named = ["README.md", ...filesOf("docs", ".md")].flatMap((file) =>
      [
        ...readFileSync(file, "utf8").matchAll(/`((?:search|best|final)\/[a-z]+(?:_[a-z]+)*)`/g),
      ].map(([, key = ""]) => ({ file, key })),
    )
    assert.isAbove(named.length, 20)
    assert.deepStrictEqual(
      named.filter(({ key }) => !keys.has(key)),
      [],
    )
  })

  it("is where the sources name metrics", () => {
    const spelled = readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.startsWith("metric"))
      .flatMap((file) =>
        readFileSync(`src/${file}`, "utf8")
          .split("\n")
          .filter((line) => !/^\s*(\*|\/\*|\/\/)/.test(line))
          .flatMap((line) => /["'`](?:train|search|best|final)\/[a-z_]+["'`]/.exec(line)?.[0] ?? [])
          .map((key) => ({ file, key })),
      )
    assert.deepStrictEqual(spelled, [])
  })

  it("leaves out what is not there", () => {
    assert.deepStrictEqual(byKey(search, { cost: 1, reward: undefined }), { "search/cost": 1 })
    assert.strictEqual(directionOf("final/accuracy"), "max")
    assert.isUndefined(directionOf("final/retrain_gap"))
    assert.isUndefined(directionOf("final/nothing"))
  })
})
