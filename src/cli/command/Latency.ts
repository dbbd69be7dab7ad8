/**
 * `fliqs latency SPACE --out FILE`: fills a latency table with the times of a space's layers on this machine, as the supernet
 * simulates them, or with `--runtime onnxruntime` as their exported files run.
 */
import { Effect, FileSystem, type Scope } from "effect"
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
import { formatsText } from "../../cost/KeyFormats.ts"
import { decode } from "../../declaration/Decode.ts"
import type { StorageError } from "../../disk/Errors.ts"
import { readKind } from "../../experiment/FileKind.ts"
import { multipliesIntegers } from "../../export/evaluate/LayerProfile.ts"
import { makeOnnxLayerTimer } from "../../export/evaluate/OnnxLayerTimer.ts"
import { step, version } from "../../export/onnx/OnnxRuntime.ts"
import { makeLayerTimer } from "../../supernet/LayerTimer.ts"
import { stored } from "../../disk/Patience.ts"
import * as Backend from "../../tensor/Backend.ts"
import { readSpace, sayTemporary, writeOut } from "../Locations.ts"
import { duration, note, print, printJson, table } from "../Output.ts"
import { readyStep } from "../Preparation.ts"
import { Wrong } from "../ErrorMessages.ts"

/** Keys that are measured in turns and held in memory together; the file is written after each group. */
const groupSize = 64
const rounds = 15

/** What runs the layers. */
export type LatencyRuntime = "tensorflow" | "onnxruntime"

/** The head of a table of this machine, as it is now. */
const emptyTable = (runtime: LatencyRuntime, threads: number): LatencyTable => {
  const { arithmetic, tensorflow = "", tfjs = "" } = Backend.loaded() ?? {}
  const oneDnn = arithmetic?.oneDnn ?? "default"
  const { node } = process.versions
  return {
    machine: cpus()[0]?.model.trim() ?? "unknown",
    date: new Date().toISOString().slice(0, 10),
    threads,
    batch: 1,
    versions:
      runtime === "onnxruntime"
        ? { onnxruntime: version, node }
        : { tensorflow, tfjs, node, oneDnn },
    layers: [],
  }
}

/** What prevents the times of two tables from being mixed. */
const differenceOf = (known: LatencyTable, here: LatencyTable): string | undefined => {
  const { oneDnn = "default", onnxruntime, tensorflow } = known.versions
  if (known.machine !== here.machine) return `on ${known.machine}, and this is ${here.machine}`
  if (known.threads !== here.threads)
    return `with ${known.threads} threads; give --threads ${known.threads}`
  if (known.batch !== 1) return `at batch ${known.batch}, and here it is 1`
  const own = here.versions["onnxruntime"]
  if (onnxruntime !== own)
    return own === undefined
      ? `in onnxruntime ${onnxruntime}; give --runtime onnxruntime`
      : onnxruntime === undefined
        ? "with TensorFlow; leave --runtime out"
        : `in onnxruntime ${onnxruntime}, and this is ${own}`
  if (own !== undefined) return undefined
  if (tensorflow !== here.versions["tensorflow"])
    return `with TensorFlow ${tensorflow}, and this is ${here.versions["tensorflow"]}`
  return oneDnn === here.versions["oneDnn"]
    ? undefined
    : `with oneDNN ${oneDnn}, and here it is ${here.versions["oneDnn"]} (TF_ENABLE_ONEDNN_OPTS)`
}

/** The existing table, or an empty one. */
const begin = Effect.fnUntraced(function* (file: string, here: LatencyTable, restart: boolean) {
  const fs = yield* FileSystem.FileSystem
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

/** Layers that take turns. */
interface Timer {
  readonly round: () => Promise<void> | void
  readonly medians: () => ReadonlyArray<number>
  /** What each layer is multiplied with, where that is known. */
  readonly products: ReadonlyArray<ReadonlyArray<string>>
}

const makeTimer = {
  tensorflow: (keys) =>
    Effect.acquireRelease(
      Effect.sync(() => ({ ...makeLayerTimer(keys), products: [] })),
      ({ dispose }) => Effect.sync(dispose),
    ),
  onnxruntime: (keys, threads) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs
        .makeTempDirectoryScoped()
        .pipe(stored("create", "a temporary folder"))
      return yield* Effect.acquireRelease(
        Effect.promise(() => makeOnnxLayerTimer(keys, threads, folder)),
        ({ close }) => Effect.promise(close),
      )
    }),
} as const satisfies Record<
  LatencyRuntime,
  (
    keys: ReadonlyArray<TimeKey>,
    threads: number,
  ) => Effect.Effect<Timer, StorageError, FileSystem.FileSystem | Scope.Scope>
