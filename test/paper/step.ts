/**
 * `node test/paper/step.ts SPACE graph|eager`: trains a space at batch 2 until every option of every decision has run,
 * and prints what came of it as JSON. A process of its own, so that its peak memory is this network's.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { Effect } from "effect"
import type { Choices, DecisionSpace } from "../../src/space/Decision.ts"
import { activity, widestChoices } from "../../src/space/DecisionSpace.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { counts, load } from "../../src/tensor/Backend.ts"
import { buildSpace } from "../network/fixture.ts"
import { makeImages, trained } from "../train/trained.ts"

export interface Report {
  readonly decisions: number
  /** Options that were active in a pass, of all there are. */
  readonly options: { readonly taken: number; readonly all: number }
  readonly parameters: number
  readonly passes: number
  /** Of the first step, with its recording, and the median of the others. */
  readonly seconds: { readonly first: number; readonly step: number }
  readonly peakBytes: number
  readonly losses: ReadonlyArray<number>
  /** Of all that must have equal bits. */
  readonly digest: string
  readonly leaks: boolean
}

const leastPasses = 4
const mostPasses = 100

/** Deals choices at random, options that have not run before those that have, until all of them have run. */
const dealer = (space: DecisionSpace) => {
  const random = randomStream(11, "deal")
  const widest = widestChoices(space)
  const waiting = space.decisions.map(({ options }) => [...random.permutation(options.length)])
  let passes = 0
  return {
    passes: () => passes,
    waiting: () => waiting.reduce((sum, options) => sum + options.length, 0),
    deal: (): Choices | undefined => {
      const isOver =
        passes % 2 === 0 && passes >= leastPasses && waiting.every((w) => w.length === 0)
      if (isOver || passes >= mostPasses) return undefined
      passes++
      const choices = waiting.map((options, i) => options[0] ?? widest[i]!)
      activity(space, choices).forEach((active, i) => {
        if (active === 1) waiting[i]!.shift()
      })
      return choices
    },
  }
}

const [file, way] = process.argv.slice(2)
await Effect.runPromise(load({ threads: 1 }))
const network = buildSpace(readFileSync(file!, "utf8"))
const { space } = network
const before = counts()
const { deal, passes, waiting } = dealer(space)
const { bits, parameters, seconds } = await trained(
  network,
  makeImages(network.graph.input, 8, 2),
  {
    eager: way === "eager",
    batchSize: 2,
    heldOut: 4,
    recalibrate: 1,
    deal,
    final: widestChoices(space),
  },
)
const [first, ...others] = seconds
const all = space.decisions.reduce((sum, { options }) => sum + options.length, 0)
const report: Report = {
  decisions: space.decisions.length,
  options: { taken: all - waiting(), all },
  parameters,
  passes: passes(),
  seconds: {
    first: first!,
    step: others.toSorted((a, b) => a - b)[Math.floor(others.length / 2)]!,
  },
  // kilobytes on Linux
  peakBytes: process.resourceUsage().maxRSS * 1024,
  losses: bits.losses,
  digest: createHash("sha256").update(JSON.stringify(bits)).digest("hex"),
  leaks: JSON.stringify(counts()) !== JSON.stringify(before),
}
process.stdout.write(`${JSON.stringify(report)}\n`)
