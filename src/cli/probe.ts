/**
 * Loads the tensor backend in a process of its own, which a damaged library may end, and prints what it loaded, or why
 * it could not, as JSON. What `doctor` starts.
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
