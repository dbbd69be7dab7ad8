/**
 * One training step of this project on a space: how many milliseconds, and the most memory the process ever held.
 *
 *     npm run bench:step -- --space spaces/resnet20.yaml --uniform INT4 --batch 64 --steps 8 --rounds 5 --threads 2 --json
 *
 * `--scale '{"rule":"mse"}'` stands in for `formats.scale` of the space. `--policy random` (the default without `--uniform`) draws another assignment every step. With `--serve` it is a
 * worker that others may alternate with theirs (`worker/serve.ts`).
 */
import { parseArgs } from "node:util"
import { loaded } from "../src/tensor/Backend.ts"
import { median } from "./Statistics.ts"
import { serve } from "./worker/serve.ts"
import { makeSpaceRun, passes, policies } from "./worker/space.ts"

const { values } = parseArgs({
  options: {
    space: { type: "string" },
    uniform: { type: "string" },
    scale: { type: "string" },
    policy: { type: "string" },
    pass: { type: "string", default: "train" },
    batch: { type: "string", default: "64" },
    threads: { type: "string", default: "2" },
    steps: { type: "string", default: "8" },
    rounds: { type: "string", default: "5" },
    warm: { type: "string", default: "8" },
    largest: { type: "boolean", default: false },
    eager: { type: "boolean", default: false },
    serve: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
})

const usage = (text: string): never => {
  console.error(text)
  process.exit(2)
}

const count = (name: "batch" | "threads" | "steps" | "rounds" | "warm"): number => {
  const value = Number(values[name])
  return Number.isInteger(value) && value > 0
    ? value
    : usage(`--${name} ${values[name]}: a whole number above 0 would be right`)
}

const one = <A extends string>(
  name: "policy" | "pass",
  known: ReadonlyArray<A>,
  value: string,
): A =>
  known.find((word) => word === value) ??
  usage(`--${name} ${value}: one of ${known.join(", ")} would be right`)

const space = values.space ?? usage("--space is missing; --space spaces/resnet20.yaml, say")
const { step, facts } = await makeSpaceRun({
  space,
  ...(values.uniform === undefined ? {} : { uniform: values.uniform }),
  ...(values.scale === undefined ? {} : { scale: JSON.parse(values.scale) as object }),
  policy: one(
    "policy",
    policies,
    values.policy ?? (values.uniform === undefined ? "random" : "widest"),
  ),
  pass: one("pass", passes, values.pass),
  batch: count("batch"),
  threads: count("threads"),
  largest: values.largest,
  eager: values.eager,
})
const warm = count("warm")
if (values.serve) await serve({ step, warm, facts })

for (let i = 0; i < warm; i++) step()
const steps = count("steps")
const rounds = Array.from({ length: count("rounds") }, () => {
  const start = performance.now()
  for (let i = 0; i < steps; i++) step()
  return (performance.now() - start) / steps
})
const msPerStep = median(rounds)
console.log(
  values.json
    ? JSON.stringify({
        msPerStep,
        rounds,
        space,
        batch: count("batch"),
        peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
        ...loaded(),
      })
    : msPerStep.toFixed(2),
)
