/**
 * The images and labels of a WebDataset shard: files of one name up to the first dot are a sample, `0001.jpg` with `0001.cls`
 * (a whole number) or `0001.json` (`{ "label": 3 }`). Left out: the splits (`WebDataset.ts`).
 */
import { Option, Result, Schema } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { isImageName } from "../ImageListing.ts"
import { inWords, readAt, withOpen } from "../OpenFile.ts"
import type { Shard } from "./ShardNames.ts"
import type { ShardSplit } from "./ShardedImages.ts"
import { listTar, type TarEntry } from "./TarFile.ts"

/** Longer ones hold no label. */
const maxLabelBytes = 1 << 16

const Labelled = Schema.fromJsonString(
  Schema.Struct({
    label: Schema.optionalKey(Schema.Int),
    cls: Schema.optionalKey(Schema.Int),
    class: Schema.optionalKey(Schema.Int),
  }),
)
const decodeLabelled = Schema.decodeUnknownOption(Labelled)

/** The label that a file of a sample says. */
const labelIn = (ending: string, text: string): number | undefined => {
  if (ending === "cls") return /^\s*\d+\s*$/u.test(text) ? Number(text) : undefined
  const {
    label,
    cls,
    class: named,
  } = Option.getOrElse(decodeLabelled(text), () => ({})) as {
    label?: number
    cls?: number
    class?: number
  }
  return label ?? cls ?? named
}

interface Sample {
  readonly image?: TarEntry
  readonly label?: { readonly entry: TarEntry; readonly ending: string }
}

/** Name up to the first dot behind the last folder -> its files. */
const samplesOf = (entries: ReadonlyArray<TarEntry>): ReadonlyMap<string, Sample> => {
  const samples = new Map<string, Sample>()
  for (const entry of entries) {
    const base = entry.name.slice(entry.name.lastIndexOf("/") + 1)
    const dot = base.indexOf(".")
    if (dot <= 0) continue
    const key = entry.name.slice(0, entry.name.length - base.length + dot)
    const ending = base.slice(dot + 1).toLowerCase()
    const before = samples.get(key)
    if (isImageName(base)) samples.set(key, { ...before, image: entry })
    else if (ending === "cls" || (ending === "json" && before?.label === undefined))
      samples.set(key, { ...before, label: { entry, ending } })
  }
  return samples
}

/** The samples of a shard in its order; or what is wrong with it in words. */
export const indexTar = ({ name, path }: Shard): Result.Result<ShardSplit, string> =>
  Result.mapError(
    Result.gen(function* () {
      const samples = samplesOf(yield* listTar(path))
      const labels = yield* inWords(() =>
        withOpen(path, (descriptor) =>
          [...samples].map(([key, { image, label }]) => {
            if (image === undefined || label === undefined) return undefined
            const { offset, size } = label.entry
            const text = readAt(descriptor, offset, Math.min(size, maxLabelBytes)).toString("utf8")
            const found = labelIn(label.ending, text)
            if (found === undefined || found < 0 || found > 65_535)
              throw new Error(`has no label from 0 to 65535 in ${key}.${label.ending}`)
            return found
          }),
        ),
      )
      const whole = [...samples].flatMap(([, { image }], i) =>
        image === undefined || labels[i] === undefined ? [] : [{ image, label: labels[i] }],
      )
      if (whole.length === 0)
        return yield* Result.fail(
          "has no image with a label: NAME.jpg (.png, .webp, .gif, .tif) and NAME.cls, or NAME.json with a label, would be right",
        )
      return {
        files: whole.map(({ image }) => `${name}/${image.name}`),
        labels: Int32Array.from(whole, ({ label }) => label),
        extents: whole.map(({ image }) => ({
          file: path,
          offset: image.offset,
          length: image.size,
        })),
      }
    }),
    (why) => `${pathText(name)} ${why}`,
  )
