/**
 * Loads the tensor backend in a process of its own, because a damaged library may end the process. Prints what was loaded,
 * or why not, as JSON. `doctor` starts it.
 */
import { Effect } from "effect"
import * as Backend from "../tensor/Backend.ts"

const outcome = await Effect.runPromise(
  Backend.load({ threads: 1 }).pipe(
    Effect.map(() => ({ loaded: Backend.loaded() })),
    Effect.catch(({ message, reason }) => Effect.succeed({ message, reason: reason._tag })),
  ),
)
process.stdout.write(`${JSON.stringify(outcome)}\n`)
