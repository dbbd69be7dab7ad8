/** Finds or starts the server of a state folder and prints what it is: a process for tests to run twice at once. */
import { Effect, Logger } from "effect"
import * as Server from "../../src/track/Server.ts"

const server = await Effect.runPromise(
  // Its words, of waiting for the other, are no part of the answer.
  Server.start({ stateFolder: process.argv[2]! }).pipe(Effect.provide(Logger.layer([]))),
)
process.stdout.write(JSON.stringify(server))
