/**
 * Where the time of a file goes, layer by layer, and what onnxruntime multiplies with: from the profile that it writes.
 *
 * A node of the graph is called after the layer that it belongs to (`stem.input.codes`, `stem.norm`), and onnxruntime keeps
 * the name of what it makes of several. Whatever has no layer's name (adds, pools, copies between layouts) is the rest. Left
 * out: names (`../onnx/OnnxModel.ts`).
 */
import { readdirSync, readFileSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Schema } from "effect"
import type { Fed } from "./PairedTimes.ts"
import { quantile } from "./TimedTurns.ts"

/** One run of one operation. */
interface Kernel {
  readonly node: string
  /** `Conv`, `QLinearConv` */
  readonly operation: string
  readonly microseconds: number
}

export interface LayerTime {
  readonly path: string
  readonly ms: number
  /** The operations that multiply. Empty where there is none of the layer's name. */
  readonly products: ReadonlyArray<string>
}

export interface Profile {
  readonly layers: ReadonlyArray<LayerTime>
  /** Milliseconds of everything else. */
  readonly rest: number
  /** Of everything. */
  readonly ms: number
}

const Events = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      cat: Schema.String,
      name: Schema.String,
      dur: Schema.optionalKey(Schema.Finite),
      args: Schema.optionalKey(Schema.Struct({ op_name: Schema.optionalKey(Schema.String) })),
    }),
  ),
)
const decodeEvents = Schema.decodeUnknownSync(Events)

const suffix = "_kernel_time"

/** Reads the profile of `prefix` and removes it. */
const readProfile = (prefix: string): ReadonlyArray<Kernel> => {
  const folder = dirname(prefix)
  const names = readdirSync(folder).filter((name) => name.startsWith(`${basename(prefix)}_`))
  const kernels = names.flatMap((name) =>
    decodeEvents(readFileSync(join(folder, name), "utf8")).flatMap(({ args, cat, dur, name }) =>
      cat === "Node" && name.endsWith(suffix)
        ? [
            {
              node: name.slice(0, -suffix.length),
              operation: args?.op_name ?? "",
              microseconds: dur ?? 0,
            },
          ]
        : [],
    ),
  )
  for (const name of names) rmSync(join(folder, name), { force: true })
  return kernels
}

/** Which layer a node is of: the longest path that its name begins with. */
export const layerOfNode = (paths: ReadonlyArray<string>) => {
  const longest = [...paths].sort((a, b) => b.length - a.length)
  return (name: string): string | undefined => {
    // onnxruntime's name of a convolution in a layout of its own.
    const node = name.replace(/_nchwc$/u, "")
    return longest.find((path) => node.startsWith(path) && !/^\w/u.test(node.slice(path.length)))
  }
}

/** The mean of the middle half: the clock counts in whole microseconds, and now and then a run is disturbed. */
const middleMean = (values: ReadonlyArray<number>): number => {
  const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)]
  const middle = values.filter((value) => value >= low && value <= high)
  return middle.reduce((a, b) => a + b, 0) / middle.length
}

/** Operations that multiply with a weight. */
const isProduct = (operation: string): boolean => /Conv|MatMul|Gemm/u.test(operation)
/** Those that multiply integers. */
export const multipliesIntegers = (operation: string): boolean =>
  /^(?:QLinear|QGemm|ConvInteger|MatMulInteger|DynamicQuantize)/u.test(operation)

const summarise = (kernels: ReadonlyArray<Kernel>, paths: ReadonlyArray<string>): Profile => {
  const times = new Map<string, Array<number>>()
  const products = new Map<string, Set<string>>()
  const layerOf = layerOfNode(paths)
  for (const { microseconds, node, operation } of kernels) {
    times.set(node, [...(times.get(node) ?? []), microseconds])
    const layer = layerOf(node)
    if (layer !== undefined && isProduct(operation))
      products.set(layer, (products.get(layer) ?? new Set()).add(operation))
  }
  const sums = new Map<string | undefined, number>()
  for (const [node, all] of times) {
    const layer = layerOf(node)
    sums.set(layer, (sums.get(layer) ?? 0) + middleMean(all) / 1e3)
  }
  return {
    layers: paths.map((path) => ({
      path,
      ms: sums.get(path) ?? 0,
      products: [...(products.get(path) ?? [])].sort(),
    })),
    rest: sums.get(undefined) ?? 0,
    ms: [...sums.values()].reduce((a, b) => a + b, 0),
  }
}

/** A session that was opened with a profile at `prefix`. */
export interface Profiled extends Fed {
  readonly prefix: string
}

/** Runs each file `runs` times, in turns, and reads their profiles. */
export const profileLayers = async (
  files: ReadonlyArray<Profiled>,
  paths: ReadonlyArray<string>,
  runs: number,
): Promise<ReadonlyArray<Profile>> => {
  for (let run = 0; run < runs; run++)
    for (const { feeds, session } of files) await session.run(feeds)
  return files.map(({ prefix, session }) => {
    session.endProfiling()
    return summarise(readProfile(prefix), paths)
  })
}