>

const measure = Effect.fnUntraced(function* (
  runtime: LatencyRuntime,
  keys: ReadonlyArray<TimeKey>,
  threads: number,
) {
  const timer: Timer = yield* makeTimer[runtime](keys, threads)
  for (let round = 0; round < rounds; round++) {
    yield* Effect.promise(async () => timer.round())
    // Lets a signal be handled.
    yield* Effect.sleep(0)
  }
  return { times: timer.medians(), products: timer.products }
}, Effect.scoped)

/** A kind of layer in some formats, and what onnxruntime multiplies it with. */
interface Arithmetic {
  readonly kind: string
  readonly formats: string
  readonly kernels: ReadonlyArray<string>
  /** False: codes are decoded first, and the product is one of floats. */
  readonly integers: boolean
}

const arithmeticOf = (
  measured: ReadonlyArray<readonly [TimeKey, ReadonlyArray<string>]>,
): ReadonlyArray<Arithmetic> => {
  const kernels = new Map<string, Set<string>>()
  for (const [key, products] of measured) {
    const name = `${key.layer.kind} ${formatsText(key)}`
    kernels.set(name, new Set([...(kernels.get(name) ?? []), ...products]))
  }
  return [...kernels].map(([name, found]) => {
    const [kind = "", formats = ""] = name.split(" ")
    return {
      kind,
      formats,
      kernels: [...found].sort(),
      integers: [...found].every(multipliesIntegers),
    }
  })
}

const arithmeticText = (all: ReadonlyArray<Arithmetic>): string =>
  table(
    ["layer", "formats", "multiplied as", "kernels"],
    all.map(({ formats, integers, kernels, kind }) => [
      kind,
      formats,
      integers ? "integers" : "float32",
      kernels.join(" "),
    ]),
  )

const prepare = Effect.fnUntraced(function* (runtime: LatencyRuntime, threads: number) {
  yield* sayTemporary
  if (runtime === "onnxruntime") return yield* readyStep(step)
  yield* Backend.load({ threads })
})

export const run = Effect.fn("latency")(function* (input: {
  readonly space: string
  readonly out: string
  readonly runtime: LatencyRuntime
  readonly threads: number
  readonly set: ReadonlyArray<string>
  readonly restart: boolean
  readonly json: boolean
}) {
  const { json, out, restart, runtime, set, space, threads } = input
  const network = yield* readSpace("latency", space, set)
  yield* prepare(runtime, threads)
  let filled = yield* begin(out, emptyTable(runtime, threads), restart)
  const keys = keysOf(network.table)
  const known = timesOf(filled)
  const missing = keys.filter((key) => !known.has(textOf(key)))
  const measured: Array<readonly [TimeKey, ReadonlyArray<string>]> = []
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1e3
  for (let first = 0; first < missing.length; first += groupSize) {
    const group = missing.slice(first, first + groupSize)
    const { products, times } = yield* measure(runtime, group, threads)
    products.forEach((each, i) => measured.push([group[i]!, each]))
    filled = withTimes(
      filled,
      group.map((key, i) => [key, Number(times[i]!.toPrecision(4))]),
    )
    yield* writeOut(out, textOfTable(filled))
    const done = first + group.length
    const left = (seconds() / done) * (missing.length - done)
    yield* note(`${done} of ${missing.length} times${left > 0 ? `, ${duration(left)} left` : ""}`)
  }
  const arithmetic = arithmeticOf(measured)
  const counts = { keys: keys.length, measured: missing.length, kept: keys.length - missing.length }
  if (json)
    return yield* printJson({
      file: out,
      machine: filled.machine,
      runtime,
      threads,
      ...counts,
      seconds: seconds(),
      ...(runtime === "onnxruntime" ? { arithmetic } : {}),
    })
  if (arithmetic.length > 0) yield* print(arithmeticText(arithmetic))
  yield* print(
    `${pathText(out)}: ${counts.keys} times of ${pathText(space)}, ${counts.measured} measured, ${counts.kept} there before`,
  )
})
