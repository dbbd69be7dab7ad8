/**
 * What a trial's process says while it waits for room, open files or a file system, as lines of its log, and how its
 * parent reads them: on a full disk there is no other way to report it. Left out: when to wait (`disk/Patience.ts`).
 */
import { Duration, Effect } from "effect"
import { Patience } from "../disk/Patience.ts"

const wordsOf = (message: string, secondsLeft: number): string =>
  `waiting, at most ${Math.ceil(secondsLeft)} s more: ${message}`
const overWords = (seconds: number): string => `waited ${Math.round(seconds)} s: going on`

/** Lets every operation on kept files inside wait, and say so in the log. */
export const waitAloud = (limit: Duration.Input) =>
  Effect.provideService(Patience, {
    limit: Duration.fromInputUnsafe(limit),
    onWait: ({ error, secondsLeft }) =>
      Effect.logWarning(
        wordsOf(
          error.fix === undefined ? error.message : `${error.message}; ${error.fix}`,
          secondsLeft,
        ),
      ),
    onOver: (seconds) => Effect.logInfo(overWords(seconds)),
  })

export type Notice =
  | { readonly _tag: "Waiting"; readonly message: string; readonly secondsLeft: number }
  | { readonly _tag: "Over"; readonly seconds: number }

/** What one line of a child's output says of waiting. */
export const read = (line: string): Notice | undefined => {
  const waiting = /waiting, at most (\d+) s more: (.+)/.exec(line)
  if (waiting !== null)
    return { _tag: "Waiting", message: waiting[2]!, secondsLeft: Number(waiting[1]) }
  const over = /waited (\d+) s: going on/.exec(line)
  return over === null ? undefined : { _tag: "Over", seconds: Number(over[1]) }
}
