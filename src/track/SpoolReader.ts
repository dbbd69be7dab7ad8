/**
 * Reads a spool from an offset on, for the sender and for whoever looks at what a run has written. Bad records with good
 * ones behind them are stepped over and counted. Left out: the layout (`SpoolRecord.ts`).
 */
import { Effect, FileSystem, Option } from "effect"
import * as RegularFile from "../disk/RegularFile.ts"
import { ofStorage, type TrackerError } from "./Errors.ts"
import { decode } from "./Event.ts"
import type { Event } from "./Event.ts"
import { chunkBytes, newerVersion, newline, refuse, type Scan, scan } from "./SpoolRecord.ts"

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
  if (!(yield* RegularFile.exists(file).pipe(Effect.mapError(ofStorage("read the spool")))))
    return { events: [], offset: 0, skippedBytes: 0 } satisfies Read
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
