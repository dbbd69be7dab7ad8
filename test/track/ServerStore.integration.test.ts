/** The local server whose database is deleted while it runs. */
import * as fs from "node:fs"
import { join } from "node:path"
import { Effect, Option } from "effect"
import { afterAll, expect, it } from "vitest"
import * as Server from "../../src/track/Server.ts"
import * as ServerRecord from "../../src/track/ServerRecord.ts"
import { makeState } from "./grid.ts"

const state = makeState()
afterAll(() => Effect.runPromise(Server.stop(state)))

it("is found out, and started anew on a database of its own", async () => {
  const first = await Effect.runPromise(Server.start({ stateFolder: state }))
  const folder = ServerRecord.folderOf(state)
  expect(ServerRecord.isOrphaned(folder)).toBe(false)
  for (const name of fs.readdirSync(folder))
    if (name.startsWith("mlflow.db")) fs.rmSync(join(folder, name))
  expect(ServerRecord.isOrphaned(folder)).toBe(true)
  expect(Option.isNone(await Effect.runPromise(Server.find(state)))).toBe(true)
  const second = await Effect.runPromise(Server.start({ stateFolder: state }))
  expect(second.pid).not.toBe(first.pid)
  expect(second.port).toBe(first.port)
  expect(Option.isSome(await Effect.runPromise(Server.find(state)))).toBe(true)
})
