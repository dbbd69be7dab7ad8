/** How trials stand whose files are damaged, each kind of file in each way: their own matter, said with the path. */
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import * as fs from "node:fs"
import { dirname } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { readAll, readKnown } from "../../src/cli/Trials.ts"
import * as Record from "../../src/disk/JsonRecord.ts"
import * as Grids from "../../src/orchestrator/Grids.ts"
import * as Heartbeat from "../../src/orchestrator/Heartbeat.ts"
import * as Result from "../../src/orchestrator/Result.ts"
import { stateOf, willRun } from "../../src/orchestrator/TrialStatus.ts"
import * as State from "../../src/orchestrator/State.ts"
import { makeFolder } from "../disk/folder.ts"
import { trialOf } from "./folder.ts"

const id = "00000000000000aa"
const other = "00000000000000bb"
let state: string

const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, NodeServices.layer))

const result = (trial: string): Result.Result => ({
  version: 1,
  id: trial,
  state: "finished",
  metrics: { "final/accuracy": 0.5 },
  assignment: { "a.format": "INT4" },
  layers: [],
  steps: 7,
  seconds: 1,
  attempt: 0,
  finishedAt: 1,
  warnings: [],
})
const heartbeat: Heartbeat.Heartbeat = {
  version: 1,
  attempt: 0,
  pid: 2 ** 22 + 1,
  host: "h",
  time: 1,
  step: 5,
  stepsPerSecond: 1,
  seconds: 1,
  metrics: { "train/loss": 2 },
  warnings: [],
}

beforeEach(async () => {
  state = makeFolder()
  for (const trial of [id, other]) {
    await run(State.writeTrial(state, trialOf(trial, { steps: 7 })))
    await run(Result.publish(State.resultFile(state, trial), result(trial)))
    await run(Heartbeat.write(State.heartbeatFile(state, trial), heartbeat))
  }
  await run(
    State.writeGrid(state, {
      version: 1,
      gridId: "0123456789abcdef",
      experiment: "e",
      name: "n",
      file: "f",
      trials: [id, other],
      startedAt: 1,
    }),
  )
})
afterEach(() => fs.rmSync(state, { recursive: true, force: true }))

const ways: Readonly<Record<string, (file: string) => void>> = {
  empty: (file) => fs.writeFileSync(file, ""),
  "cut in half": (file) => fs.truncateSync(file, fs.statSync(file).size >> 1),
  "cut by its last byte": (file) => fs.truncateSync(file, fs.statSync(file).size - 1),
  "other text": (file) => fs.writeFileSync(file, "not what it was"),
  "other JSON": (file) => fs.writeFileSync(file, "[1, 2]"),
  "no text": (file) => fs.writeFileSync(file, Buffer.from([0xff, 0x00, 0xfe])),
  "a folder": (file) => {
    fs.rmSync(file)
    fs.mkdirSync(file)
  },
  "a loop of links": (file) => {
    fs.rmSync(file)
    fs.symlinkSync(file, file)
  },
  "of a newer version": (file) => fs.writeFileSync(file, Record.encode({ version: 2 })),
}

const records: ReadonlyArray<readonly [string, (state: string, id: string) => string]> = [
  ["trial.json", State.trialFile],
  ["result.json", State.resultFile],
]

describe.each(records)("a %s", (_, fileOf) => {
  it.each(Object.keys(ways))("that is %s damages its trial alone", async (way) => {
    const file = fileOf(state, id)
    ways[way]!(file)
    const standing = await run(stateOf(state, id))
    expect(standing.state).toBe("damaged")
    expect(standing.damage?.path).toBe(file)
    expect(standing.damage?.message).not.toBe("")
    expect(standing.damage?.fix).toContain("--restart")
    expect(willRun(standing)).toBe(false)
    const all = await run(Effect.flatMap(State.trialIds(state), (ids) => readAll(state, ids)))
    expect(all.map(({ state, trial }) => [trial.id, state])).toEqual([
      [id, "damaged"],
      [other, "finished"],
    ])
  })

  it("with any bit flipped is damaged, and never another value", async () => {
    const file = fileOf(state, id)
    const bytes = fs.readFileSync(file)
    const accepted: Array<string> = []
    for (let i = 0; i < bytes.length; i++) {
      const flipped = Buffer.from(bytes)
      flipped[i]! ^= 1 << (i % 8)
      fs.writeFileSync(file, flipped)
      if ((await run(stateOf(state, id))).state !== "damaged") accepted.push(`byte ${i}`)
    }
    expect(accepted).toEqual([])
  })

  it("cut anywhere is damaged", async () => {
    const file = fileOf(state, id)
    const bytes = fs.readFileSync(file)
    const accepted: Array<number> = []
    for (let length = 0; length < bytes.length; length++) {
      fs.writeFileSync(file, bytes.subarray(0, length))
      if ((await run(stateOf(state, id))).state !== "damaged") accepted.push(length)
    }
    expect(accepted).toEqual([])
  })

  it("of an earlier version, without a checksum, is read", async () => {
    const file = fileOf(state, id)
    const { checksum: _, ...value } = JSON.parse(fs.readFileSync(file, "utf8")) as {
      readonly checksum: string
    }
    fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
    expect((await run(stateOf(state, id))).state).toBe("finished")
  })
})

describe("records whose loss loses nothing", () => {
  it.each(Object.keys(ways))("a heartbeat that is %s is none", async (way) => {
    ways[way]!(State.heartbeatFile(state, id))
    fs.rmSync(State.resultFile(state, id))
    fs.writeFileSync(`${State.checkpointFolder(state, id)}/5-0.safetensors`, "")
    expect(await run(stateOf(state, id))).toMatchObject({ state: "stopped", step: 5 })
    expect((await run(readKnown(state, id)))?.metrics).toEqual({})
  })

  it.each(Object.keys(ways))("a grid.json that is %s costs its own grid", async (way) => {
    const file = State.gridFile(state, "0123456789abcdef")
    ways[way]!(file)
    expect(await run(Grids.readAll(state))).toEqual([])
    expect(
      (await run(Effect.flatMap(State.trialIds(state), (ids) => readAll(state, ids)))).map(
        ({ state }) => state,
      ),
    ).toEqual(["finished", "finished"])
  })
})

it("a trial whose trial.json is damaged is named by its journal", async () => {
  const folder = State.trialFolder(state, id)
  const { open, fileName } = await import("../../src/track/Spool.ts")
  const spool = open(`${folder}/${fileName}`)
  spool.append({
    type: "start",
    time: 1,
    gridId: "g",
    trialId: id,
    experiment: "the experiment",
    name: "the name",
    tags: {},
  })
  spool.append({ type: "parameters", values: { seed: "3" } })
  spool.close()
  fs.writeFileSync(State.trialFile(state, id), "{")
  const known = await run(readKnown(state, id))
  expect(known?.trial).toMatchObject({
    id,
    name: "the name",
    experiment: "the experiment",
    parameters: { seed: "3" },
  })
  expect(known?.damage?.path).toBe(State.trialFile(state, id))
})

it("what no folder of trials has is no trial", async () => {
  fs.mkdirSync(`${dirname(State.trialFolder(state, id))}/0000000000000bad/checkpoint`, {
    recursive: true,
  })
  expect(
    (await run(Effect.flatMap(State.trialIds(state), (ids) => readAll(state, ids)))).map(
      ({ trial }) => trial.id,
    ),
  ).toEqual([id, other])
})
