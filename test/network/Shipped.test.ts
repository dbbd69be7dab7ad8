import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { build } from "../../src/network/Build.ts"
import { decodeSpace } from "./fixture.ts"

const files = readdirSync("spaces", { recursive: true, encoding: "utf8" }).filter((f) =>
  f.endsWith(".yaml"),
)

describe("every shipped space", () => {
  it.each(files)("%s builds without a problem or a warning", (file) => {
    const space = decodeSpace(readFileSync(`spaces/${file}`, "utf8"))
    const { network, problems, warnings } = build(space)
    expect([...problems, ...warnings]).toEqual([])
    expect(network?.space.decisions.length).toBeGreaterThan(0)
    expect(`${space.name}.yaml`).toBe(file)
  })
})
