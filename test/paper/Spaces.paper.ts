/** `npm run test:paper`: every space of paper size trains, with all of its options, and eager runs give its bits. */
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { afterAll, describe, expect, it } from "vitest"
import type { Report } from "./step.ts"

const minute = 60_000

const spaces = readdirSync("spaces")
  .filter((file) => !/height: 32,/.test(readFileSync(`spaces/${file}`, "utf8")))
  .map((file) => file.replace(".yaml", ""))

const run = (space: string, way: "graph" | "eager"): Report => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["test/paper/step.ts", `spaces/${space}.yaml`, way],
    { encoding: "utf8", maxBuffer: 1e8 },
  )
  if (status !== 0) throw new Error(`${space} ${way} ended with ${status}\n${stderr.slice(-3000)}`)
  return JSON.parse(stdout) as Report
}

const rows: Array<ReadonlyArray<string>> = [
  ["space", "parameters", "decisions", "passes", "first step", "step", "peak memory"],
]
const row = (space: string, { decisions, parameters, passes, peakBytes, seconds }: Report) => [
  space,
  `${(parameters / 1e6).toFixed(2)} M`,
  String(decisions),
  String(passes),
  `${seconds.first.toFixed(1)} s`,
  `${seconds.step.toFixed(2)} s`,
  `${(peakBytes / 2 ** 30).toFixed(2)} GiB`,
]

describe("a space of paper size at batch 2", () => {
  it.each(spaces)(
    "trains with every option, and eager gives the same bits: %s",
    (space) => {
      const graph = run(space, "graph")
      rows.push(row(space, graph))
      expect(graph.losses.every(Number.isFinite)).toBe(true)
      expect(graph.options.taken).toBe(graph.options.all)
      expect(graph.leaks).toBe(false)
      const eager = run(space, "eager")
      expect(eager.losses).toEqual(graph.losses)
      expect(eager.digest).toBe(graph.digest)
      expect(eager.leaks).toBe(false)
    },
    10 * minute,
  )

  afterAll(() => {
    console.log(rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n"))
  })
})
