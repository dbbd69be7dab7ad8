/** The last event of a spool, however long its records are and whatever stands behind it. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect, Option } from "effect"
import { afterAll, expect, it } from "vitest"
import type { Event } from "../../src/track/Event.ts"
import { lastEvent } from "../../src/track/LastEvent.ts"
import * as Spool from "../../src/track/Spool.ts"

const folder = mkdtempSync(join(tmpdir(), "last-event-"))
afterAll(() => rmSync(folder, { recursive: true }))

const last = (file: string) =>
  Effect.runPromise(lastEvent(file).pipe(Effect.provide(NodeServices.layer))).then(
    Option.getOrUndefined,
  )

const end: Event = { type: "end", time: 7, status: "FINISHED" }
const note = (length: number): Event => ({ type: "tag", key: "k", value: "x".repeat(length) })
const metrics: Event = { type: "metrics", step: 1, time: 3, values: { "train/loss": Number.NaN } }

it.each<[string, ReadonlyArray<Event>, string]>([
  ["nothing but the header", [], ""],
  ["one event", [metrics], ""],
  ["an end", [metrics, end], ""],
  ["an end before a new start", [end, metrics], ""],
  ["records longer than what is read at once", [note(300_000), note(500_000)], ""],
  ["an end after a long record", [note(2_000_000), end], ""],
  ["a torn tail", [metrics, end], '3f1c09aa 28 {"type":"met'],
  ["damaged records behind it", [end], "00000000 2 {}\n".repeat(10_000)],
])("is found behind %s", async (name, events, tail) => {
  const file = join(folder, `${name}.jsonl`)
  const spool = Spool.open(file)
  for (const event of events) spool.append(event)
  spool.close()
  appendFileSync(file, tail)
  expect(await last(file)).toEqual(events.at(-1))
})

it("is none without a file and in an empty one", async () => {
  expect(await last(join(folder, "nowhere"))).toBeUndefined()
  writeFileSync(join(folder, "empty"), "")
  expect(await last(join(folder, "empty"))).toBeUndefined()
})
