/** A thread that decodes images, one after another in the order they are asked for: `ImagePool.ts` starts it. */
import { parentPort, workerData } from "node:worker_threads"
import { BrokenImage, type Links, readImageFile } from "./ImageBytes.ts"
import { type Extent, readExtent } from "./shard/Extent.ts"
import { type Cut, decodeImage, type Target } from "./ImageFile.ts"

/** What a thread is given once. */
export interface WorkerData {
  readonly root: string
  readonly links: Links
  readonly target: Target
}

/** One image to decode. */
export interface Request {
  readonly id: number
  readonly file: string
  readonly cut: Cut
  /** Where it is, if it has no file of its own. */
  readonly extent?: Extent
}

/** The pixels of an image, or why it has none. */
export type Decoded = { readonly pixels: Uint8Array<ArrayBuffer> } | { readonly broken: string }

export interface Reply {
  readonly id: number
  readonly decoded: Decoded
}

const { root, links, target } = workerData as WorkerData

const decode = async ({ cut, extent, file }: Request): Promise<Decoded> => {
  try {
    const bytes = extent === undefined ? readImageFile(root, file, links) : readExtent(extent)
    return { pixels: await decodeImage(bytes, target, cut) }
  } catch (error) {
    if (error instanceof BrokenImage) return { broken: error.message }
    throw error
  }
}

let last = Promise.resolve()
parentPort!.on("message", (request: Request) => {
  last = last.then(async () => {
    const decoded = await decode(request)
    const reply: Reply = { id: request.id, decoded }
    parentPort!.postMessage(reply, "pixels" in decoded ? [decoded.pixels.buffer] : [])
  })
})
