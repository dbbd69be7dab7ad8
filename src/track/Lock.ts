/**
 * One process at a time through a stretch of code: a file that only one can create, naming its holder. The file of a
 * holder that has died is taken away by whoever comes next. Left out: waiting for something other than the lock.
 */
import * as fs from "node:fs"
import { Effect, Schema } from "effect"
import { TrackerError, Unusable } from "./Errors.ts"
import * as Process from "../disk/Process.ts"

const Holder = Schema.fromJsonString(Schema.Struct({ pid: Schema.Int, start: Schema.String }))
const decode = Schema.decodeUnknownOption(Holder)

const read = (file: string): string => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

const isHeld = (text: string): boolean => {
  const holder = decode(text)
  return holder._tag === "Some" && Process.isRunning(holder.value)
}

/** Takes away the file of a dead holder, unless a new one has come in the meantime. */
const clear = (file: string, seen: string) => {
  const aside = `${file}.${process.pid}.old`
  try {
    fs.renameSync(file, aside)
    // Between the look and the rename somebody may have cleared and taken it: give it back.
    if (read(aside) !== seen) fs.linkSync(aside, file)
  } catch {
    // Somebody else was quicker.
  }
  fs.rmSync(aside, { force: true })
}

const tryTake = (file: string): boolean => {
  const mine = JSON.stringify({ pid: process.pid, start: Process.find(process.pid)?.start ?? "" })
  const draft = `${file}.${process.pid}.new`
  fs.writeFileSync(draft, mine)
  try {
    // A link appears whole or not at all: nobody ever reads half a holder.
    fs.linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    const seen = read(file)
    if (seen !== "" && !isHeld(seen)) clear(file, seen)
    return false
  } finally {
    fs.rmSync(draft, { force: true })
  }
}

const refuse = (file: string, cause: unknown) =>
  new TrackerError({
    operation: "take a lock",
    reason: new Unusable({ detail: `${file} cannot be made: ${(cause as Error).message}` }),
  })

const take = Effect.fnUntraced(function* (file: string) {
  for (;;) {
    const taken = yield* Effect.try({
      try: () => tryTake(file),
      catch: (cause) => refuse(file, cause),
    })
    if (taken) return
    yield* Effect.interruptible(Effect.sleep("100 millis"))
  }
})

/** Runs the effect while this process holds the file; waits for it as long as it takes. */
export const withLock =
  (file: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | TrackerError, R> =>
    Effect.acquireUseRelease(
      take(file),
      () => effect,
      () => Effect.sync(() => fs.rmSync(file, { force: true })),
    )
