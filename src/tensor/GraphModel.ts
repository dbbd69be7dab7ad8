/**
 * A TensorFlow.js graph model run by TensorFlow.js on WebAssembly, in a thread of its own. Left out: what the thread does
 * (`GraphModelWorker.ts`), the folder (`export/tensorflow/TfjsFiles.ts`).
 */
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import type { Reply, Request } from "./GraphModelWorker.ts"

export interface GraphModel {
  /** The runtime with its version. */
  readonly runtime: string
  readonly run: (request: Request) => Promise<Float32Array>
  readonly close: () => Promise<void>
}

// Sources run as they are and built files as JavaScript; only imports are rewritten in between.
const entry = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "./GraphModelWorker.ts" : "./GraphModelWorker.js",
    import.meta.url,
  ),
)

/** Loads a `model.json`. Fails with an `Error` of what TensorFlow.js says. */
export const openGraphModel = async (path: string): Promise<GraphModel> => {
  const worker = new Worker(entry, { workerData: path })
  const answer = async (): Promise<Reply> => {
    const [reply] = (await once(worker, "message")) as [Reply]
    if ("error" in reply) throw new Error(reply.error)
    return reply
  }
  try {
    const reply = await answer()
    if (!("ready" in reply)) throw new Error("the thread of the graph model did not start")
    return {
      runtime: reply.ready,
      run: async (request) => {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window: a thread
        worker.postMessage(request)
        const answered = await answer()
        if (!("logits" in answered)) throw new Error("the graph model gave no logits")
        return answered.logits
      },
      close: async () => {
        await worker.terminate()
      },
    }
  } catch (error) {
    await worker.terminate()
    throw error
  }
}
