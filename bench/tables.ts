/**
 * How long the tables and the report of a grid of about 1 000 trials take from the shell, beside an empty Node.
 *
 *     npm run bench:tables [-- SEEDS]
 *
 * The grid is made up (`SyntheticGrid.ts`): 4 targets x 2 searches x SEEDS (80 by default), and controls of every seed.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import { writeGrid } from "./SyntheticGrid.ts"

const limit = 5000
const seeds = Array.from({ length: Number(process.argv[2] ?? 80) }, (_, i) => i + 1)
const file = "experiments/resnet8-cost-sweep.yaml"
const sets = [
  `matrix={ reward.cost.target.times: [0.75, 1, 1.5, 2], search: [{ kind: reinforce }, { kind: evolution }], seed: [${seeds.join()}] }`,
  "controls=[uniform]",
]
const state = mkdtempSync(join(tmpdir(), "fliqs-tables-"))
try {
  const { trials } = await writeGrid(file, state, { sets })
  console.log(`${trials.length} trials`)
  const main = "src/cli/main.ts"
  const flags = ["--state", state, ...sets.flatMap((set) => ["--set", set]), "--yes"]
  const commands: ReadonlyArray<readonly [name: string, ...words: Array<string>]> = [
    ["node -e 0", "-e", "0"],
    ["list", main, "list", "--state", state],
    ["list --by arm", main, "list", "--by", "arm", "--state", state],
    ["compare FILE", main, "compare", file, ...flags],
    ["compare FOLDER", main, "compare", state],
    ["best FOLDER", main, "best", state],
    ["report FILE", main, "report", file, ...flags, "--out", join(state, "report.html")],
  ]
  let empty = Number.NaN
  for (const [name, ...words] of commands) {
    const times = [1, 2, 3].map(() => {
      const began = performance.now()
      const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" })
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`)
      return performance.now() - began
    })
    const median = times.toSorted((a, b) => a - b)[1]!
    if (name === "node -e 0") empty = median
    const verdict = median < limit ? "" : `   over ${limit} ms`
    console.log(
      `${name.padEnd(14)} ${median.toFixed(0).padStart(6)} ms  ${(median / empty).toFixed(1).padStart(6)} x${verdict}`,
    )
    if (!(median < limit)) process.exitCode = 1
  }
} finally {
  rmSync(state, { recursive: true, force: true })
}
