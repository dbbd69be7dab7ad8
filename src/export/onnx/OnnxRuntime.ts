/**
 * An ONNX file run by onnxruntime-node, which is not part of the packages: 290 MB for all systems, of which the set-up keeps
 * this one's (45 MB) in the cache when an export first needs it.
 *
 * Left out: the comparison (`../Verify.ts`).
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { cacheDirectory } from "../../disk/Installation.ts"
import { normalisationOf, type Values } from "../../data/Dataset.ts"
import type { FoundModel } from "../FoundModel.ts"
import type { ExportOptions, Runner } from "../Target.ts"
import { precise, sessionOptionsOf } from "./OnnxPlan.ts"

/** As `scripts/onnxruntime/package.json` pins it. */
export const version = "1.30.0"
/** Its step of the set-up. */
export const step = "onnxruntime"

const folder = (): string => join(cacheDirectory(), `onnxruntime-${version}`)

/** What is used of onnxruntime-node; its own types are not there where it is not installed. */
interface OnnxTensor {
  readonly data: Float32Array
  readonly dims: ReadonlyArray<number>
}
interface Session {
  readonly run: (
    feeds: Readonly<Record<string, unknown>>,
  ) => Promise<Readonly<Record<string, OnnxTensor>>>
  readonly release: () => Promise<void>
}
interface Ort {
  readonly InferenceSession: {
    readonly create: (file: string | Uint8Array, options: object) => Promise<Session>
  }
  readonly Tensor: new (
    type: "float32" | "uint8",
    data: Float32Array | Uint8Array,
    dims: ReadonlyArray<number>,
  ) => unknown
}

/** Loads onnxruntime-node from the cache. Throws where the set-up has not put it there. */
export const loadOrt = (): Ort =>
  createRequire(join(folder(), "package.json"))("onnxruntime-node") as Ort

/** [count, height, width, channels] values -> [count, channels, height, width] floats, as the network normalises them. */
export const normalised = (
  images: Values,
  count: number,
  {
    network,
    preprocessing,
  }: {
    readonly network: { readonly graph: Pick<FoundModel["network"]["graph"], "input"> }
    readonly preprocessing: FoundModel["preprocessing"]
  },
): Float32Array => {
  const { channels, height, width } = network.graph.input
  const { fround } = Math
  const factors = normalisationOf(preprocessing)
  const [scale, shift] = [factors.scale.map(fround), factors.shift.map(fround)]
  const area = height * width
  const result = new Float32Array(count * channels * area)
  for (let i = 0; i < count; i++)
    for (let place = 0; place < area; place++)
      for (let c = 0; c < channels; c++)
        result[(i * channels + c) * area + place] = fround(
          fround(images[(i * area + place) * channels + c]! * scale[c]!) + shift[c]!,
        )
  return result
}

/** `session.disable_quant_qdq` as the runtime takes it: nested. */
const nested = (options: Readonly<Record<string, string>>): object => ({
  session: Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key.replace(/^session\./, ""), value]),
  ),
})

/** Whether this processor adds products of bytes in 32 bits: any but an x64 without VNNI. */
const addsWide = (): boolean => {
  if (process.arch !== "x64") return true
  try {
    return /vnni/u.test(readFileSync("/proc/cpuinfo", "utf8"))
  } catch {
    return false
  }
}

/** Session options without those that this processor does not need. */
export const onThisProcessor = (
  entries: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  addsWide()
    ? Object.fromEntries(Object.entries(entries).filter(([key]) => key !== precise))
    : entries

interface OpenOptions {
  /** What onnxruntime is told; as the metadata says where it is left out. */
  readonly entries?: Readonly<Record<string, string>>
  readonly threads?: number
}

/** Opens a file on the CPU as whoever takes the file would. */
export const openOnnx = async (
  path: string,
  model: FoundModel,
  { input }: Pick<ExportOptions, "input">,
  { entries = sessionOptionsOf(model), threads = 2 }: OpenOptions = {},
): Promise<Runner> => {
  const ort = loadOrt()
  const session = await ort.InferenceSession.create(path, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    // errors alone: they come back as exceptions too
    logSeverityLevel: 3,
    extra: nested(onThisProcessor(entries)),
  })
  const { channels, height, width } = model.network.graph.input
  return {
    runtime: `onnxruntime ${version}`,
    logits: async (images, count) => {
      const tensor =
        input === "uint8"
          ? new ort.Tensor("uint8", images, [count, height, width, channels])
          : new ort.Tensor("float32", normalised(images, count, model), [
              count,
              channels,
              height,
              width,
            ])
      return (await session.run({ images: tensor }))["logits"]!.data
    },
    close: () => session.release(),
  }
}
