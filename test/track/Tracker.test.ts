import * as fs from "node:fs"
import { join } from "node:path"
import { Effect, Option } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { TrackerError } from "../../src/track/Errors.ts"
import * as Settings from "../../src/track/TrackingSettings.ts"
import { layerMlflow, layerNone, Tracker } from "../../src/track/Tracker.ts"
import {
  append,
  epoch,
  gridFolder,
  gridId,
  makeState,
  trialFolder,
  writeGrid,
  writeTrial,
} from "./grid.ts"
import { StubServer } from "./StubServer.ts"
import type { Misdeed, StoredRun } from "./StubServer.ts"

let stub: StubServer
let state: string
beforeEach(async () => {
  stub = new StubServer()
  await stub.listen()
  state = makeState()
})
afterEach(async () => {
  await stub.close()
  fs.rmSync(state, { recursive: true, force: true })
})

const quick = (): Settings.Settings => ({
  ...Settings.local(stub.url),
  target: stub.url,
  timeout: 250,
  maxRetries: 2,
  retryDelay: 10,
})

const withTracker = <A, E>(
  use: (tracker: Tracker["Service"]) => Effect.Effect<A, E>,
  settings: Effect.Effect<Settings.Settings, TrackerError> = Effect.sync(quick),
) =>
  Effect.runPromise(
    Effect.flatMap(Tracker, use).pipe(
      Effect.provide(layerMlflow({ stateFolder: state, settings })),
    ),
  )

const sendEverything = (timeout = 15_000) =>
  withTracker((tracker) => Effect.andThen(tracker.watchAll, tracker.flush(timeout)))

const isGrid = (run: StoredRun) => run.tags.get("fliqs.kind") === "grid"
const isTrial = (id: string) => (run: StoredRun) => run.tags.get("fliqs.trial_id") === id
const posts = () => stub.seen.filter(({ method }) => method !== "GET").length
const active = () => [...stub.runs.values()].filter((run) => !run.deleted)

const expectWhole = (trials: ReadonlyArray<string>, steps: number) => {
  expect(active()).toHaveLength(trials.length + 1)
  const grid = stub.run(isGrid)
  expect(grid.status).toBe("FINISHED")
  expect(grid.tags.get("fliqs.grid_id")).toBe(gridId)
  for (const id of trials) {
    const run = stub.run(isTrial(id))
    expect(run.status).toBe("FINISHED")
    expect(run.endTime).toBe(epoch + 20 + steps)
    expect(run.tags.get("mlflow.parentRunId")).toBe(grid.id)
    expect(run.params.get("seed")).toBe(id)
    expect(run.params.size).toBe(3)
    expect(run.points.size).toBe(2 * steps + 2)
    expect([...run.datasets]).toEqual(["cifar10 d1 train", "cifar10 d2 test"])
    expect(run.artifacts.get("policy/assignment.json")).toBe(`{"trial":"${id}"}`)
  }
}

