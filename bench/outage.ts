/**
 * What an outage of MLflow costs a grid that runs meanwhile, beside a second grid at the same time whose server stays.
 *
 *     npm run bench:outage [-- MINUTES]
 *
 * Each grid is one trial of MINUTES (12 by default), in a process as `fliqs run` is; the server of the first is away from
 * the second minute to the last but one. Prints the speed of both trainings meanwhile, by how much the memory of the parents
 * grows, and whether every point has arrived in order, once. The trials have no network: a step waits 20 ms.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { StubServer } from "../test/track/StubServer.ts"

const minutes = Number(process.argv[2] ?? 12)
const pause = 20
const steps = Math.round((minutes * 60_000) / pause)
const program = fileURLToPath(new URL("../test/faults/grid.ts", import.meta.url))

/** A grid with a server of its own. */
class Grid {
  readonly stub = new StubServer()
  readonly root = fs.mkdtempSync(join(tmpdir(), "fliqs-outage-"))
  #ended: Promise<number | null> | undefined
  #pid = 0

  async start() {
    await this.stub.listen()
    const state = join(this.root, "state")
    fs.mkdirSync(state)
    const words = [state, this.stub.url, "1", String(steps), "{}", String(pause)]
    const parent = spawn(process.execPath, ["--no-deprecation", program, ...words], {
      cwd: this.root,
      stdio: ["ignore", "ignore", "inherit"],
    })
    this.#pid = parent.pid ?? 0
    this.#ended = new Promise((resolve) => parent.on("exit", resolve))
    while (this.stepsDone() === 0) await sleep(100)
  }

  stepsDone(): number {
    try {
      return fs.readFileSync(join(this.root, "diary-0"), "utf8").split("\n").length - 1
    } catch {
      return 0
    }
  }

  /** Megabytes of the parent that are in memory; 0 once it has ended. */
  memory(): number {
    try {
      const status = fs.readFileSync(`/proc/${this.#pid}/status`, "utf8")
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1000
    } catch {
      return 0
    }
  }

  /** Whether each point is there, in order, once. */
  async arrived(): Promise<string> {
    const code = await this.#ended
    const points = [...this.stub.run((run) => run.tags.has("fliqs.trial_id")).points]
      .map((point) => JSON.parse(point) as [string, number, number, number])
      .filter(([key]) => key === "train/loss")
    const isRight = points.length === steps && points.every(([, step], i) => step === i + 1)
    if (code !== 0 || !isRight) process.exitCode = 1
    return `${points.length} of ${steps} points, ${isRight ? "in order, once" : "NOT all in order, once"}; the run ended with ${code}`
  }

  async end() {
    await this.stub.close()
    fs.rmSync(this.root, { recursive: true, force: true })
  }
}

const grids = [new Grid(), new Grid()] as const
const [cut, kept] = grids

/** Steps a second of both over so many minutes, and the largest memory of their parents. */
const watch = async (length: number) => {
  const began = performance.now()
  const first = grids.map((grid) => grid.stepsDone())
  const most = [0, 0]
  while (performance.now() - began < length * 60_000) {
    await sleep(1000)
    for (const [i, grid] of grids.entries()) most[i] = Math.max(most[i]!, grid.memory())
  }
  const seconds = (performance.now() - began) / 1000
  return grids.map((grid, i) => ({
    speed: (grid.stepsDone() - first[i]!) / seconds,
    memory: most[i]!,
  }))
}

try {
  await Promise.all(grids.map((grid) => grid.start()))
  const before = await watch(minutes / 12)
  await cut.stub.close()
  const away = await watch((minutes * 10) / 12)
  await cut.stub.listen()
  for (const [i, name] of ["server away", "server there"].entries())
    console.log(
      `${name.padEnd(12)}  ${away[i]!.speed.toFixed(2)} steps/s  parent ${before[i]!.memory.toFixed(0)} to ${away[i]!.memory.toFixed(0)} MB`,
    )
  console.log(`slower by ${(100 * (1 - away[0]!.speed / away[1]!.speed)).toFixed(2)} %`)
  console.log(await cut.arrived())
  console.log(await kept.arrived())
} finally {
  for (const grid of grids) await grid.end()
}
