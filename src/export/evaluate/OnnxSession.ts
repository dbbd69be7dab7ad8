/**
 * Any ONNX file in onnxruntime on the CPU: what it takes and gives, runs, and a profile where one is asked for.
 *
 * Left out: files that belong to a network in memory (`../onnx/OnnxRuntime.ts`), what the runs are for.
 */
import { loadOrt, onThisProcessor } from "../onnx/OnnxRuntime.ts"

/** An input or output of a file; sizes that are not fixed have a name. */
export interface OnnxValue {
  readonly name: string
  readonly isTensor: boolean
  /** `float32`, `uint8` */
  readonly type?: string
  readonly shape?: ReadonlyArray<number | string>
}

/** What is used of a session of onnxruntime-node. */
interface Native {
  readonly inputMetadata: ReadonlyArray<OnnxValue>
  readonly outputMetadata: ReadonlyArray<OnnxValue>
  readonly run: (
    feeds: Readonly<Record<string, unknown>>,
  ) => Promise<
    Readonly<Record<string, { readonly data: Float32Array; readonly dims: ReadonlyArray<number> }>>
  >
  readonly release: () => Promise<void>
  readonly endProfiling: () => void
}

/** Makes a tensor; the numbers are not copied. */
export const tensor = (values: Float32Array | Uint8Array, shape: ReadonlyArray<number>): unknown =>
  new (loadOrt().Tensor)(values instanceof Float32Array ? "float32" : "uint8", values, shape)

export interface OnnxSession {
  readonly inputs: ReadonlyArray<OnnxValue>
  readonly outputs: ReadonlyArray<OnnxValue>
  /** The values of the first output. */
  readonly run: (feeds: Readonly<Record<string, unknown>>) => Promise<Float32Array>
  /** Writes the profile: `profile` of the options, a date, `.json`. */
  readonly endProfiling: () => void
  readonly close: () => Promise<void>
}

export interface SessionOptions {
  /** Threads of one operation. */
  readonly threads: number
  /** Such as `session.disable_quant_qdq`, as the file's metadata says. */
  readonly entries?: Readonly<Record<string, string>>
  /** The beginning of the path of a profile. */
  readonly profile?: string
}

/** `session.disable_quant_qdq` as the runtime takes it: nested. */
const nested = (entries: Readonly<Record<string, string>>): object => {
  const groups: Record<string, Record<string, string>> = {}
  for (const [key, value] of Object.entries(entries)) {
    const [group = "", ...rest] = key.split(".")
    groups[group] = { ...groups[group], [rest.join(".")]: value }
  }
  return groups
}

/** Loads a file, or the bytes of one. Rejects with the runtime's words where it cannot. */
export const openSession = async (
  file: string | Uint8Array,
  { entries = {}, profile, threads }: SessionOptions,
): Promise<OnnxSession> => {
  const session = (await loadOrt().InferenceSession.create(file, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // errors alone: they come back as exceptions too
    logSeverityLevel: 3,
    extra: nested(onThisProcessor(entries)),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  })) as Native
  const { inputMetadata: inputs, outputMetadata: outputs } = session
  return {
    inputs,
    outputs,
    run: async (feeds) => (await session.run(feeds))[outputs[0]!.name]!.data,
    endProfiling: () => session.endProfiling(),
    close: () => session.release(),
  }
}
