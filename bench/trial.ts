/**
 * Where the time of a short trial goes: wall and processor seconds of each part, from the start of the process on.
 *
 *     npm run bench:trial -- [EXPERIMENT] [STEPS]
 *
 * The first trial of the experiment (default: the quickstart, 60 steps), in this process, on one thread. Processor time
 * is of all threads of the process; it means something on a busy machine, where the wall time does not. Left out: the
 * supervising process, the journal, checkpoints.
 */
import { performance } from "node:perf_hooks"
import { openBatches } from "../src/data/Batches.ts"
import * as Datasets from "../src/data/Datasets.ts"
import { cacheDirectory } from "../src/disk/Installation.ts"
import { load } from "../src/tensor/Backend.ts"
import { finish } from "../src/train/Finish.ts"
import { openSession } from "../src/train/Session.ts"
import type { Steps } from "../src/train/Steps.ts"
import { firstTrial, run, trainAll } from "./FirstTrial.ts"

interface Part {
  wall: number
  processor: number
  count: number
}

const parts = new Map<string, Part>()
const now = () => {
  const { user, system } = process.cpuUsage()
  return { wall: performance.now() / 1000, processor: (user + system) / 1e6 }
}
type Moment = ReturnType<typeof now>

const add = (name: string, from: Moment, to: Moment): void => {
  const part = parts.get(name) ?? { wall: 0, processor: 0, count: 0 }
  part.wall += to.wall - from.wall
  part.processor += to.processor - from.processor
  part.count++
  parts.set(name, part)
}

const timed = async <A>(name: string, run: () => A | Promise<A>): Promise<A> => {
  const from = now()
  try {
    return await run()
  } finally {
    add(name, from, now())
  }
}

/** The same steps, each call counted under its name. */
const counted = (steps: Steps): Steps => {
  const wrap =
    <Args extends ReadonlyArray<unknown>, A>(name: string, run: (...args: Args) => A) =>
    (...args: Args): A => {
      const from = now()
      const first = !parts.has(`${name}, the first (records the graph)`)
      try {
        return run(...args)
      } finally {
        add(first ? `${name}, the first (records the graph)` : name, from, now())
      }
    }
  return {
    ...steps,
    train: wrap("training step", steps.train),
    measure: wrap("measurement of a proposal", steps.measure),
    observe: wrap("re-estimation batch", steps.observe),
    evaluate: wrap("evaluation batch", steps.evaluate),
  }
}

const [file = "experiments/quickstart.yaml", count = "60"] = process.argv.slice(2)
const began = now()
add("Node and the modules", { wall: 0, processor: 0 }, began)
const prepared = await timed("the plan, the network", () =>
  firstTrial(file, [`train.steps=${count}`, "train.learningRate.warmupSteps=0", "controls=null"]),
)
const { searcher, trial } = prepared
await timed("TensorFlow and the kernels", () => run(load({ threads: 1 })))
const dataset = await timed("the data set, from the cache", () =>
  run(Datasets.load(trial.data, cacheDirectory(), ".")),
)
const data = await timed("the split and its digests", () =>
  openBatches(dataset, { ...trial.data, seed: trial.seed }),
)
const opened = await timed("the variables", () => openSession(prepared, dataset, { eager: false }))
const session = { ...opened, steps: counted(opened.steps) }
const search = await timed("all steps together", () => trainAll(prepared, session, data))
await timed("re-estimation and evaluation together", () =>
  finish(
    session.supernet,
    session.steps,
    data,
    searcher.final(search),
    trial.finish,
    trial.train.steps,
    trial.data.batchSize,
  ),
)
await data.close()
const ended = now()
add("in all", { wall: 0, processor: 0 }, ended)
console.log(`${file}, ${count} steps of ${trial.data.batchSize} images, one thread`)
console.log("                                                       wall s   cpu s  calls")
for (const [name, { wall, processor, count }] of parts)
  console.log(
    `${name.padEnd(54)} ${wall.toFixed(2).padStart(6)}  ${processor.toFixed(2).padStart(6)}  ${String(count).padStart(5)}`,
  )
session.dispose()
