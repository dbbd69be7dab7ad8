/**
 * How long layers take in onnxruntime on this machine, each a file of its own, and what they are multiplied with there.
 *
 * Times are taken as `supernet/LayerTimer.ts` takes those of the supernet. Left out: the table (`cost/LatencyTable.ts`).
 */
import type { TimeKey } from "../../cost/LatencyTable.ts"
import { emptyFeeds, emptyFile } from "./EmptyFile.ts"
import { profileLayers } from "./LayerProfile.ts"
import { oneLayer } from "./OneLayer.ts"
import { openSession, tensor } from "./OnnxSession.ts"
import { median, takeTurns } from "./TimedTurns.ts"

export interface OnnxLayerTimer {
  /** One more time of every layer. */
  readonly round: () => Promise<void>
  /** Medians over the rounds in milliseconds, less what an empty file takes; in the order of the keys. */
  readonly medians: () => ReadonlyArray<number>
  /** The operations that each layer's product became, in the order of the keys. */
  readonly products: ReadonlyArray<ReadonlyArray<string>>
  readonly close: () => Promise<void>
}

/** As `supernet/LayerTimer.ts` has them. */
const burst = { bursts: 5, shortest: 0.4 }
/** Below this a time is noise of the subtraction. */
const leastTime = 1e-4

const openLayer = async (key: TimeKey, threads: number, profile?: string) => {
  const { bytes, entries, input } = oneLayer(key)
  const session = await openSession(bytes, {
    threads,
    entries,
    ...(profile === undefined ? {} : { profile }),
  })
  return { session, feeds: { images: tensor(input.values, input.shape) } }
}

/** What a layer is multiplied with, as a profile of one run tells. */
const productsOf = async (key: TimeKey, folder: string): Promise<ReadonlyArray<string>> => {
  const prefix = `${folder}/layer`
  const fed = await openLayer(key, 1, prefix)
  try {
    const [profile] = await profileLayers([{ ...fed, prefix }], ["layer"], 1)
    return profile!.layers[0]!.products
  } finally {
    await fed.session.close()
  }
}

/** Loads the layers and warms them up. `folder` is for profiles, which do not stay. */
export const makeOnnxLayerTimer = async (
  keys: ReadonlyArray<TimeKey>,
  threads: number,
  folder: string,
): Promise<OnnxLayerTimer> => {
  const products: Array<ReadonlyArray<string>> = []
  for (const key of keys) products.push(await productsOf(key, folder))
  const layers: Array<Awaited<ReturnType<typeof openLayer>>> = []
  for (const key of keys) layers.push(await openLayer(key, threads))
  const empty = { session: await openSession(emptyFile(), { threads }), feeds: emptyFeeds() }
  const all = [...layers, empty]
  const { round, times } = await takeTurns(
    all.map(
      ({ feeds, session }) =>
        () =>
          session.run(feeds),
    ),
    burst,
  )
  return {
    round,
    products,
    medians: () => {
      const overhead = median(times.at(-1)!)
      return times.slice(0, -1).map((each) => Math.max(leastTime, median(each) - overhead))
    },
    close: async () => {
      for (const { session } of all) await session.close()
    },
  }
}
