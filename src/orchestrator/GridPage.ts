/**
 * The page of a grid in the tracker, kept true while its trials begin and end. Every version of it stays in the spool, so
 * it is written anew no more often than about a kilobyte a second: at once for a few trials, every minute for hundreds.
 * Left out: what is on the page.
 */
import { Effect, Schedule } from "effect"
import * as Monotonic from "../disk/Monotonic.ts"

export interface GridPage {
  /** Says that the page may be out of date. */
  readonly touch: Effect.Effect<void>
  /** Writes it now, if it is. */
  readonly update: Effect.Effect<void>
}

const millisecondsPerByte = 1
const leastMilliseconds = 1000

/** Keeps a page until the scope closes. `render` may fail: then the page stays as it is. */
export const keep = Effect.fnUntraced(function* <E, R>(
  render: Effect.Effect<string, E, R>,
  write: (text: string) => void,
) {
  const context = yield* Effect.context<R>()
  let written = ""
  let writtenAt = 0
  let isTouched = true
  const update = Effect.gen(function* () {
    isTouched = false
    const text = yield* render
    writtenAt = yield* Monotonic.milliseconds
    if (text === written) return
    written = text
    write(text)
  }).pipe(
    Effect.catch(() => Effect.void),
    Effect.provideContext(context),
  )
  const updateWhenDue = Effect.gen(function* () {
    const pause = Math.max(leastMilliseconds, written.length * millisecondsPerByte)
    if (isTouched && (yield* Monotonic.milliseconds) - writtenAt >= pause) yield* update
  })
  yield* update
  yield* Effect.forkScoped(Effect.repeat(updateWhenDue, Schedule.spaced("250 millis")))
  return { touch: Effect.sync(() => void (isTouched = true)), update } satisfies GridPage
})
