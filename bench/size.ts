/**
 * How long the commands that read the record take with many trials in it, and how much memory.
 *
 *     npm run bench:size [-- TRIALS ...]
 *
 * Makes state folders of 1 000 and 10 000 finished trials, plans of 1 000 trials among them. `cold`: the first command
 * after all files are new, `warm`: the median of three more. Times are of the processor (user and system), so that other
 * work on the machine counts little. Memory is the largest resident set.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { make } from "./size/folder.ts"

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000, 10_000]
const limit = 2000
/** A page of 1 000 trials with their pictures. */
const reportLimit = 5000
const root = fs.mkdtempSync(join(tmpdir(), "fliqs-size-"))

const experimentOf = (trials: number): string => {
  const file = join(root, `grid-${trials}.yaml`)
  const seeds = Array.from({ length: trials }, (_, i) => i + 1).join(", ")
  const text = fs.readFileSync("experiments/quickstart.yaml", "utf8")
  fs.writeFileSync(
    file,
    text
      .replaceAll("../", `${process.cwd()}/`)
      .replace(/^seed: 1\ncontrols: .*$/m, `matrix:\n  seed: [${seeds}]`),
  )
  return file
}

interface Measured {
  readonly ms: number
  readonly megabytes: number
}

/** One command, as it runs from the shell. */
const measure = (words: ReadonlyArray<string>): Measured => {
  const { status, stderr } = spawnSync(
    "/usr/bin/env",
    ["time", "-f", "%U %S %M kB", "./fliqs", ...words],
    {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    },
  )
  const [, user, system, kilobytes] = /([\d.]+) ([\d.]+) (\d+) kB\s*$/.exec(stderr) ?? []
  if (status !== 0) throw new Error(`${words[0]} ended with ${status}: ${stderr}`)
  const ms = 1000 * (Number(user) + Number(system))
  return { ms, megabytes: Number(kilobytes ?? Number.NaN) / 1000 }
}

const median = (list: ReadonlyArray<number>) => list.toSorted((a, b) => a - b)[list.length >> 1]!
let isOver = false
try {
  for (const trials of sizes) {
    const state = join(root, `state-${trials}`)
    const experiment = experimentOf(Math.min(trials, 1000))
    await make(state, experiment, trials)
    const first = fs.readdirSync(join(state, "trials"))[0]!
    const commands: ReadonlyArray<ReadonlyArray<string>> = [
      ["list", "--state", state],
      ["list", "--state", state, "--json"],
      ["show", first, "--state", state],
      ["plan", experiment, "--state", state],
      ["compare", experiment, "--state", state],
      ["report", experiment, "--state", state, "--out", join(root, "report.html")],
      // All trials are finished: what remains is its start.
      ["run", experiment, "--state", state, "--no-track"],
    ]
    console.log(`${trials} trials on record`)
    for (const words of commands) {
      const [cold, ...warm] = Array.from({ length: 4 }, () => measure(words))
      const ms = median(warm.map((one) => one.ms))
      const megabytes = median(warm.map((one) => one.megabytes))
      const most = words[0] === "report" ? reportLimit : limit
      const verdict = ms < most ? "" : `   over ${most} ms`
      isOver ||= ms >= most
      const name = words.filter((word) => /^(--json|[a-z]+)$/.test(word)).join(" ")
      console.log(
        `  ${name.padEnd(14)} cold ${cold!.ms.toFixed(0).padStart(6)} ms  warm ${ms.toFixed(0).padStart(6)} ms  ${megabytes.toFixed(0).padStart(5)} MB${verdict}`,
      )
    }
  }
} finally {
  fs.rmSync(root, { recursive: true, force: true })
}
if (isOver) process.exitCode = 1
