/** The last event of a spool, read from the end of the file: whether a run has ended in the record, however long it is. */
import { Effect, FileSystem, Option } from "effect"
import * as RegularFile from "../disk/RegularFile.ts"
import { decode } from "./Event.ts"
import * as SpoolRecord from "./SpoolRecord.ts"

const firstWindow = 1 << 16

/** None where there is no spool, and where nothing good is in it. */
export const lastEvent = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* RegularFile.exists(file))) return Option.none()
  const handle = yield* fs.open(file, { flag: "r" })
  const size = Number((yield* handle.stat).size)
  for (let window = firstWindow; ; window *= 4) {
    const from = Math.max(0, size - window)
    const buffer = Buffer.alloc(size - from)
    yield* handle.seek(BigInt(from), "start")
    let count = 0
    while (count < buffer.length) {
      const read = Number(yield* handle.read(buffer.subarray(count)))
      if (read === 0) break
      count += read
    }
    // What begins in the middle of a record is no record.
    for (const { json } of SpoolRecord.scan(buffer.subarray(0, count), from).lines.toReversed()) {
      const event = decode(JSON.parse(json))
      if (Option.isSome(event)) return event
    }
    if (from === 0) return Option.none()
  }
}, Effect.scoped)
