/**
 * A thread that runs a TensorFlow.js graph model on WebAssembly: `GraphModel.ts` starts it. It has a TensorFlow.js of its
 * own, which shares nothing with the one that trains: another engine, other kernels.
 */
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { parentPort, workerData } from "node:worker_threads"

/** Rows of one input; `int32` are bytes. */
export interface Request {
  readonly type: "float32" | "int32"
  readonly shape: ReadonlyArray<number>
  readonly values: Float32Array | Int32Array
}

/** `ready` comes first, then an answer for every request. */
export type Reply =
  | { readonly ready: string }
  | { readonly logits: Float32Array }
  | { readonly error: string }

const say = (reply: Reply): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window: a thread
  parentPort!.postMessage(reply)
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** What TensorFlow.js's own loaders give for `model.json` and its shards. */
const artifacts = (path: string) => {
  const { modelTopology, weightsManifest, ...others } = JSON.parse(readFileSync(path, "utf8"))
  const files = weightsManifest.flatMap((group: { paths: ReadonlyArray<string> }) => group.paths)
  const data = Buffer.concat(files.map((file: string) => readFileSync(join(dirname(path), file))))
  return {
    ...others,
    modelTopology,
    weightSpecs: weightsManifest.flatMap((group: { weights: unknown }) => group.weights),
    weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength),
  }
}

const start = async (path: string) => {
  const tf = await import("@tensorflow/tfjs-core")
  await import("@tensorflow/tfjs-backend-wasm")
  const { loadGraphModel } = await import("@tensorflow/tfjs-converter")
  await tf.setBackend("wasm")
  await tf.ready()
  const model = await loadGraphModel({ load: async () => artifacts(path) })
  say({ ready: `TensorFlow.js ${tf.version_core} on ${tf.getBackend()}` })
  return ({ shape, type, values }: Request): Float32Array =>
    tf.tidy(() => {
      const images = tf.tensor(values, [...shape], type)
      const logits = model.execute({ images }, "logits")
      if (Array.isArray(logits)) throw new Error("the graph model has several outputs")
      return (logits.dataSync() as Float32Array).slice()
    })
}

try {
  const run = await start(workerData as string)
  parentPort!.on("message", (request: Request) => {
    try {
      say({ logits: run(request) })
    } catch (error) {
      say({ error: messageOf(error) })
    }
  })
} catch (error) {
  say({ error: messageOf(error) })
}
