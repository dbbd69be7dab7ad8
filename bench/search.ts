/**
 * What a whole search takes beside plain training of as many steps: wall and processor time of all steps, in turns.
 *
 *     npm run bench:search -- [EXPERIMENT] [STEPS] [ROUNDS]
 *
 * The first trial of the experiment (default: `study/j-informed`, 400 steps, 3 rounds) with `search: { kind: reinforce }`, as its
 * defaults are, and with `search: { kind: fixed, uniform: INT4 }`, in this process, on one thread. Prints medians over the rounds
 * with their quartiles. Left out: start, re-estimation and evaluation, which both have alike.
 */
import { performance } from "node:perf_hooks"
import { openBatches } from "../src/data/Batches.ts"
import * as Datasets from "../src/data/Datasets.ts"
import { cacheDirectory } from "../src/disk/Installation.ts"
import { load } from "../src/tensor/Backend.ts"
import { openSession } from "../src/train/Session.ts"
import type { Prepared } from "../src/train/Trial.ts"
import { firstTrial, run, trainAll } from "./FirstTrial.ts"
import { spread } from "./Statistics.ts"

const [file = "experiments/study/j-informed.yaml", steps = "400", rounds = "3"] =
  process.argv.slice(2)
/** The first trial with another search. */
const planned = (search: string): Promise<Prepared> =>
  firstTrial(file, [
    `train.steps=${steps}`,
    "train.learningRate.warmupSteps=0",
    "matrix=null",
    "exclude=null",
    "include=null",
    "controls=null",
    `search=${search}`,
  ])

const arms = {
  fixed: await planned("{ kind: fixed, uniform: INT4 }"),
  search: await planned("{ kind: reinforce }"),
}
await run(load({ threads: 1 }))
const { data: spec, seed } = arms.fixed.trial
const dataset = await run(Datasets.load(spec, cacheDirectory(), "."))

const secondsOf = async (prepared: Prepared) => {
  const data = openBatches(dataset, { ...spec, seed })
  const session = openSession(prepared, dataset, { eager: false })
  const began = performance.now()
  const used = process.cpuUsage()
  await trainAll(prepared, session, data)
  const { system, user } = process.cpuUsage(used)
  session.dispose()
  return { wall: (performance.now() - began) / 1000, processor: (user + system) / 1e6 }
}

const measured = []
for (let round = 0; round < Number(rounds); round++)
  measured.push({ fixed: await secondsOf(arms.fixed), search: await secondsOf(arms.search) })

for (const clock of ["wall", "processor"] as const) {
  for (const arm of ["fixed", "search"] as const) {
    const { high, low, median } = spread(measured.map((round) => round[arm][clock]))
    console.log(
      `${arm}, ${clock}: ${median.toFixed(1)} s [${low.toFixed(1)} .. ${high.toFixed(1)}]`,
    )
  }
  const { high, low, median } = spread(measured.map((r) => r.search[clock] / r.fixed[clock]))
  console.log(
    `search / fixed, ${clock}: ${median.toFixed(2)} [${low.toFixed(2)} .. ${high.toFixed(2)}]  aim <= 1.5`,
  )
}
