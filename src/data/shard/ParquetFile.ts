/**
 * Images and labels in a Parquet file, as the Hugging Face Hub lays them out: a column of images, `{ bytes, path }` or bytes,
 * and a column of whole numbers, with the names of the classes in the metadata. Read by hyparquet.
 *
 * In here: what the end of the file says, and the rows unpacked into a pack, in which each image can be found. Left out: the
 * splits (`Parquet.ts`).
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import * as nodePath from "node:path"
import {
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadata,
  parquetReadObjects,
} from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { Option, Result, Schema } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { inWords, readAt, stampOf, withOpen } from "../OpenFile.ts"
import { cacheName, type ShardSplit } from "./ShardedImages.ts"
import type { Shard } from "./ShardNames.ts"

/** What the end of a file says. */
export interface ParquetEnd {
  readonly metadata: FileMetaData
  readonly rows: number
  readonly image: string
  readonly label: string
  /** Names of the classes, where the metadata has them. */
  readonly classes: ReadonlyArray<string> | undefined
  /** The least and the largest label, where the metadata has them. */
  readonly labels: readonly [number, number] | undefined
}

/** The columns that the user names. */
export interface Columns {
  readonly image?: string
  readonly label?: string
}

const imageNames = ["image", "img", "png", "jpg", "jpeg", "pixels"]
const labelNames = ["label", "labels", "class", "target", "fine_label", "y"]
/** Longer ends are not read. */
const maxEnd = 2 ** 28

const Features = Schema.fromJsonString(
  Schema.Struct({
    info: Schema.Struct({
      features: Schema.Record(
        Schema.String,
        Schema.Struct({
          _type: Schema.optionalKey(Schema.String),
          names: Schema.optionalKey(Schema.Array(Schema.String)),
        }),
      ),
    }),
  }),
)
const decodeFeatures = Schema.decodeUnknownOption(Features)

const metadataOf = (path: string): Result.Result<FileMetaData, string> =>
  inWords(() =>
    withOpen(path, (descriptor, size) => {
      const tail = readAt(descriptor, Math.max(0, size - 8), 8)
      if (size < 12 || tail.subarray(4).toString("latin1") !== "PAR1")
        throw new Error("is no Parquet file, or is cut short: it does not end in PAR1")
      const length = tail.readUInt32LE(0) + 8
      if (length > Math.min(size, maxEnd))
        throw new Error("is damaged: its metadata do not fit into it")
      // hyparquet takes an ArrayBuffer of its own
      return parquetMetadata(new Uint8Array(readAt(descriptor, size - length, length)).buffer)
    }),
  )

/** The columns at the top of the schema: name -> type of numbers; undefined for groups and bytes. */
const columnsOf = ({ schema }: FileMetaData): ReadonlyMap<string, string | undefined> => {
  const columns = new Map<string, string | undefined>()
  for (let i = 1; i < schema.length;) {
    const element = schema[i]!
    columns.set(element.name, element.num_children === undefined ? element.type : undefined)
    let open = 1
    for (; open > 0 && i < schema.length; i++) open += (schema[i]!.num_children ?? 0) - 1
  }
  return columns
}

const choose = (
  what: "image" | "label",
  asked: string | undefined,
  columns: ReadonlyMap<string, string | undefined>,
  usual: ReadonlyArray<string>,
): Result.Result<string, string> => {
  const name = asked ?? usual.find((each) => columns.has(each))
  if (name !== undefined && columns.has(name)) return Result.succeed(name)
  const all = [...columns.keys()].map(pathText).join(", ")
  return Result.fail(
    `has no column ${pathText(asked ?? usual[0]!)}; it has ${all}; data.${what}: with the column of ${what === "image" ? "images" : "labels"} would be right`,
  )
}

const labelRange = ({ row_groups: groups }: FileMetaData, label: string) => {
  let [low, high] = [Infinity, -Infinity]
  for (const { columns } of groups) {
    const meta = columns.find(
      ({ meta_data }) => meta_data?.path_in_schema.join(".") === label,
    )?.meta_data
    const { max, max_value, min, min_value } = meta?.statistics ?? {}
    const [least, most] = [min_value ?? min, max_value ?? max]
    if (least === undefined || most === undefined) return undefined
    low = Math.min(low, Number(least))
    high = Math.max(high, Number(most))
  }
  return Number.isFinite(low) && Number.isFinite(high) ? ([low, high] as const) : undefined
}

