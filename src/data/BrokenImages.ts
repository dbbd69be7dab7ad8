/**
 * Broken images as training meets them: counted, reported when their number has doubled, an error over the limit. Left out:
 * what stands in for them (`StreamedBatches.ts`).
 */
import { pathText } from "../declaration/Errors.ts"
import type { DataWarning } from "./Batches.ts"
import { DatasetCorrupt } from "./Errors.ts"

/** The images of a data set that have turned out to be broken. */
export interface BrokenImages {
  readonly dataset: string
  readonly root: string
  /** Share of all images that may be broken. */
  readonly limitShare: number
  /** How many may be. */
  readonly limit: number
  /** File -> why. */
  readonly found: Map<string, string>
  /** How many were reported. */
  reported: number
}

/** @param count of all images of the data set */
export const none = (
  dataset: string,
  root: string,
  count: number,
  limitShare: number,
): BrokenImages => ({
  dataset,
  root,
  limitShare,
  limit: Math.floor(limitShare * count + 1e-9),
  found: new Map(),
  reported: 0,
})

const named = (broken: ReadonlyMap<string, string>): string => {
  const files = [...broken.keys()].sort()
  const first = files.slice(0, 5).map((file) => `${pathText(file)} (${broken.get(file)})`)
  return `${first.join("; ")}${broken.size > first.length ? `; and ${broken.size - first.length} more` : ""}`
}

export const tooMany = (
  { dataset, limitShare, root }: BrokenImages,
  found: ReadonlyMap<string, string>,
): DatasetCorrupt =>
  new DatasetCorrupt({
    dataset,
    where: root,
    what: `${found.size} broken ${found.size === 1 ? "image" : "images"}, more than brokenLimit ${limitShare} of all allows: ${named(found)}`,
    fix: "replace or remove them (`fliqs data verify imageFolder --path DIR` names all), or raise data.brokenLimit",
  })

/** Throws when these alone are more than may be. */
export const check = (images: BrokenImages, found: ReadonlyMap<string, string>): void => {
  if (found.size > images.limit) throw tooMany(images, found)
}

/**
 * Adds those of a batch that is used: not earlier, so that what is reported does not depend on the threads. Throws when
 * there are more than may be.
 */
export const add = (images: BrokenImages, found: ReadonlyMap<string, string>): void => {
  for (const [file, why] of found) images.found.set(file, why)
  check(images, images.found)
}

/** A warning when the number has doubled since the last one, or (`all`) has grown at all. */
export const warnings = (images: BrokenImages, all = false): ReadonlyArray<DataWarning> => {
  const { found, reported } = images
  if (found.size < Math.max(1, all ? reported + 1 : 2 * reported)) return []
  images.reported = found.size
  const words = found.size === 1 ? "1 broken image is" : `${found.size} broken images are`
  return [{ alarm: "brokenImages", message: `${words} skipped: ${named(found)}` }]
}
