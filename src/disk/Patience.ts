/**
 * Waiting for what may pass: a full disk, a file system that is read-only for a while, too many open files. How long, and
 * what is called meanwhile, is set around a whole piece of work (`Effect.provideService(Patience, ...)`); every operation on
 * kept files inside it then waits by itself. Where nothing is set, nothing waits: a command that only reads says at once
 * what is wrong. Left out: memory that ran out in another process (`orchestrator/Supervise`).
 */
import { Context, Duration, Effect } from "effect"
import * as Monotonic from "./Monotonic.ts"
import { type StorageError, storageError, Thrown } from "./Errors.ts"

export interface Wait {
  readonly error: StorageError
  /** Seconds until it is given up. */
  readonly secondsLeft: number
}

interface Waiting {
  /** How long one operation may wait in all. */
  readonly limit: Duration.Duration
  /** Called before each pause. */
  readonly onWait: (wait: Wait) => Effect.Effect<void>
  /** Called when an operation that waited has succeeded. */
  readonly onOver: (seconds: number) => Effect.Effect<void>
}

const none: Waiting = {
  limit: Duration.zero,
  onWait: () => Effect.void,
  onOver: () => Effect.void,
}

export const Patience = Context.Reference<Waiting>("fliqs/disk/Patience/Patience", {
  defaultValue: () => none,
})

/** For what may fail, or has waited enough. */
export const withoutWaiting = Effect.provideService(Patience, none)

/** Milliseconds before the next try: 0.5, 1, 2, ... at most 10 s. */
export const pauseAfter = (tries: number): number => Math.min(500 * 2 ** tries, 10_000)

/**
 * Names the operation of a file system failure and, where patience is set, tries again while it may pass. The effect is
 * run anew each time. A failure that is a `StorageError` already has been waited for inside.
 */
export const stored =
  (operation: string, path: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, StorageError, R> =>
    Effect.gen(function* () {
      const { limit, onOver, onWait } = yield* Patience
      const name = storageError(operation, path)
      const longest = Duration.toMillis(limit)
      const begun = yield* Monotonic.milliseconds
      for (let tries = 0; ; tries++) {
        const result = yield* Effect.result(effect)
        const now = yield* Monotonic.milliseconds
        if (result._tag === "Success") {
          if (tries > 0) yield* onOver((now - begun) / 1000)
          return result.success
        }
        const error = name(result.failure)
        const left = begun + longest - now
        if (error === result.failure || !error.passes || left <= 0) return yield* error
        yield* onWait({ error, secondsLeft: left / 1000 })
        yield* Effect.sleep(Math.min(pauseAfter(tries), left))
      }
    })

/** As `stored`, for a synchronous call that throws. */
export const attempt = <A>(
  operation: string,
  path: string,
  call: () => A,
): Effect.Effect<A, StorageError> =>
  Effect.try({ try: call, catch: (cause) => new Thrown({ cause }) }).pipe(stored(operation, path))
