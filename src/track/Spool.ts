/**
 * The append-only file of events of one run. A line is `crc32 length json`: eight hex digits and a byte count over the
 * JSON that follows, so the file reads with any pager and yet no torn write and no flipped byte goes unnoticed. The first
 * record names the version of the file.
 *
 *     3f1c09aa 28 {"type":"spool","version":1}
 *
 * Writing is synchronous and plain: it runs inside a training step. What `append` wrote survives a kill of the process
 * (one `write` of whole lines); `flush` makes it survive a power cut too. A disk that is full does not stop training:
 * lines wait in memory and are written when there is room; `flush` throws while they wait, so that whoever must not go on
 * without them (a checkpoint, a result) does not. Reading (`read`) is for the sender, from an offset on.
 *
 * Damage: bytes after the last good record are cut back on `open`; a bad record with good ones behind it is stepped over.
 * Both are told to `onWarning`. A run that goes on from a checkpoint repeats steps it has already told: `open` knows the
 * last step of every metric and `append` leaves those out, so a history has each step once.
 */
import * as nodeFs from "node:fs"
import { dirname } from "node:path"
import { crc32 } from "node:zlib"
import { Effect, FileSystem, Option } from "effect"
import { pathText } from "../declaration/Errors.ts"
import { describe } from "../disk/FileProblem.ts"
import { TrackerError, Unusable } from "./Errors.ts"
import { decode, encode } from "./Event.ts"
import type { Event } from "./Event.ts"

/** The name of the file in the folder of a trial or a grid. */
export const fileName = "spool.jsonl"

const version = 1
const header = JSON.stringify({ type: "spool", version })
const maxRecordBytes = 4 << 20
const chunkBytes = 1 << 20
const newline = 0x0a

/** The calls `open` makes; a test hands in ones that fail. */
export type SpoolFiles = Pick<
  typeof nodeFs,
  | "openSync"
  | "readSync"
  | "writeSync"
  | "fstatSync"
  | "ftruncateSync"
  | "fdatasyncSync"
  | "closeSync"
>

/** A spool open for writing; every call is synchronous. */
export interface Spool {
  readonly file: string
  /** Writes the event. Never throws for a disk that is full or broken: see `waiting`. */
  readonly append: (event: Event) => void
  /** Makes all that was appended survive a power cut; throws what the file system said when it cannot. */
  readonly flush: () => void
  /** Writes what it can and closes; `waiting` says how many events are lost. */
  readonly close: () => void
  /** Events that could not be written yet and wait in memory. */
  readonly waiting: number
  /** Bytes of them. */
  readonly waitingBytes: number
}

/** A good record: its JSON text and where the next one begins. */
export interface Line {
  readonly json: string
  readonly end: number
}

/** What `scan` found: good records, and stretches of bytes that are none. */
export interface Scan {
  readonly lines: ReadonlyArray<Line>
  /** Damaged bytes that have a good record behind them. */
  readonly damagedBytes: number
  /** Where the last good record ends. */
  readonly end: number
}