describe("a server that behaves", () => {
  it("gets the grid as parent and its trials as children, whole and once", async () => {
    writeGrid(state)
    writeTrial(state, "a", 700)
    writeTrial(state, "b", 3)
    const outcome = await sendEverything()
    expect(outcome).toEqual({ server: stub.url, problem: undefined, waiting: 0, rejected: 0 })
    expect(active()).toHaveLength(3)
    expect(stub.run(isTrial("a")).points.size).toBe(1402)
    expect(stub.run(isTrial("b")).points.size).toBe(8)
    const experiment = stub.experiments.get("exp")!
    expect(experiment.tags.get("mlflow.experimentKind")).toBe("custom_model_development")
    const { metricOrder, tags } = stub.run(isTrial("a"))
    expect(metricOrder.indexOf("final/accuracy")).toBe(metricOrder.indexOf("final/gbops") - 1)
    expect(tags.get("mlflow.runColor")).toMatch(/^#[0-9a-f]{6}$/)
    expect(stub.run(isGrid).tags.get("mlflow.note.content")).toMatch(
      /^\[Trials.*\]\(#\/experiments\/[\s\S]*# Grid$/,
    )
  })

  it("is asked nothing more when everything is there", async () => {
    writeGrid(state)
    writeTrial(state, "a", 10)
    await sendEverything()
    const before = posts()
    await sendEverything()
    expect(posts()).toBe(before)
  })

  it("gets what is written while it is watched, and a run that begins again stays one run", async () => {
    writeGrid(state, false)
    writeTrial(state, "a", 5, false)
    await withTracker((tracker) =>
      Effect.gen(function* () {
        yield* tracker.startGrid(gridFolder(state))
        yield* tracker.watchTrial(trialFolder(state, "a"))
        yield* tracker.flush(10_000)
        expect(stub.run(isTrial("a")).status).toBe("RUNNING")
        writeTrial(state, "a", 9)
        writeGrid(state)
        yield* tracker.flush(10_000)
      }),
    )
    expectWhole(["a"], 9)
  })

  it("is given links that open the right views", async () => {
    writeGrid(state)
    writeTrial(state, "a", 1)
    const links = await withTracker((tracker) =>
      Effect.gen(function* () {
        const early = yield* tracker.gridLink(gridFolder(state))
        yield* tracker.watchAll
        yield* tracker.flush(10_000)
        return {
          early,
          grid: yield* tracker.gridLink(gridFolder(state)),
          run: yield* tracker.runLink(trialFolder(state, "a")),
          compare: yield* tracker.compareLink([
            trialFolder(state, "a"),
            trialFolder(state, "none"),
          ]),
        }
      }),
    )
    const run = stub.run(isTrial("a"))
    expect(Option.isNone(links.early)).toBe(true)
    expect(Option.getOrThrow(links.grid)).toContain(
      `${stub.url}/#/experiments/${run.experimentId}/runs?workflowType`,
    )
    expect(Option.getOrThrow(links.run)).toContain(`/runs/${run.id}?workflowType=machine_learning`)
    expect(Option.getOrThrow(links.compare)).toContain(encodeURIComponent(`["${run.id}"]`))
  })

  it("gets an experiment restored that somebody deleted", async () => {
    stub.experiments.set("exp", { id: "77", deleted: true, tags: new Map() })
    writeGrid(state)
    await sendEverything()
    expect(stub.experiments.get("exp")!.deleted).toBe(false)
    expect(stub.run(isGrid).experimentId).toBe("77")
  })
})

describe("a trial of several grids", () => {
  const other = "fedcba9876543210"
  const both = [gridId, other]
  /** As `fliqs sync` in a folder whose grids are these. */
  const syncWith = (gridIds: ReadonlyArray<string>, timeout = 15_000) =>
    Effect.runPromise(
      Effect.flatMap(Tracker, (tracker) =>
        Effect.gen(function* () {
          yield* tracker.watchAll
          const outcome = yield* tracker.flush(timeout)
          return { outcome, link: yield* tracker.gridLink(join(state, "grids", gridIds.at(-1)!)) }
        }),
      ).pipe(
        Effect.provide(
          layerMlflow({
            stateFolder: state,
            settings: Effect.sync(quick),
            memberships: Effect.succeed(new Map([["a", gridIds]])),
          }),
        ),
      ),
    )
  const writeOther = (experiment = "exp") =>
    append(join(state, "grids", other), [
      { type: "start", time: epoch + 50, gridId: other, experiment, name: "other", tags: {} },
      { type: "tag", key: "mlflow.note.content", value: "# Other" },
    ])
  const gridsOf = (run: StoredRun) =>
    [...run.tags].filter(([key]) => key.startsWith("fliqs.grid.")).sort()
  const tagged = (ids: ReadonlyArray<string>) =>
    ids.map((one) => [`fliqs.grid.${one}`, "trial"]).sort()

  it("is found by each, also by one that was planned after it had finished", async () => {
    writeGrid(state)
    writeTrial(state, "a", 3)
    await syncWith([gridId])
    expect(gridsOf(stub.run(isTrial("a")))).toEqual(tagged([gridId]))
    writeOther()
    const { link, outcome } = await syncWith(both)
    expect(outcome).toMatchObject({ waiting: 0, problem: undefined })
    expect(gridsOf(stub.run(isTrial("a")))).toEqual(tagged(both))
    expect(stub.run(isTrial("a")).tags.get("fliqs.grid_id")).toBe(gridId)
    expect(stub.run(isTrial("a")).status).toBe("FINISHED")
    expect(decodeURIComponent(Option.getOrThrow(link))).toContain(`tags.\`fliqs.grid.${other}\``)
    const before = posts()
    await syncWith(both)
    expect(posts()).toBe(before)
  })

  it("is told so when the server is back", async () => {
    writeGrid(state)
    writeTrial(state, "a", 3)
    await syncWith([gridId])
    await stub.close()
    expect((await syncWith(both, 1000)).outcome.waiting).toBe(1)
    await stub.listen()
    expect((await syncWith(both)).outcome.waiting).toBe(0)
    expect(gridsOf(stub.run(isTrial("a")))).toEqual(tagged(both))
  })

  it("is told so by a server that has forgotten it, and not where a person has deleted it", async () => {
    writeGrid(state)
    writeTrial(state, "a", 3)
    await syncWith([gridId])
    stub.forget()
    await syncWith(both)
    expect(gridsOf(stub.run(isTrial("a")))).toEqual(tagged(both))
    stub.run(isTrial("a")).deleted = true
    expect((await syncWith([...both, "0000000000000000"])).outcome.waiting).toBe(0)
    expect(active().filter(isTrial("a"))).toEqual([])
  })

  it("sent by a fliqs that knew one grid gets the tags of all", async () => {
    writeGrid(state)
    writeTrial(state, "a", 3)
    await syncWith(both)
    const file = join(trialFolder(state, "a"), "sent.json")
    const { grids: _, ...former } = JSON.parse(fs.readFileSync(file, "utf8")) as { grids: unknown }
    fs.writeFileSync(file, JSON.stringify(former))
    for (const [key] of gridsOf(stub.run(isTrial("a")))) stub.run(isTrial("a")).tags.delete(key)
    await syncWith(both)
    expect(gridsOf(stub.run(isTrial("a")))).toEqual(tagged(both))
  })

  it("is in the links of a grid that is in another experiment of MLflow", async () => {
    writeGrid(state)
    writeTrial(state, "a", 3)
    await syncWith([gridId])
    writeOther("other")
    const { link } = await syncWith(both)
    const ids = JSON.stringify([stub.experiments.get("other")!.id, stub.experiments.get("exp")!.id])
    expect(decodeURIComponent(Option.getOrThrow(link))).toContain(
      `/#/compare-experiments/s?experiments=${ids}&`,
    )
    const note = stub.run((run) => run.name === "other").tags.get("mlflow.note.content")!
    expect(decodeURIComponent(note)).toContain(`compare-experiments/s?experiments=${ids}`)
  })
})

describe("values MLflow would drop or cut in silence", () => {
  it("counts what is not finite and sends the rest", async () => {
    writeTrial(state, "a", 2, false)
    append(trialFolder(state, "a"), [
      { type: "metrics", step: 5, time: 5, values: { x: Number.NaN, y: 1, z: Infinity } },
      { type: "metrics", step: 6, time: 6, values: { x: -Infinity } },
    ])
    expect((await sendEverything()).waiting).toBe(0)
    const points = [...stub.run(isTrial("a")).points]
    expect(points.slice(-3)).toEqual([
      `["y",5,1,5]`,
      `["train/nonfinite_count",5,2,5]`,
      `["train/nonfinite_count",6,3,6]`,
    ])
  })

  it("puts long parameters and notes whole into artifacts", async () => {
    const long = "p".repeat(6001)
    const note = "n".repeat(9000)
    writeTrial(state, "a", 0, false)
    append(trialFolder(state, "a"), [
      { type: "parameters", values: { "model/spec": long } },
      { type: "tag", key: "mlflow.note.content", value: note },
    ])
    await sendEverything()
    const run = stub.run(isTrial("a"))
    expect(run.params.get("model/spec")).toHaveLength(6000)
    expect(run.artifacts.get("parameters/model_spec.txt")).toBe(long)
    expect(run.tags.get("mlflow.note.content")).toHaveLength(8000)
    expect(run.artifacts.get("note.md")).toBe(note)
  })

  it("steps over what the server refuses, tells how much, and keeps its neighbours", async () => {
    writeTrial(state, "a", 3, false)
    append(trialFolder(state, "a"), [
      { type: "parameters", values: { seed: "changed" } },
      { type: "metrics", step: 8, time: 8, values: { refused: 1 } },
      { type: "metrics", step: 9, time: 9, values: { good: 1 } },
      { type: "artifact", path: "../outside", file: "assignment.json" },
      { type: "artifact", path: "gone.txt", file: "gone.txt" },
      { type: "artifact", path: "passwd", file: "../../../../../../../etc/passwd" },
      { type: "artifact", path: "link", file: "link" },
      { type: "artifact", path: "through", file: "folder/passwd" },
    ])
    fs.symlinkSync("/etc/passwd", join(trialFolder(state, "a"), "link"))
    fs.symlinkSync("/etc", join(trialFolder(state, "a"), "folder"))
    const outcome = await sendEverything()
    expect(outcome).toMatchObject({ waiting: 0, rejected: 3 })
    const run = stub.run(isTrial("a"))
    expect(run.params.get("seed")).toBe("a")
    expect(run.points.has(`["good",9,1,9]`)).toBe(true)
    expect([...run.artifacts.keys()]).toEqual(["policy/assignment.json"])
  })
})

describe("a server that misbehaves", () => {
  const garbage = { kind: "answer", status: 200, body: "<html>hello</html>" } as const
  const misdeeds: Record<string, Misdeed> = {
    "resets the connection": { kind: "reset" },
    "does it and resets": { kind: "doAndReset" },
    "answers 500": { kind: "answer", status: 500, body: "oops" },
    "answers 429 with Retry-After": {
      kind: "answer",
      status: 429,
      body: "slow down",
      headers: { "retry-after": "0.1" },
    },
    "answers 408": { kind: "answer", status: 408, body: "" },
    "has too few database connections": {
      kind: "answer",
      status: 400,
      body: `{"error_code":"BAD_REQUEST","message":"QueuePool limit of size 5 overflow 10 reached"}`,
    },
    "answers 200 with garbage": garbage,
    "cuts its answer": { kind: "cut" },
    hangs: { kind: "hang" },
    drips: { kind: "drip" },
  }

  it.each(Object.entries(misdeeds))("every few requests: %s", async (_, misdeed) => {
    const every = misdeed.kind === "hang" || misdeed.kind === "drip" ? 8 : 3
    stub.misbehave = (_, count) => (count % every === 1 ? misdeed : undefined)
    writeGrid(state)
    writeTrial(state, "a", 20)
    const outcome = await sendEverything()
    expect(outcome).toMatchObject({ waiting: 0, rejected: 0 })
    expectWhole(["a"], 20)
  })

  it("that answers every create of a run by breaking the connection still has each run once", async () => {
    let broken = 0
    stub.misbehave = ({ path }) =>
      path.endsWith("/runs/create") && broken++ < 3 ? { kind: "doAndReset" } : undefined
    writeGrid(state)
    writeTrial(state, "a", 5)
    await sendEverything()
    expect(broken).toBeGreaterThan(1)
    expectWhole(["a"], 5)
  })

  it("that makes a run after we gave up asking has it once in the end", async () => {
    writeGrid(state)
    writeTrial(state, "a", 5, false)
    await sendEverything()
    const run = stub.run(isTrial("a"))
    stub.runs.set("late", { ...run, id: "late", points: new Set() })
    writeTrial(state, "a", 5)
    await sendEverything()
    expectWhole(["a"], 5)
    expect(stub.runs.get("late")!.deleted).toBe(true)
  })

  it("that is away stops nothing, and gets everything when it is back", async () => {
    await stub.close()
    writeGrid(state)
    writeTrial(state, "a", 30)
    const outcome = await sendEverything(1500)
    expect(outcome.waiting).toBe(4 + 37)
    expect(outcome.problem?.isRetryable).toBe(true)
    expect(outcome.problem?.message).toContain("ECONNREFUSED")
    await stub.listen()
    expect(await sendEverything()).toMatchObject({ waiting: 0 })
    expectWhole(["a"], 30)
  })

  it("that comes back within a flush is caught up with", async () => {
    await stub.close()
    writeGrid(state)
    writeTrial(state, "a", 30)
    setTimeout(() => void stub.listen(), 1200)
    expect(await sendEverything()).toMatchObject({ waiting: 0, problem: undefined })
    expectWhole(["a"], 30)
  })

  it("that has forgotten the runs gets them again, whole", async () => {
    writeGrid(state)
    writeTrial(state, "a", 10, false)
    await sendEverything()
    stub.forget()
    writeTrial(state, "a", 12)
    expect(await sendEverything()).toMatchObject({ waiting: 0 })
    expectWhole(["a"], 12)
  })

  it("that forgets in the middle of a watch gets parent and child again", async () => {
    writeGrid(state)
    writeTrial(state, "a", 10, false)
    await withTracker((tracker) =>
      Effect.gen(function* () {
        yield* tracker.watchAll
        yield* tracker.flush(10_000)
        stub.forget()
        writeTrial(state, "a", 12)
        yield* tracker.flush(10_000)
      }),
    )
    expectWhole(["a"], 12)
  })

  it("that says no to our credentials gets nothing and loses nothing", async () => {
    stub.misbehave = () => ({ kind: "answer", status: 403, body: "Permission denied" })
    writeGrid(state)
    const outcome = await sendEverything()
    expect(outcome).toMatchObject({ waiting: 4, rejected: 0 })
    expect(outcome.problem?.message).toContain("Permission denied")
    expect(outcome.problem?.isRetryable).toBe(false)
    stub.misbehave = () => undefined
    expect(await sendEverything()).toMatchObject({ waiting: 0 })
  })

  it("at an address that is not MLflow's loses nothing", async () => {
    stub.misbehave = () => ({ kind: "answer", status: 404, body: "<h1>nginx</h1>" })
    writeGrid(state)
    expect(await sendEverything()).toMatchObject({ waiting: 4, rejected: 0 })
  })

  it("that sends us to another origin is not followed, and our credentials do not go there", async () => {
    const other = new StubServer()
    await other.listen()
    stub.misbehave = ({ path }) => ({
      kind: "answer",
      status: 307,
      body: "",
      headers: { location: other.url + path },
    })
    writeGrid(state)
    const outcome = await sendEverything()
    expect(outcome.problem?.message).toContain(other.url)
    expect(outcome.problem?.isRetryable).toBe(false)
    expect(other.seen).toEqual([])
    await other.close()
  })

  it("that sends us to another path of its own is followed", async () => {
    stub.misbehave = ({ path }) =>
      path.includes("moved=1")
        ? undefined
        : {
            kind: "answer",
            status: 308,
            body: "",
            headers: { location: path + (path.includes("?") ? "&" : "?") + "moved=1" },
          }
    writeGrid(state)
    writeTrial(state, "a", 2)
    expect(await sendEverything()).toMatchObject({ waiting: 0 })
    expectWhole(["a"], 2)
  })
})

describe("without a server", () => {
  it("tells why and keeps the spool", async () => {
    writeGrid(state)
    const settings = Settings.fromEnvironment.pipe(Effect.map(Option.getOrThrow))
    process.env["MLFLOW_TRACKING_URI"] = "ftp://user:hunter2@host"
    const outcome = await withTracker(
      (tracker) => Effect.andThen(tracker.watchAll, tracker.flush(2000)),
      settings,
    ).finally(() => delete process.env["MLFLOW_TRACKING_URI"])
    expect(outcome).toMatchObject({ waiting: 4, server: undefined })
    expect(outcome.problem?.message).toContain("unset it, and fliqs starts a server of its own")
    expect(JSON.stringify(outcome)).not.toContain("hunter2")
    expect(fs.existsSync(join(gridFolder(state), "spool.jsonl"))).toBe(true)
  })

  it("and without a tracker nothing is sent and nothing waits", async () => {
    writeGrid(state)
    const outcome = await Effect.runPromise(
      Effect.flatMap(Tracker, (tracker) =>
        Effect.andThen(tracker.startGrid(gridFolder(state)), tracker.flush(1000)),
      ).pipe(Effect.provide(layerNone)),
    )
    expect(outcome).toEqual({ server: undefined, problem: undefined, waiting: 0, rejected: 0 })
    expect(stub.seen).toEqual([])
  })
})
