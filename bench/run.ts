/**
 * The bench: this project beside its peers, in turns, each in a warm process of its own.
 *
 *     npm run bench -- --case resnet20-int4 --case vit --rounds 9 --threads 2 --output figures.json
 *
 * Without `--case` all of them, one after the other; `--threads 1,2` runs each with one thread, then with two. Prints
 * medians with their quartiles, the medians of the per-round ratios beside what is aimed at, and all of it as JSON
 * (to a file with `--output`). Exits with 1 when a bound is missed. Left out: the cases (`cases.ts`).
 */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import type { Outcome, Ratio } from "./Case.ts"
import { cases } from "./cases.ts"
import { describeMachine } from "./Machine.ts"
import { ensureTorch } from "./peers/Torch.ts"

const usage = (text: string): never => {
  console.error(text)
  process.exit(2)
}

const { values } = parseArgs({
  options: {
    case: { type: "string", multiple: true },
    rounds: { type: "string", default: "9" },
    threads: { type: "string", default: "2" },
    output: { type: "string" },
    list: { type: "boolean", default: false },
  },
})

if (values.list) {
  for (const { name, about } of cases) console.log(`${name.padEnd(16)} ${about}`)
  process.exit()
}

const wholeNumber = (name: string, text: string): number => {
  const value = Number(text)
  return Number.isInteger(value) && value > 0
    ? value
    : usage(`--${name} ${text}: a whole number above 0 would be right`)
}
const rounds = wholeNumber("rounds", values.rounds)
const threadCounts = values.threads.split(",").map((text) => wholeNumber("threads", text))
const names = values.case?.flatMap((text) => text.split(",")) ?? cases.map(({ name }) => name)
const chosen = names.map(
  (name) =>
    cases.find((one) => one.name === name) ??
    usage(`--case ${name}: one of ${cases.map((one) => one.name).join(", ")} would be right`),
)

const short = (value: number): string => value.toPrecision(Math.abs(value) < 100 ? 3 : 4)
const quartiles = (low: number, high: number): string => ` [${short(low)} .. ${short(high)}]`

const bound = ({ atMost, atLeast, met }: Ratio): string => {
  const text =
    atMost === undefined ? (atLeast === undefined ? "" : `>= ${atLeast}`) : `<= ${atMost}`
  return met === undefined ? "" : `  aim ${text}: ${met ? "met" : "MISSED"}`
}

const print = ({ figures, ratios, failures }: Outcome): void => {
  for (const { name, unit, median, low, high } of figures)
    console.log(
      `  ${name.padEnd(36)} ${short(median).padStart(8)} ${unit.padEnd(2)}${quartiles(low, high)}`,
    )
  for (const [name, message] of Object.entries(failures))
    console.log(`  ${name.padEnd(36)} did not run: ${message.split("\n").at(-1)}`)
  for (const ratio of ratios) {
    const { of, to, unit = "", median, low, high } = ratio
    const what = to === undefined ? of : `${of} / ${to}`
    console.log(`  ${what}: ${short(median)} ${unit}${quartiles(low, high)}${bound(ratio)}`)
  }
}

const machine = describeMachine()
console.log(
  `${machine.cpu}, ${machine.processors} processors, ${machine.vectors}, load ${machine.load.toFixed(2)}`,
)
if (chosen.some(({ needsTorch }) => needsTorch === true)) ensureTorch()

const results: Array<unknown> = []
let missed = 0
for (const one of chosen)
  for (const threads of threadCounts) {
    console.log(`\n${one.name}, ${threads} ${threads === 1 ? "thread" : "threads"}: ${one.about}`)
    const outcome = await one.run({ threads, rounds })
    print(outcome)
    missed += outcome.ratios.filter(({ met }) => met === false).length
    results.push({ name: one.name, about: one.about, threads, rounds, ...outcome })
  }

const json = JSON.stringify({ machine, results }, undefined, 2)
if (values.output === undefined) console.log(`\n${json}`)
else writeFileSync(values.output, `${json}\n`)
if (missed > 0) process.exitCode = 1