const toLine = (json: string): Buffer => {
  const body = Buffer.from(json)
  const head = `${crc32(body).toString(16).padStart(8, "0")} ${body.length} `
  return Buffer.concat([Buffer.from(head), body, Buffer.from([newline])])
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

const newerVersion = (json: string): number | undefined => {
  const record: unknown = JSON.parse(json)
  if (typeof record !== "object" || record === null || !("version" in record)) return undefined
  if (!("type" in record) || record.type !== "spool") return undefined
  return typeof record.version === "number" && record.version > version ? record.version : undefined
}

const refuse = (file: string, found: number) =>
  new TrackerError({
    operation: "read the spool",
    reason: new Unusable({
      detail: `${file} has version ${found}; this fliqs knows version ${version}: use a newer fliqs`,
    }),
  })

/** Walks the file as `open` found it: the last step of every metric, and the end of the last good record. */
const survey = (fs: SpoolFiles, fd: number, file: string) => {
  const lastStep = new Map<string, number>()
  let records = 0
  let damagedBytes = 0
  let offset = 0
  let window = chunkBytes
  for (;;) {
    const buffer = Buffer.allocUnsafe(window)
    const count = fs.readSync(fd, buffer, 0, window, offset)
    const found = scan(buffer.subarray(0, count), offset)
    for (const { json } of found.lines) {
      const newer = records === 0 ? newerVersion(json) : undefined
      if (newer !== undefined) throw refuse(file, newer)
      records += 1
      const event = decode(JSON.parse(json))
      if (Option.isSome(event)) remember(lastStep, event.value)
    }
    damagedBytes += found.damagedBytes
    if (count < window) return { lastStep, records, damagedBytes, end: found.end }
    window = found.end === offset ? window * 2 : chunkBytes
    offset = found.end
  }
}

const remember = (lastStep: Map<string, number>, event: Event) => {
  if (event.type !== "metrics") return
  for (const key of Object.keys(event.values)) {
    lastStep.set(key, Math.max(event.step, lastStep.get(key) ?? event.step))
  }
}

const withoutToldSteps = (lastStep: Map<string, number>, event: Event): Event | undefined => {
  if (event.type !== "metrics") return event
  const fresh = Object.entries(event.values).filter(
    ([key]) => event.step > (lastStep.get(key) ?? Number.NEGATIVE_INFINITY),
  )
  return fresh.length === 0 ? undefined : { ...event, values: Object.fromEntries(fresh) }
}

interface Options {
  readonly fs?: SpoolFiles
  readonly onWarning?: (message: string) => void
}

/** Opens the file and cuts back a torn tail. */
const openFile = (file: string, fs: SpoolFiles, warn: (message: string) => void) => {
  const { O_APPEND, O_CREAT, O_RDWR } = nodeFs.constants
  const fd = fs.openSync(file, O_RDWR | O_CREAT | O_APPEND, 0o644)
  try {
    const { lastStep, records, damagedBytes, end } = survey(fs, fd, file)
    const { size } = fs.fstatSync(fd)
    if (size > end) fs.ftruncateSync(fd, end)
    if (damagedBytes > 0) warn(`${pathText(file)}: ${damagedBytes} damaged bytes are left out`)
    if (size > end)
      warn(`${pathText(file)}: cut back by ${size - end} bytes to its last good record`)
    return { fd, lastStep, records, size: end }
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

/**
 * Opens the spool for writing.
 *
 * @throws TrackerError (Unusable) for a file of a newer version, and node's own error when the file cannot be opened.
 */
export const open = (file: string, options: Options = {}): Spool => {
  const fs = options.fs ?? nodeFs
  const warn = options.onWarning ?? (() => {})
  const opened = openFile(file, fs, warn)
  const { fd, lastStep, records } = opened
  let { size } = opened
  let waiting: Array<Buffer> = []
  let waitingBytes = 0
  let failing = false
  let torn = false

  /** What the file system said when it refused; undefined when all is written. */
  const write = (): unknown => {
    if (waiting.length === 0) return undefined
    const lines = torn ? [Buffer.from("\n"), ...waiting] : waiting
    const bytes = lines.length === 1 ? lines[0]! : Buffer.concat(lines)
    let done = 0
    try {
      while (done < bytes.length) done += fs.writeSync(fd, bytes, done, bytes.length - done)
      size += bytes.length
      waiting = []
      waitingBytes = 0
      failing = false
      torn = false
      return undefined
    } catch (cause) {
      if (!failing)
        warn(`${pathText(file)}: cannot write: ${describe(cause).words}; events wait in memory`)
      failing = true
      takeBack(done)
      return cause
    }
  }

  /** Removes half a write, unless somebody else has written behind it; what stays is closed by a newline later. */
  const takeBack = (done: number) => {
    if (done === 0) return
    torn = true
    try {
      if (fs.fstatSync(fd).size !== size + done) return
      fs.ftruncateSync(fd, size)
      torn = false
    } catch {
      size += done
    }
  }

  const push = (json: string) => {
    const line = toLine(json)
    if (line.length > maxRecordBytes) throw new RangeError(`event of ${line.length} bytes`)
    waiting.push(line)
    waitingBytes += line.length
    write()
  }

  const flush = () => {
    const refused = write()
    if (refused !== undefined) throw refused
    fs.fdatasyncSync(fd)
  }

  const tryToFlush = () => {
    try {
      flush()
    } catch (cause) {
      if (!failing) warn(`${pathText(file)}: cannot flush: ${describe(cause).words}`)
    }
  }

  if (records === 0) {
    push(header)
    syncFolder(dirname(file))
  }

  return {
    file,
    append: (event) => {
      const fresh = withoutToldSteps(lastStep, event)
      if (fresh === undefined) return
      remember(lastStep, fresh)
      push(encode(fresh))
      if (fresh.type === "start" || fresh.type === "end") tryToFlush()
    },
    flush,
    close: () => {
      tryToFlush()
      try {
        fs.closeSync(fd)
      } catch (cause) {
        warn(`${pathText(file)}: cannot close: ${describe(cause).words}`)
      }
    },
    get waiting() {
      return waiting.length
    },
    get waitingBytes() {
      return waitingBytes
    },
  }
}

/** Makes the new name itself survive a power cut; not every file system allows it, and then there is nothing to do. */
const syncFolder = (folder: string) => {
  try {
    const fd = nodeFs.openSync(folder, "r")
    nodeFs.fsyncSync(fd)
    nodeFs.closeSync(fd)
  } catch {
    // Only the durability of the name is at stake.
  }
}

/** An event and the offset of what follows it. */
export interface Read {
  readonly events: ReadonlyArray<{ readonly event: Event; readonly end: number }>
  /** Where to go on. */
  readonly offset: number
  /** Bytes stepped over because they are damaged or an event this version does not know. */
  readonly skippedBytes: number
}

const decodeLines = (
  file: string,
  from: number,
  found: Scan,
): Effect.Effect<Read, TrackerError> => {
  const events: Array<{ event: Event; end: number }> = []
  let skippedBytes = found.damagedBytes
  let start = from
  for (const { json, end } of found.lines) {
    const record: unknown = JSON.parse(json)
    const newer = start === 0 ? newerVersion(json) : undefined
    if (newer !== undefined) return Effect.fail(refuse(file, newer))
    const event = decode(record)
    if (Option.isSome(event)) events.push({ event: event.value, end })
    else if (start !== 0) skippedBytes += end - start
    start = end
  }
  return Effect.succeed({ events, offset: found.end, skippedBytes })
}

/**
 * The events of a spool from `offset` on, about a megabyte at a time; an offset that is not the start of a record (the
 * file is another one by now) begins again at 0. A file that is not there yet has no events.
 */
export const read = Effect.fnUntraced(function* (file: string, offset: number) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* fs.exists(file))) return { events: [], offset: 0, skippedBytes: 0 } satisfies Read
  const handle = yield* fs.open(file, { flag: "r" })
  const size = Number((yield* handle.stat).size)
  if (size === offset) return { events: [], offset, skippedBytes: 0 } satisfies Read
  const at = Effect.fnUntraced(function* (position: number, length: number) {
    yield* handle.seek(BigInt(position), "start")
    const buffer = Buffer.alloc(length)
    let count = 0
    for (;;) {
      const size = Number(yield* handle.read(buffer.subarray(count)))
      count += size
      if (size === 0 || count === length) return buffer.subarray(0, count)
    }
  })
  let from = offset
  if (from > 0 && (yield* at(from - 1, 1))[0] !== newline) from = 0
  for (let window = chunkBytes; ; window *= 2) {
    const bytes = yield* at(from, Math.min(window, size - from))
    const found = scan(bytes, from)
    if (found.lines.length > 0 || bytes.length < window) {
      return yield* decodeLines(file, from, found)
    }
  }
}, Effect.scoped)
