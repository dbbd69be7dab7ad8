import { execFile, spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { Effect, Option } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Process from "../../src/disk/Process.ts"
import * as Server from "../../src/track/Server.ts"
import * as ServerInstallation from "../../src/track/ServerInstallation.ts"
import type * as ServerRecord from "../../src/track/ServerRecord.ts"
import * as Settings from "../../src/track/TrackingSettings.ts"
import { layerMlflow, Tracker } from "../../src/track/Tracker.ts"
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

const run = promisify(execFile)
const here = import.meta.dirname
const cache = process.env["FLIQS_CACHE"] || join(here, "../../.cache")
const python = join(cache, `mlflow-${ServerInstallation.version}`, "bin", "python")

const state = makeState()
let server: ServerRecord.Server
let startedAtOnce: ReadonlyArray<ServerRecord.Server>

const starting = () =>
  run(process.execPath, [join(here, "starter.ts"), state]).then(
    ({ stdout }) => JSON.parse(stdout) as ServerRecord.Server,
  )

interface Found {
  tags: Record<string, string>
  runs: Array<{
    runId: string
    name: string
    status: string
    start: number
    end: number
    tags: Record<string, string>
    params: Record<string, string>
    history: Record<string, Array<[number, number, number]>>
    inputs: Array<[string, string, string]>
    artifacts: Array<string>
  }>
}

const check = async (experiment: string): Promise<Found> =>
  JSON.parse(
    (await run(python, [join(here, "check.py"), server.url, experiment], { maxBuffer: 1 << 28 }))
      .stdout,
  )

beforeAll(async () => {
  // Two runs begin at once on a new state folder.
  startedAtOnce = await Promise.all([starting(), starting()])
  server = startedAtOnce[0]!
}, 300_000)

afterAll(async () => {
  await Effect.runPromise(Server.stop(state))
  fs.rmSync(state, { recursive: true, force: true })
})

describe("events of a grid of three runs", () => {
  it("are there once, as Python's client sees it, however often the sender was killed", async () => {
    const steps = 1250
    writeGrid(state)
    writeTrial(state, "aaaa", steps)
    writeTrial(state, "bbbb", steps)
    let kills = 0
    for (let done = false; !done;) {
      const child = spawn(process.execPath, [join(here, "sender.ts"), state, server.url], {
        stdio: "inherit",
      })
      // Nothing is sent before the process is up; from then on at any instant, later and later so that it ends.
      const timer = setTimeout(
        () => child.kill("SIGKILL"),
        600 + Math.random() * (400 + kills * 150),
      )
      const code = await new Promise<number | null>((resolve) => child.once("exit", resolve))
      clearTimeout(timer)
      done = code === 0
      if (code === null) kills += 1
      expect(code === null || code === 0).toBe(true)
    }
    expect(kills).toBeGreaterThan(0)

    const { tags, runs } = await check("exp")
    expect(tags["mlflow.experimentKind"]).toBe("custom_model_development")
    expect(runs).toHaveLength(3)
    const grid = runs.find((one) => one.tags["fliqs.kind"] === "grid")!
    expect(grid).toMatchObject({ name: "grid", status: "FINISHED", params: { space: "resnet8" } })
    expect(grid.tags["mlflow.note.content"]).toContain("# Grid")
    for (const id of ["aaaa", "bbbb"]) {
      const trial = runs.find((one) => one.tags["fliqs.trial_id"] === id)!
      expect(trial).toMatchObject({
        name: `trial ${id}`,
        status: "FINISHED",
        start: epoch + 1,
        end: epoch + 20 + steps,
        artifacts: ["policy/assignment.json"],
      })
      expect(trial.tags).toMatchObject({
        "mlflow.parentRunId": grid.runId,
        "fliqs.grid_id": gridId,
      })
      expect(trial.params).toMatchObject({ seed: id, "search/rate": "0.1" })
      expect(Object.keys(trial.params)).toHaveLength(3)
      expect(trial.inputs.sort()).toEqual([
        ["cifar10", "d1", "train"],
        ["cifar10", "d2", "test"],
      ])
      expect(trial.history["train/loss"]!.sort((a, b) => a[0] - b[0])).toEqual(
        Array.from({ length: steps }, (_, step) => [step, 1 / (step + 1), epoch + 10 + step]),
      )
      expect(trial.history["search/reward"]).toHaveLength(steps)
      expect(trial.history["final/accuracy"]).toEqual([[steps, 0.5, epoch + 10 + steps]])
    }
  })

  it("that this server would drop or cut in silence all arrive", async () => {
    const folder = trialFolder(state, "cccc")
    const long = "v".repeat(7000)
    append(folder, [
      {
        type: "start",
        time: epoch,
        gridId,
        trialId: "cccc",
        experiment: "odd",
        name: "odd",
        tags: {},
      },
      {
        type: "parameters",
        values: Object.fromEntries(Array.from({ length: 230 }, (_, i) => [`p/${i}`, String(i)])),
      },
      {
        type: "parameters",
        values: { "blocks[0].bits": "4", "blocks(0).bits": "8", "//x/../y": "z", long },
      },
      {
        type: "metrics",
        step: 1,
        time: epoch,
        values: { ok: 1, bad: Number.NaN, worse: Infinity, "a[1]": 2, tiny: 5e-324, huge: 1.7e308 },
      },
      { type: "metrics", step: 2 ** 40, time: epoch, values: { ok: 2 } },
      { type: "tag", key: "ünï#", value: "t" },
      { type: "tag", key: "mlflow.note.content", value: "n".repeat(9000) },
    ])
    fs.writeFileSync(join(folder, "figure.svg"), "<svg/>")
    append(folder, [
      { type: "artifact", path: "pictures/a b ü%.svg", file: "figure.svg" },
      { type: "end", time: epoch + 5, status: "FAILED", message: "it diverged" },
    ])
    const outcome = await Effect.runPromise(
      Effect.flatMap(Tracker, (tracker) =>
        Effect.gen(function* () {
          yield* tracker.startGrid(gridFolder(state))
          yield* tracker.watchTrial(folder)
          return yield* tracker.flush("1 minute")
        }),
      ).pipe(
        Effect.provide(
          layerMlflow({ stateFolder: state, settings: Effect.succeed(Settings.local(server.url)) }),
        ),
      ),
    )
    expect(outcome).toMatchObject({ waiting: 0, rejected: 0, problem: undefined })
    const { runs } = await check("odd")
    expect(runs).toHaveLength(1)
    const [odd] = runs
    expect(odd!.status).toBe("FAILED")
    expect(odd!.tags["fliqs.message"]).toBe("it diverged")
    expect(Object.keys(odd!.params)).toHaveLength(234)
    expect(odd!.params["p/229"]).toBe("229")
    expect(Object.values(odd!.params)).toEqual(expect.arrayContaining(["4", "8", "z"]))
    expect(odd!.history["ok"]).toEqual([
      [1, 1, epoch],
      [2 ** 40, 2, epoch],
    ])
    expect(odd!.history["train/nonfinite_count"]).toEqual([[1, 2, epoch]])
    expect(odd!.history["tiny"]).toEqual([[1, 5e-324, epoch]])
    expect(odd!.history["huge"]).toEqual([[1, 1.7e308, epoch]])
    expect(Object.keys(odd!.history)).toHaveLength(5)
    expect(odd!.artifacts).toEqual(["note.md", "parameters/long.txt", "pictures/a b ü%.svg"])
  })
})

describe("the local server", () => {
  const find = () => Effect.runPromise(Server.find(state)).then(Option.getOrUndefined)

  it("is one, though two asked for it at once", () => {
    expect(startedAtOnce[1]).toEqual(startedAtOnce[0])
  })

  it("is found again, also when its record is lost", async () => {
    expect(await starting()).toEqual(server)
    fs.rmSync(join(state, "mlflow", "server.json"))
    // of a server that is found by its process nobody knows which database file it opened
    const { inode, ...known } = server
    expect(inode).toEqual(expect.any(Number))
    expect(await find()).toEqual(known)
    expect(await starting()).toEqual(known)
    expect(fs.existsSync(join(state, "mlflow", "server.json"))).toBe(true)
  })

  it("is not taken for another one, nor another one for it", async () => {
    const bystander = spawn("sleep", ["100"], { detached: true })
    const start = Process.find(bystander.pid!)!.start
    const other = makeState()
    fs.mkdirSync(join(other, "mlflow"))
    fs.writeFileSync(
      join(other, "mlflow", "server.json"),
      JSON.stringify({ ...server, pid: bystander.pid, start }),
    )
    expect(Option.isNone(await Effect.runPromise(Server.find(other)))).toBe(true)
    expect(await Effect.runPromise(Server.stop(other))).toBe(false)
    expect(Process.find(bystander.pid!)).toBeDefined()
    bystander.kill()
    fs.rmSync(other, { recursive: true })
  })

  it("comes back with what it knew when its leader was killed and left a worker on the port", async () => {
    server = await starting()
    process.kill(server.pid, "SIGKILL")
    const again = await starting()
    expect(again.pid).not.toBe(server.pid)
    expect(Process.isGroupLeft(server.pid)).toBe(false)
    expect(again.port).toBe(server.port)
    server = again
    expect((await check("odd")).runs).toHaveLength(1)
  })

  it("is stopped whole, once", async () => {
    expect(await Effect.runPromise(Server.stop(state))).toBe(true)
    expect(Process.isGroupLeft(server.pid)).toBe(false)
    expect(await find()).toBeUndefined()
    expect(await Effect.runPromise(Server.stop(state))).toBe(false)
  })

  it("that cannot be installed is an answer, and the spool is kept", async () => {
    const outcome = await Effect.runPromise(
      Effect.flatMap(Tracker, (tracker) =>
        Effect.andThen(tracker.watchAll, tracker.flush("10 seconds")),
      ).pipe(
        Effect.provide(
          layerMlflow({
            stateFolder: state,
            settings: Server.start({
              stateFolder: state,
              cache: join(state, "empty"),
              setup: ["sh", "-c", "echo no Python 3.10 to 3.14 with venv >&2; exit 4"],
            }).pipe(Effect.map(({ url }) => Settings.local(url))),
          }),
        ),
      ),
    )
    expect(outcome.problem?.reason._tag).toBe("ServerMissing")
    expect(outcome.problem?.message).toContain("no Python 3.10 to 3.14")
    expect(outcome.waiting).toBe(0)
  })
})
