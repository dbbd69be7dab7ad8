/**
 * How long the cost of a ResNet-50 takes, beside a naive evaluation that costs every layer anew.
 *
 *     node bench/cost.ts [spaces/resnet50.yaml]
 */
import { performance } from "node:perf_hooks"
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { compile } from "../src/cost/Cost.ts"
import { Gbops } from "../src/cost/Gbops.ts"
import { decode } from "../src/declaration/Decode.ts"
import { read } from "../src/declaration/Document.ts"
import { build } from "../src/network/Build.ts"
import { Space } from "../src/network/SpaceFile.ts"
import { valueOf } from "../src/space/Quantity.ts"
import { randomStream } from "../src/space/RandomStream.ts"

const file = process.argv[2] ?? "spaces/resnet50.yaml"
const declared = await Effect.runPromise(
  read(file).pipe(
    Effect.flatMap((document) => decode(Space, document)),
    Effect.provide(NodeServices.layer),
  ),
)
const { network } = build(declared)
if (network === undefined) throw new Error(`${file} does not build`)
const { table, space } = network

const compiling = performance.now()
const cost = compile(table, Gbops, space)
const compiled = performance.now() - compiling
const ranging = performance.now()
const { min, max, exact } = cost.range()
const ranged = performance.now() - ranging

const random = randomStream(1, "bench")
const assignments = Array.from({ length: 256 }, () =>
  space.decisions.map(({ options }) => random.integer(options.length)),
)
const uniform = space.decisions.map(({ options }) =>
  new Float64Array(options.length).fill(1 / options.length),
)

/** Milliseconds of one call, the median of 31 rounds of 256. */
const time = (call: (choices: ReadonlyArray<number>) => unknown): number => {
  const rounds = Array.from({ length: 31 }, () => {
    const start = performance.now()
    for (const choices of assignments) call(choices)
    return (performance.now() - start) / assignments.length
  })
  return rounds.sort((a, b) => a - b)[15]!
}

const naive = time((choices) =>
  table.layers.reduce((sum, layer) => sum + valueOf(Gbops.layerCost(layer), choices), 0),
)
const rows: ReadonlyArray<readonly [string, number]> = [
  ["one assignment, every layer anew", naive],
  ["one assignment", time(cost.of)],
  ["expectation", time(() => cost.expected(uniform))],
  ["gradient of the expectation", time(() => cost.gradient(uniform))],
  [
    "every option of every decision",
    time((choices) => {
      const total = cost.of(choices)
      return space.decisions.map((_, i) => cost.withChoice(choices, i, total))
    }),
  ],
]

console.log(`${file}: ${table.layers.length} layers, ${space.decisions.length} decisions`)
console.log(`compiled in ${compiled.toFixed(2)} ms`)
console.log(
  `range ${min.toFixed(3)} .. ${max.toFixed(3)} GBOPs (${exact ? "exact" : "not exact"}) in ${ranged.toFixed(2)} ms`,
)
for (const [name, ms] of rows)
  console.log(`${name.padEnd(34)} ${ms.toFixed(4)} ms  ${(naive / ms).toFixed(1)}x`)
