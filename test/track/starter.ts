/** Finds or starts the server of a state folder and prints what it is: a process for tests to run twice at once. */
import { Effect } from "effect"
import * as Server from "../../src/track/Server.ts"

const server = await Effect.runPromise(Server.start({ stateFolder: process.argv[2]! }))
process.stdout.write(JSON.stringify(server))
