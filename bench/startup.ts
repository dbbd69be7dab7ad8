/**
 * How long the commands that need no tensors take from the shell, launcher included, beside an empty Node.
 *
 *     npm run bench:startup [-- ROUNDS]
 *
 * Median over interleaved rounds, so that another load on the machine meets all of them; the ratio is to `node -e 0`.
 * The first round fills the caches and is not counted.
 */
import { spawnSync } from "node:child_process"
import { performance } from "node:perf_hooks"

const limit = 1200
const rounds = Number(process.argv[2] ?? 7)
const commands: ReadonlyArray<readonly [name: string, program: string, ...args: Array<string>]> = [
  ["node -e 0", process.execPath, "-e", "0"],
  ["--help", "./fliqs", "--help"],
  ["validate", "./fliqs", "validate", "spaces/resnet20.yaml"],
  ["plan", "./fliqs", "plan", "experiments/quickstart.yaml"],
  ["cost", "./fliqs", "cost", "spaces/resnet20.yaml"],
]

const times = commands.map((): Array<number> => [])
for (let round = 0; round <= rounds; round++) {
  for (const [index, [name, program, ...args]] of commands.entries()) {
    const began = performance.now()
    const { status, stderr } = spawnSync(program, args, { encoding: "utf8" })
    const took = performance.now() - began
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`)
    if (round > 0) times[index]?.push(took)
  }
}

const medians = times.map((list) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN)
const empty = medians[0] ?? Number.NaN
for (const [index, [name]] of commands.entries()) {
  const median = medians[index] ?? Number.NaN
  const verdict = median < limit ? "" : `   over ${limit} ms`
  console.log(
    `${name.padEnd(10)} ${median.toFixed(0).padStart(6)} ms  ${(median / empty).toFixed(1).padStart(5)} x${verdict}`,
  )
}
if (medians.some((median) => !(median < limit))) process.exitCode = 1
