/**
 * Newest attempt wins. No engine can promise that a trial is trained by one process at a time (a frozen one wakes up
 * after it was given up), so each process numbers itself by an atomic `mkdir attempt.N`, and looks for attempt N+1
 * before it writes anything; when it is there, it writes nothing and goes. Left out: starting processes.
 */
import { Effect, FileSystem } from "effect"
import { existsSync } from "node:fs"
import { stored } from "../disk/Patience.ts"

export interface Fence {
  /** 0 for the first process that ever trained this trial. */
  readonly attempt: number
  /** Where the next attempt's folder would be. */
  readonly next: string
}

const attemptFolder = (folder: string, attempt: number): string => `${folder}/attempt.${attempt}`

/** Takes the next attempt number of the trial in `folder`; concurrent callers get different ones. */
export const enter = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  for (let attempt = 0; ; attempt++) {
    const path = attemptFolder(folder, attempt)
    const won = yield* fs.makeDirectory(path).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => error.reason._tag === "AlreadyExists",
        () => Effect.succeed(false),
      ),
      stored("create", path),
    )
    if (won) return { attempt, next: attemptFolder(folder, attempt + 1) } satisfies Fence
  }
})

/** The same at once, right before a write: a process that was frozen for a while must not write what it was about to. */
export const isSupersededNow = ({ next }: Fence): boolean => existsSync(next)

/** Whether a newer attempt has begun. */
export const isSuperseded = Effect.fnUntraced(function* (fence: Fence) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.exists(fence.next).pipe(stored("look at", fence.next))
})
