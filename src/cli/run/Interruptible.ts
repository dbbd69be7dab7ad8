/** What signals do to a `run`: the first one lets it end in order, the second ends it at once. */
import { Effect, Fiber, Option } from "effect"
import * as Display from "../Display.ts"
import { exitCodes } from "../ErrorMessages.ts"
import { say } from "../Output.ts"
import { type Chosen, typed } from "./RunEngine.ts"

/** Interrupts the grid at the first signal, kills its children and the process at the second. */
export const interruptible = Effect.fnUntraced(function* <A, E, R>(
  grid: Effect.Effect<A, E, R>,
  { outlivesRun }: Chosen,
  children: ReadonlySet<number>,
) {
  const fiber = yield* Effect.forkChild(grid)
  let asked = false
  const onSignal = () => {
    if (asked) {
      for (const pid of children)
        try {
          process.kill(-pid, "SIGKILL")
        } catch {
          // The process has ended already.
        }
      Display.end()
      say(`stopped at once; continue with\n  ${typed()}`)
      process.exit(exitCodes.interrupted)
    }
    asked = true
    if (!outlivesRun) say("stopping: the trials save their state; Ctrl-C again stops at once")
    fiber.interruptUnsafe()
  }
  const signals = ["SIGINT", "SIGTERM"] as const
  for (const signal of signals) process.on(signal, onSignal)
  const exit = yield* Fiber.await(fiber)
  for (const signal of signals) process.off(signal, onSignal)
  return asked ? Option.none<A>() : Option.some(yield* exit)
})
