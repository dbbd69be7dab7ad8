/**
 * The parent of a trial, as far as it sends: `node sender.ts STATE up|down|slow`, until it is killed. Prints its address.
 *
 * `up`: the local MLflow server of the state folder. `down`: a port at which nobody listens. `slow`: a server that takes two seconds
 * for every answer.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import * as Server from "../../src/track/Server.ts"
import * as Settings from "../../src/track/TrackingSettings.ts"
import { layerMlflow, Tracker } from "../../src/track/Tracker.ts"
import { StubServer } from "../../test/track/StubServer.ts"

const [state = "", server = "up"] = process.argv.slice(2)
const pause = 2000

/** Gives each request on after a pause. */
const slowly = async (): Promise<string> => {
  const stub = new StubServer()
  await stub.listen()
  const passOn = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Array<Uint8Array> = []
    for await (const part of request) parts.push(part as Uint8Array)
    await new Promise((resolve) => setTimeout(resolve, pause))
    const { method = "GET", url = "/" } = request
    const answer = await fetch(`${stub.url}${url}`, {
      method,
      ...(parts.length === 0 ? {} : { body: Buffer.concat(parts) }),
    })
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()))
  }
  const slow = createServer((request, response) => void passOn(request, response))
  await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve))
  return `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
}

const url =
  server === "slow"
    ? await slowly()
    : server === "down"
      ? "http://127.0.0.1:9"
      : (
          await Effect.runPromise(
            Server.start({ stateFolder: state }).pipe(Effect.provide(NodeServices.layer)),
          )
        ).url
console.log(url)

await Effect.runPromise(
  Effect.flatMap(Tracker, (tracker) => Effect.andThen(tracker.watchAll, Effect.never)).pipe(
    Effect.provide(
      layerMlflow({ stateFolder: state, settings: Effect.succeed(Settings.local(url)) }),
    ),
  ),
)
