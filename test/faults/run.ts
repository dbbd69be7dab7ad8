/**
 * The fault harness.
 *
 *     npm run faults -- --rounds N [--seed S] [--kind KIND]   N random rounds, of all kinds in turn
 *     npm run faults -- --sweep trial|parent|thaw             the 1st, 2nd, ... call of each kind, until none is left
 *     npm run faults -- --seed S --only I                     round I of that seed again
 *
 * A round is the same grid (`grid.ts`) disturbed once; what it leaves is compared with an undisturbed one. Prints a line
 * for every failed round with its seed, and at the end how many of each kind went well.
 */
import { parseArgs } from "node:util"
import { type Kind, kinds, type Outcome, type Plan, randomOf, reference, run } from "./Round.ts"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "11" },
    seed: { type: "string", default: "1" },
    kind: { type: "string" },
    only: { type: "string" },
    sweep: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
})
const seed = Number(values.seed)
const steps = 20

const planOf = (i: number): Plan => {
  const random = randomOf(seed * 1_000_003 + i)
  const kind = (values.kind as Kind | undefined) ?? kinds[i % kinds.length]!
  return { kind, seed: Math.floor(random() * 2 ** 32), trials: random() < 0.25 ? 2 : 1, steps }
}

const counts = new Map<string, { well: number; idle: number; failed: number }>()
const references = new Map<number, Awaited<ReturnType<typeof reference>>>()
const began = performance.now()
let failed = 0

const once = async (plan: Plan, name: string, label: string): Promise<Outcome> => {
  const right = references.get(plan.trials) ?? (await reference(plan.trials, steps))
  references.set(plan.trials, right)
  const outcome = await run(plan, right)
  const count = counts.get(label) ?? { well: 0, idle: 0, failed: 0 }
  counts.set(label, count)
  if (outcome.wrong.length > 0) {
    count.failed++
    failed++
    console.log(`FAILED ${name}: ${JSON.stringify(plan)}`)
    for (const line of outcome.wrong) console.log(`  ${line.slice(0, 600)}`)
  } else if (outcome.happened) count.well++
  else count.idle++
  if (outcome.wrong.length > 0 || values.verbose)
    for (const line of outcome.story) console.log(`    ${line}`)
  return outcome
}

const summarize = (): never => {
  const seconds = (performance.now() - began) / 1000
  console.log(`${"kind".padEnd(28)} well  without a fault  failed`)
  for (const [label, { failed: wrong, idle, well }] of counts)
    console.log(
      `${label.padEnd(28)} ${String(well).padStart(4)}  ${String(idle).padStart(15)}  ${String(wrong).padStart(6)}`,
    )
  console.log(`${failed} failed, in ${seconds.toFixed(0)} s`)
  return process.exit(failed === 0 ? 0 : 1)
}
// What was found is said when it is stopped, too.
process.on("SIGINT", summarize)

if (values.sweep !== undefined) {
  const kind: Kind =
    values.sweep === "thaw" ? "thaw" : values.sweep === "parent" ? "failParent" : "failTrial"
  const calls = kind === "thaw" ? ["any"] : ["open", "write", "fsync", "rename", "link", "mkdir"]
  for (const call of calls) {
    const failures = kind === "thaw" ? ["stop"] : ["ENOSPC", "EIO", "short", "kill", "killAfter"]
    for (const failure of failures) {
      if (failure === "short" && call !== "write") continue
      for (let number = 1; ; number++) {
        const fault = { call, kind: failure, number }
        const label = `${kind} ${call} ${failure}`
        const name = `${label} ${number}`
        const outcome = await once({ kind, seed: number, trials: 1, steps, fault }, name, label)
        if (!outcome.happened) break
      }
    }
  }
} else {
  const [first, last] =
    values.only === undefined
      ? [0, Number(values.rounds)]
      : [Number(values.only), Number(values.only) + 1]
  for (let i = first; i < last; i++) {
    const plan = planOf(i)
    await once(plan, `--seed ${seed} --only ${i}`, plan.kind)
    if ((i + 1) % 11 === 0) console.log(`${i + 1 - first} rounds, ${failed} failed`)
  }
}

summarize()
