/** `fliqs latency SPACE --out FILE`: fills a latency table with the times of a space's layers on this machine. */
import { Effect, FileSystem } from "effect"
import { cpus } from "node:os"
import { pathText } from "../../declaration/Errors.ts"
import {
  keysOf,
  LatencyTable,
  tableProblems,
  textOf,
  type TimeKey,
  timesOf,
  withTimes,
} from "../../cost/LatencyTable.ts"
import { decode } from "../../declaration/Decode.ts"
import { readKind } from "../../experiment/FileKind.ts"
import { makeLayerTimer } from "../../supernet/LayerTimer.ts"
import { stored } from "../../disk/Patience.ts"
import * as Backend from "../../tensor/Backend.ts"
import { readSpace, sayTemporary, writeOut } from "../Locations.ts"
import { duration, note, print, printJson } from "../Output.ts"
import { Wrong } from "../ErrorMessages.ts"

/** Keys that are measured in turns and held in memory together; the file is written after each group. */
const groupSize = 64
const rounds = 15

/** The head of a table of this machine, as it is now. */
const emptyTable = (threads: number): LatencyTable => {
  const { arithmetic, tensorflow = "", tfjs = "" } = Backend.loaded() ?? {}
  const oneDnn = arithmetic?.oneDnn ?? "default"
  return {
    machine: cpus()[0]?.model.trim() ?? "unknown",
    date: new Date().toISOString().slice(0, 10),
    threads,
    batch: 1,
    versions: { tensorflow, tfjs, node: process.versions.node, oneDnn },
    layers: [],
  }
}

/** What prevents the times of two tables from being mixed. */
const differenceOf = (known: LatencyTable, here: LatencyTable): string | undefined => {
  const { oneDnn = "default", tensorflow } = known.versions
  if (known.machine !== here.machine) return `on ${known.machine}, and this is ${here.machine}`
  if (known.threads !== here.threads)
    return `with ${known.threads} threads; give --threads ${known.threads}`
  if (known.batch !== 1) return `at batch ${known.batch}, and here it is 1`
  if (tensorflow !== here.versions["tensorflow"])
    return `with TensorFlow ${tensorflow}, and this is ${here.versions["tensorflow"]}`
  return oneDnn === here.versions["oneDnn"]
    ? undefined
    : `with oneDNN ${oneDnn}, and here it is ${here.versions["oneDnn"]} (TF_ENABLE_ONEDNN_OPTS)`
}

/** The existing table, or an empty one. */
const begin = Effect.fnUntraced(function* (file: string, threads: number, restart: boolean) {
  const fs = yield* FileSystem.FileSystem
  const here = emptyTable(threads)
  if (restart || !(yield* fs.exists(file).pipe(stored("look at", file)))) return here
  const known = yield* decode(
    LatencyTable,
    yield* readKind(file, ["latency table"], "--out"),
    tableProblems,
  )
  const difference = differenceOf(known, here)
  if (difference === undefined) return known
  return yield* new Wrong({
    message: `${pathText(file)} was measured ${difference}. Give another --out, or --restart to begin it anew`,
  })
})

/** JSON, a layer on each line: short to read and to compare. */
const textOfTable = ({ layers, ...head }: LatencyTable): string => {
  const lines = layers.map((layer) => `    ${JSON.stringify(layer)}`).join(",\n")
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "layers": [\n${lines}\n  ]\n}\n`
}

const measure = Effect.fnUntraced(function* (keys: ReadonlyArray<TimeKey>) {
  const timer = yield* Effect.acquireRelease(
    Effect.sync(() => makeLayerTimer(keys)),
    ({ dispose }) => Effect.sync(dispose),
  )
  for (let round = 0; round < rounds; round++) {
    timer.round()
    // Lets a signal be handled.
    yield* Effect.sleep(0)
  }
  return timer.medians()
}, Effect.scoped)

export const run = Effect.fn("latency")(function* (input: {
  readonly space: string
  readonly out: string
  readonly threads: number
  readonly set: ReadonlyArray<string>
  readonly restart: boolean
  readonly json: boolean
}) {
  const { json, out, restart, set, space, threads } = input
  const network = yield* readSpace("latency", space, set)
  yield* sayTemporary
  yield* Backend.load({ threads })
  let table = yield* begin(out, threads, restart)
  const keys = keysOf(network.table)
  const known = timesOf(table)
  const missing = keys.filter((key) => !known.has(textOf(key)))
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1e3
  for (let first = 0; first < missing.length; first += groupSize) {
    const group = missing.slice(first, first + groupSize)
    const times = yield* measure(group)
    table = withTimes(
      table,
      group.map((key, i) => [key, Number(times[i]!.toPrecision(4))]),
    )
    yield* writeOut(out, textOfTable(table))
    const done = first + group.length
    const left = (seconds() / done) * (missing.length - done)
    yield* note(`${done} of ${missing.length} times${left > 0 ? `, ${duration(left)} left` : ""}`)
  }
  const counts = { keys: keys.length, measured: missing.length, kept: keys.length - missing.length }
  if (json)
    return yield* printJson({
      file: out,
      machine: table.machine,
      threads,
      ...counts,
      seconds: seconds(),
    })
  yield* print(
    `${pathText(out)}: ${counts.keys} times of ${pathText(space)}, ${counts.measured} measured, ${counts.kept} there before`,
  )
})
