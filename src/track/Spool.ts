/**
 * The append-only file of events of one run, open for writing. Writing is synchronous and plain: it runs inside a training
 * step. What `append` wrote survives a kill of the process (one `write` of whole lines); `flush` makes it survive a power
 * cut too. A disk that is full does not stop training: lines wait in memory and are written when there is room; `flush`
 * throws while they wait, so that whoever must not go on without them (a checkpoint, a result) does not.
 *
 * Damage: bytes after the last good record are cut back on `open`; a bad record with good ones behind it is stepped over.
 * Both are reported to `onWarning`. A run that goes on from a checkpoint repeats steps that it has already reported: `open`
 * knows the last step of every metric and `append` leaves those out, so a history has each step once. Left out: the layout
 * (`SpoolRecord.ts`), reading (`SpoolReader.ts`).
 */
import * as nodeFs from "node:fs"
import { dirname } from "node:path"
import { Option } from "effect"
import { pathText } from "../declaration/Errors.ts"
import { tryToSyncFolder } from "../disk/Durable.ts"
import { describe } from "../disk/FileProblem.ts"
import { decode, encode } from "./Event.ts"
import type { Event } from "./Event.ts"
import {
  chunkBytes,
  header,
  maxRecordBytes,
  newerVersion,
  newline,
  refuse,
  scan,
  toLine,
} from "./SpoolRecord.ts"

/** The name of the file in the folder of a trial or a grid. */
export const fileName = "spool.jsonl"

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

const withoutKnownSteps = (lastStep: Map<string, number>, event: Event): Event | undefined => {
  if (event.type !== "metrics") return event
  const isFresh = (key: string) => event.step > (lastStep.get(key) ?? Number.NEGATIVE_INFINITY)
  // Nearly always; this runs inside a training step.
  if (Object.keys(event.values).every(isFresh)) return event
  const fresh = Object.entries(event.values).filter(([key]) => isFresh(key))
  return fresh.length === 0 ? undefined : { ...event, values: Object.fromEntries(fresh) }
}

interface Options {
  readonly fs?: SpoolFiles
  /** Asked before each write: when it says no, somebody else writes here now, and nothing is written any more. */
  readonly may?: () => boolean
  readonly onWarning?: (message: string) => void
}

/** Opens the file and cuts back a torn tail. */
const openFile = (
  file: string,
  fs: SpoolFiles,
  warn: (message: string) => void,
  may: () => boolean,
) => {
  const { O_APPEND, O_CREAT, O_RDWR } = nodeFs.constants
  const fd = fs.openSync(file, O_RDWR | O_CREAT | O_APPEND, 0o644)
  try {
    const { lastStep, records, damagedBytes, end } = survey(fs, fd, file)
    const { size } = fs.fstatSync(fd)
    const isCut = size > end && may()
    if (isCut) fs.ftruncateSync(fd, end)
    if (damagedBytes > 0) warn(`${pathText(file)}: ${damagedBytes} damaged bytes are left out`)
    if (isCut) warn(`${pathText(file)}: cut back by ${size - end} bytes to its last good record`)
    return { fd, lastStep, records, size: end }
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

/** An open spool. */
interface Writer {
  readonly fs: SpoolFiles
  readonly file: string
  readonly fd: number
  readonly warn: (message: string) => void
  readonly may: () => boolean
  /** The last step of every metric. */
  readonly lastStep: Map<string, number>
  /** Bytes that are written. */
  size: number
  /** Lines that could not be written yet. */
  waiting: Array<Buffer>
  waitingBytes: number
  /** The last write was refused; said once. */
  isFailing: boolean
  /** Half a line stands at the end of the file. */
  isTorn: boolean
}

/** Removes half a write, unless somebody else has written behind it; what stays is closed by a newline later. */
const takeBack = (spool: Writer, done: number): void => {
  if (done === 0) return
  spool.isTorn = true
  try {
    if (spool.fs.fstatSync(spool.fd).size !== spool.size + done) return
    spool.fs.ftruncateSync(spool.fd, spool.size)
    spool.isTorn = false
  } catch {
    spool.size += done
  }
}

/** Writes what waits. Returns what the file system said when it refused; undefined when all is written. */
const writeWaiting = (spool: Writer): unknown => {
  const { fd, file, fs, waiting, warn } = spool
  if (waiting.length === 0) return undefined
  if (!spool.may()) {
    spool.waiting = []
    spool.waitingBytes = 0
    return undefined
  }
  const lines = spool.isTorn ? [Buffer.from([newline]), ...waiting] : waiting
  const bytes = lines.length === 1 ? lines[0]! : Buffer.concat(lines)
  let done = 0
  try {
    while (done < bytes.length) done += fs.writeSync(fd, bytes, done, bytes.length - done)
    spool.size += bytes.length
    spool.waiting = []
    spool.waitingBytes = 0
    spool.isFailing = false
    spool.isTorn = false
    return undefined
  } catch (cause) {
    if (!spool.isFailing)
      warn(`${pathText(file)}: cannot write: ${describe(cause).words}; events wait in memory`)
    spool.isFailing = true
    takeBack(spool, done)
    return cause
  }
}

const push = (spool: Writer, json: string): void => {
  const line = toLine(json)
  if (line.length > maxRecordBytes) throw new RangeError(`event of ${line.length} bytes`)
  spool.waiting.push(line)
  spool.waitingBytes += line.length
  writeWaiting(spool)
}

const flush = (spool: Writer): void => {
  const refused = writeWaiting(spool)
  if (refused !== undefined) throw refused
  spool.fs.fdatasyncSync(spool.fd)
}

const tryToFlush = (spool: Writer): void => {
  try {
    flush(spool)
  } catch (cause) {
    if (!spool.isFailing)
      spool.warn(`${pathText(spool.file)}: cannot flush: ${describe(cause).words}`)
  }
}

const append = (spool: Writer, event: Event): void => {
  const fresh = withoutKnownSteps(spool.lastStep, event)
  if (fresh === undefined) return
  remember(spool.lastStep, fresh)
  push(spool, encode(fresh))
  if (fresh.type === "start" || fresh.type === "end") tryToFlush(spool)
}

const close = (spool: Writer): void => {
  tryToFlush(spool)
  try {
    spool.fs.closeSync(spool.fd)
  } catch (cause) {
    spool.warn(`${pathText(spool.file)}: cannot close: ${describe(cause).words}`)
  }
}

/**
 * Opens the spool for writing.
 *
 * @throws TrackerError (Unusable) for a file of a newer version, and node's own error when the file cannot be opened.
 */
export const open = (file: string, options: Options = {}): Spool => {
  const { fs = nodeFs, may = () => true, onWarning: warn = () => {} } = options
  const { fd, lastStep, records, size } = openFile(file, fs, warn, may)
  const spool: Writer = {
    fs,
    file,
    fd,
    warn,
    may,
    lastStep,
    size,
    waiting: [],
    waitingBytes: 0,
    isFailing: false,
    isTorn: false,
  }
  if (records === 0) {
    push(spool, header)
    tryToSyncFolder(dirname(file))
  }
  return {
    file,
    append: (event) => append(spool, event),
    flush: () => flush(spool),
    close: () => close(spool),
    get waiting() {
      return spool.waiting.length
    },
    get waitingBytes() {
      return spool.waitingBytes
    },
  }
}