/** What the end of a file says; or what is wrong with it in words. */
export const readEnd = ({ name, path }: Shard, asked: Columns): Result.Result<ParquetEnd, string> =>
  Result.mapError(
    Result.gen(function* () {
      const metadata = yield* metadataOf(path)
      const columns = columnsOf(metadata)
      const json = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value
      const features = Option.getOrUndefined(decodeFeatures(json))?.info.features ?? {}
      const typed = (type: string) =>
        Object.keys(features).filter((key) => features[key]!._type === type && columns.has(key))
      const image = yield* choose("image", asked.image, columns, [...typed("Image"), ...imageNames])
      const label = yield* choose("label", asked.label, columns, [
        ...typed("ClassLabel"),
        ...labelNames,
      ])
      const type = columns.get(label)
      if (type !== "INT64" && type !== "INT32")
        return yield* Result.fail(
          `has labels of type ${type ?? "group"} in column ${pathText(label)}; whole numbers (a ClassLabel) would be right`,
        )
      const labels = labelRange(metadata, label)
      if (labels !== undefined && labels[0] < 0)
        return yield* Result.fail(
          `has the label ${labels[0]} in column ${pathText(label)}: images without a label, which no split can have; without this file, or with another data.label, the set would be right`,
        )
      const classes = features[label]?.names
      return { metadata, rows: Number(metadata.num_rows), image, label, classes, labels }
    }),
    (why) => `${pathText(name)} ${why}`,
  )

/** What a pack holds: lengths and labels of its images, and what file it is of. */
const Contents = Schema.fromJsonString(
  Schema.Struct({
    stamp: Schema.String,
    lengths: Schema.Array(Schema.Int),
    labels: Schema.Array(Schema.Int),
  }),
)
const decodeContents = Schema.decodeUnknownOption(Contents)

/** Rows of this many bytes are read at once, if their group is larger. */
const chunkBytes = 2 ** 27

const bytesOf = (value: unknown): Uint8Array => {
  const bytes =
    typeof value === "object" && value !== null && "bytes" in value ? value.bytes : value
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(0)
}

/** Writes the images of all rows one after another; rows are read a group, or a part of one, at a time. */
const writePack = async ({ path }: Shard, end: ParquetEnd, pack: string) => {
  const { image, label, metadata } = end
  const file = await asyncBufferFromFile(path)
  const lengths: Array<number> = []
  const labels: Array<number> = []
  const out = openSync(pack, "w")
  try {
    let start = 0
    for (const group of metadata.row_groups) {
      const rows = Number(group.num_rows)
      const parts = Math.max(1, Math.ceil(Number(group.total_byte_size) / chunkBytes))
      const size = Math.max(1, Math.ceil(rows / parts))
      for (let from = 0; from < rows; from += size) {
        const some = await parquetReadObjects({
          file,
          metadata,
          columns: [image, label],
          rowStart: start + from,
          rowEnd: start + Math.min(rows, from + size),
          compressors,
          utf8: false,
        })
        for (const row of some) {
          const bytes = bytesOf(row[image])
          if (bytes.length > 0) writeSync(out, bytes)
          lengths.push(bytes.length)
          labels.push(Number(row[label] ?? -1))
        }
      }
      start += rows
    }
  } finally {
    closeSync(out)
  }
  return { lengths, labels }
}

/** The images of a file, each in its place in a pack in the cache: unpacked once while the file does not change. */
export const unpack = async (
  shard: Shard,
  end: ParquetEnd,
  cacheFolder: string,
): Promise<ShardSplit> => {
  const pack = cacheName(cacheFolder, shard.path, ".pack")
  const index = `${pack}.json`
  const stamp = `${stampOf(shard.path)} ${end.image} ${end.label}`
  const read = () => {
    try {
      const contents = Option.getOrUndefined(decodeContents(readFileSync(index, "utf8")))
      const total = contents?.lengths.reduce((a, b) => a + b, 0)
      return contents?.stamp === stamp && statSync(pack).size === total ? contents : undefined
    } catch {
      return undefined
    }
  }
  let contents = read()
  if (contents === undefined) {
    mkdirSync(cacheFolder, { recursive: true })
    const unfinished = `${pack}.${process.pid}`
    try {
      contents = { stamp, ...(await writePack(shard, end, unfinished)) }
      rmSync(index, { force: true })
      renameSync(unfinished, pack)
      writeFileSync(`${unfinished}.json`, JSON.stringify(contents))
      renameSync(`${unfinished}.json`, index)
    } finally {
      rmSync(unfinished, { force: true })
    }
  }
  const { labels, lengths } = contents
  const wrong = labels.findIndex((label) => label < 0 || label > 65_535)
  if (wrong >= 0)
    throw new Error(
      `${pathText(shard.name)} has the label ${labels[wrong]} in row ${wrong}; labels are whole numbers from 0 to 65535`,
    )
  let offset = 0
  return {
    files: lengths.map((_, row) => `${shard.name}/${row}`),
    labels: Int32Array.from(labels),
    extents: lengths.map((length) => {
      const extent = { file: nodePath.resolve(pack), offset, length }
      offset += length
      return extent
    }),
  }
}
