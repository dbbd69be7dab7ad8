/**
 * The layout of a spool. A line is `crc32 length json`: eight hex digits and a byte count over the JSON that follows, so the
 * file reads with any pager and yet no torn write and no flipped byte goes unnoticed. The first record names the version of
 * the file.
 *
 *     3f1c09aa 28 {"type":"spool","version":1}
 *
 * Left out: writing (`Spool.ts`), reading on from an offset (`SpoolReader.ts`).
 */
import { crc32 } from "node:zlib"
import { TrackerError, Unusable } from "./Errors.ts"

const version = 1
/** The JSON of the first record. */
export const header = JSON.stringify({ type: "spool", version })
export const maxRecordBytes = 4 << 20
/** How much is read at once. */
export const chunkBytes = 1 << 20
export const newline = 0x0a

/** A good record: its JSON text and where the next one begins. */
export interface Line {
  readonly json: string
  readonly end: number
}

/** What `scan` finds: good records, and stretches of bytes that are none. */
export interface Scan {
  readonly lines: ReadonlyArray<Line>
  /** Damaged bytes that have a good record behind them. */
  readonly damagedBytes: number
  /** Where the last good record ends. */
  readonly end: number
}

/** One record, its newline included. */
export const toLine = (json: string): Buffer => {
  const head = `${crc32(json).toString(16).padStart(8, "0")} ${Buffer.byteLength(json)} `
  return Buffer.from(`${head}${json}\n`)
}

const fromLine = (line: Buffer): string | undefined => {
  const head = /^([0-9a-f]{8}) (0|[1-9][0-9]{0,8}) /.exec(line.toString("latin1", 0, 20))
  if (head === null) return undefined
  const body = line.subarray(head[0].length)
  if (body.length !== Number(head[2]) || crc32(body) !== Number.parseInt(head[1]!, 16)) {
    return undefined
  }
  return body.toString("utf8")
}

/** All whole records of `bytes`, which begin at a record and at `offset` in the file; an unfinished last line is left. */
export const scan = (bytes: Buffer, offset = 0): Scan => {
  const lines: Array<Line> = []
  let damagedBytes = 0
  let good = 0
  for (let start = 0; ;) {
    const stop = bytes.indexOf(newline, start)
    if (stop < 0) return { lines, damagedBytes, end: offset + good }
    const json = fromLine(bytes.subarray(start, stop))
    if (json !== undefined) {
      damagedBytes += start - good
      good = stop + 1
      lines.push({ json, end: offset + good })
    }
    start = stop + 1
  }
}

/** The version of a first record that a newer fliqs wrote. */
export const newerVersion = (json: string): number | undefined => {
  const record: unknown = JSON.parse(json)
  if (typeof record !== "object" || record === null || !("version" in record)) return undefined
  if (!("type" in record) || record.type !== "spool") return undefined
  return typeof record.version === "number" && record.version > version ? record.version : undefined
}

/** Names the version that cannot be read. */
export const refuse = (file: string, found: number) =>
  new TrackerError({
    operation: "read the spool",
    reason: new Unusable({
      detail: `${file} has version ${found}; this fliqs knows version ${version}: use a newer fliqs`,
    }),
  })
