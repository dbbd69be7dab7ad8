/** The index of a state folder: what it saves, and that it is never trusted over the folder. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as IndexFile from "../../src/orchestrator/IndexFile.ts"
import * as Result from "../../src/orchestrator/Result.ts"
import * as State from "../../src/orchestrator/State.ts"
import * as TrialIndex from "../../src/orchestrator/TrialIndex.ts"
import { standingOf, stateOf } from "../../src/orchestrator/TrialStatus.ts"
import { makeFolder, trialOf } from "./folder.ts"

const idOf = (i: number) => i.toString(16).padStart(16, "0")
const count = 40

const resultOf = (id: string, accuracy: number): Result.Result => ({
  version: 1,
  id,
  state: "finished",
  metrics: { "final/accuracy": accuracy },
  assignment: { "a.format": "INT4", "a.depth": 2 },
  layers: [{ path: "a", weightFormat: "INT4", activationFormat: "INT4", macs: 1, costShare: 1 }],
  steps: 1,
  seconds: 2,
  attempt: 0,
  finishedAt: 3,
  warnings: [{ alarm: "cost", message: "far off" }],
})

/** Older than any granularity of times. */
const age = (state: string) => {
  for (const name of fs.readdirSync(state, { recursive: true, encoding: "utf8" }))
    if (name.endsWith(".json")) fs.utimesSync(`${state}/${name}`, 1000, 1000)
}

const publish = (state: string, id: string, accuracy: number) =>
  Result.publish(State.resultFile(state, id), resultOf(id, accuracy))

const makeTrials = Effect.gen(function* () {
  const state = yield* makeFolder
  for (let i = 0; i < count; i++) {
    yield* State.writeTrial(state, {
      ...trialOf(idOf(i), {}),
      parameters: { seed: String(i), a: "b" },
    })
    if (i % 4 !== 3) yield* publish(state, idOf(i), i / count)
  }
  age(state)
  // The change time cannot be set back.
  yield* Effect.sleep("2200 millis")
  return state
})

/** What the folder says, and that the index says the same. */
const check = Effect.fnUntraced(function* (state: string) {
  const index = TrialIndex.open(state)
  for (const id of yield* State.trialIds(state)) {
    const { result, ...status } = yield* stateOf(state, id)
    const standing = yield* standingOf(index, id)
    assert.deepStrictEqual(standing, {
      ...status,
      result,
    })
    const found = yield* Effect.result(index.find(id))
    const trial = yield* Effect.result(State.readTrial(State.trialFile(state, id)))
    if (trial._tag === "Success" && found._tag === "Success" && trial.success !== undefined)
      assert.deepStrictEqual(found.success?.trial?.parameters, trial.success.parameters)
  }
  yield* index.save
  return index
})

const indexFile = (state: string) => `${state}/${IndexFile.fileName}`

describe("the index of a state folder", () => {
  it.live("says what the folder says, whatever happens to either", () =>
    Effect.gen(function* () {
      const state = yield* makeTrials
      yield* check(state)
      const known = IndexFile.read(state)
      assert.strictEqual(known.size, count)
      // It is used: a change that the file system does not tell of is not seen.
      const forged = [...known.values()].map((entry) => ({ ...entry, costKind: "forged" }))
      fs.writeFileSync(indexFile(state), IndexFile.encode(forged))
      assert.strictEqual((yield* TrialIndex.open(state).find(idOf(0)))?.costKind, "forged")
      fs.writeFileSync(indexFile(state), IndexFile.encode(known.values()))

      // A result that is replaced, one that comes, one that goes, one that is flipped in place with its times put back.
      fs.rmSync(State.resultFile(state, idOf(0)))
      yield* publish(state, idOf(0), 0.99)
      yield* publish(state, idOf(3), 0.98)
      fs.rmSync(State.resultFile(state, idOf(4)))
      const flipped = State.resultFile(state, idOf(5))
      const bytes = fs.readFileSync(flipped)
      bytes[40]! ^= 1
      fs.writeFileSync(flipped, bytes)
      fs.utimesSync(flipped, 1000, 1000)
      fs.rmSync(State.trialFolder(state, idOf(6)), { recursive: true })
      const changed = yield* check(state)
      assert.strictEqual(
        (yield* standingOf(changed, idOf(0))).result?.metrics["final/accuracy"],
        0.99,
      )
      assert.strictEqual((yield* standingOf(changed, idOf(5))).state, "damaged")

      // The index itself: flipped at every byte, cut, garbage, a folder in its place.
      const whole = fs.readFileSync(indexFile(state))
      for (let at = 0; at < whole.length; at += 7) {
        const broken = Buffer.from(whole)
        broken[at]! ^= 4
        assert.strictEqual(IndexFile.decode(broken).size, 0)
        assert.strictEqual(IndexFile.decode(whole.subarray(0, at)).size, 0)
      }
      fs.rmSync(indexFile(state))
      fs.mkdirSync(indexFile(state))
      yield* check(state)
      fs.rmSync(indexFile(state), { recursive: true })
      yield* check(state)
      assert.isAbove(IndexFile.read(state).size, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )

  it("gives back every entry that it is given", () => {
    const entries = [...Array(30).keys()].map((i): IndexFile.Entry => {
      const columns = IndexFile.columnsOf(resultOf(idOf(i), i).layers)
      const result = IndexFile.resultWith(resultOf(idOf(i), i), columns)
      return {
        trial: {
          id: idOf(i),
          gridId: `grid ${i % 3}`,
          name: "n\u001b[31m\n",
          experiment: "e",
          steps: i,
          cell: i % 5 === 0 ? {} : { seed: String(i % 4) },
          parameters: i % 5 === 0 ? { only: "x" } : { seed: String(i), __proto__x: "y", 7: "7" },
        },
        trialIdentity: `t${i}`,
        costKind: "k",
        labels: i % 4 === 0 ? "" : `{"name":"${i}"}`,
        columns,
        result:
          i % 2 === 0
            ? result
            : i % 3 === 0
              ? undefined
              : { ...result, state: "failed", cause: "crash", message: "m", metrics: {} },
        resultIdentity: i % 2 === 0 ? "r" : "",
        endedSpool: "",
      }
    })
    const decoded = IndexFile.decode(Buffer.from(IndexFile.encode(entries)))
    assert.strictEqual(decoded.size, entries.length)
    for (const entry of entries) assert.deepStrictEqual(decoded.get(entry.trial.id), entry)
  })
})
