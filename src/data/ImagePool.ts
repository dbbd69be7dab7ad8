/**
 * Threads that decode images beside the training.
 *
 * sharp decodes in threads of its own, but is given work between two passes through the event loop, which a training
 * step keeps busy: so each thread here has an event loop, and its requests are queued with it at once, not when it is
 * free. Who asks bounds how much is asked for. Which thread decodes an image changes nothing of the image.
 */
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import type { Cut } from "./ImageFile.ts"
import type { Extent } from "./shard/Extent.ts"
import type { Decoded, Reply, Request, WorkerData } from "./ImageWorker.ts"

export interface ImagePool {
  readonly decode: (file: string, cut: Cut) => Promise<Decoded>
  /** Ends the threads; what was asked for and is not there yet never comes. */
  readonly close: () => Promise<void>
}

/** Few: the threads of TensorFlow share the processors with these. */
export const usualThreads = (): number => Math.min(4, Math.ceil(availableParallelism() / 4))

// Sources run as they are and built files as JavaScript; only imports are rewritten in between.
const entry = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "./ImageWorker.ts" : "./ImageWorker.js",
    import.meta.url,
  ),
)

interface Waiting {
  readonly resolve: (decoded: Decoded) => void
  readonly reject: (error: Error) => void
}

/**
 * Threads for the images under a root; they start when the first image is asked for.
 *
 * @param placeOf where an image is that has no file of its own
 */
export const makeImagePool = (
  data: WorkerData,
  threads: number,
  placeOf: (file: string) => Extent | undefined = () => undefined,
): ImagePool => {
  const waiting = new Map<number, Waiting>()
  let workers: ReadonlyArray<Worker> | undefined
  let over: Error | undefined
  let next = 0

  const fail = (error: Error): void => {
    over ??= error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  const start = (): Worker => {
    const worker = new Worker(entry, { workerData: data })
    worker.on("message", ({ id, decoded }: Reply) => {
      waiting.get(id)?.resolve(decoded)
      waiting.delete(id)
    })
    worker.on("error", fail)
    return worker
  }

  return {
    decode: (file, cut) => {
      if (over !== undefined) return Promise.reject(over)
      workers ??= Array.from({ length: threads }, start)
      const id = next++
      const extent = placeOf(file)
      const request: Request = { id, file, cut, ...(extent === undefined ? {} : { extent }) }
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window: a thread
        workers![id % workers!.length]!.postMessage(request)
      })
    },
    close: async () => {
      fail(new Error("the images are closed"))
      await Promise.all((workers ?? []).map((worker) => worker.terminate()))
    },
  }
}
