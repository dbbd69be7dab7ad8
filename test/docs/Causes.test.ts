/** The page about causes says what `orchestrator/Causes.ts` says, and no more: a row for each, in its order, and what is tried again. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { causes, mayPass, table } from "../../src/orchestrator/Causes.ts"

const page = readFileSync("docs/slurm.md", "utf8")
const [, section = ""] = page.split("\n## Why trials fail\n")

const rows = section
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.slice(2, -2).split(" | "))

describe("the table of causes", () => {
  it("is that of the program", () => {
    expect(rows).toEqual(
      causes.map((cause) => {
        const { fix, meaning, retry } = table[cause]
        return [`\`${cause}\``, meaning, fix, retry]
      }),
    )
  })

  it("is followed by what the same command tries again", () => {
    const again = causes.filter(mayPass).map((cause) => `\`${cause}\``)
    expect(section).toContain(`${again.join(" and ")} are tried again by the same command;`)
  })

  it("has all causes where states are explained", () => {
    const line = readFileSync("docs/experiments.md", "utf8")
      .split("\n")
      .find((text) => text.startsWith("| `finished`, `failed` |"))
    const named = line?.match(/cause: ([^(]*)/)?.[1]?.match(/\w+/g)
    expect(named?.toSorted()).toEqual(causes.toSorted())
  })
})
