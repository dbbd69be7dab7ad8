/**
 * One round: a grid that goes through something (a kill, a failing disk, a frozen process, a flipped byte, a clock that
 * jumps) and is run again until it ends; then all it left is compared with an undisturbed one. Everything that is random
 * follows from the seed but the scheduling of processes. Left out: which rounds (`run.ts`).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { checkpointEvery, trialIdOf } from "./grid.ts"
import { differences, lostSteps, observe, type Observed } from "./Observed.ts"
import type { TrackedRun } from "./tracker.ts"

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export const kinds = [
  "killTrial",
  "killParent",
  "killBoth",
  "killTracker",
  "failTrial",
  "failParent",
  "fullTrial",
  "fullDisk",
  "thaw",
  "damage",
  "clock",
] as const
export type Kind = (typeof kinds)[number]

export interface Plan {
  readonly kind: Kind
  readonly seed: number
  readonly trials: number
  readonly steps: number
  /** Of `failTrial` and `failParent`, when it is not chosen by the seed. */
  readonly fault?: { readonly call: string; readonly kind: string; readonly number: number }
}

export interface Outcome {
  readonly plan: Plan
  /** What happened, for who reads of a failure. */
  readonly story: ReadonlyArray<string>
  readonly wrong: ReadonlyArray<string>
  /** Whether the fault has happened: the n-th call of fewer calls does not. */
  readonly happened: boolean
}

/** Numbers from 0 to 1, by a seed (mulberry32). */
export const randomOf = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

// Compiled once for all rounds.
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "fliqs-faults-compiled")

let library: string | undefined
/** The preload library, compiled once. */
const preload = (): string => {
  if (library !== undefined) return library
  const file = join(fs.mkdtempSync(join(tmpdir(), "fliqs-preload-")), "faults.so")
  const compiler = process.env["CC"] ?? "cc"
  execFileSync(compiler, ["-shared", "-fPIC", "-O1", "-o", file, here("./preload.c"), "-ldl"])
  process.on("exit", () => fs.rmSync(join(file, ".."), { recursive: true, force: true }))
  return (library = file)
}

type Environment = Readonly<Record<string, string>>

const ended = (child: ChildProcess): Promise<number | string> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null)
      return resolve(child.exitCode ?? child.signalCode ?? "")
    child.on("exit", (code, signal) => resolve(code ?? signal ?? ""))
  })

const kill = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

const childrenOf = (pid: number): ReadonlyArray<number> => {
  try {
    const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()
    return text === "" ? [] : text.split(" ").map(Number)
  } catch {
    return []
  }
}

/** The parts of a round at work: its folder, its tracker, its processes. */
class Stage {
  readonly root = fs.mkdtempSync(join(tmpdir(), "fliqs-fault-"))
  readonly state = join(this.root, "state")
  readonly done = join(this.root, "done")
  readonly story: Array<string> = []
  readonly plan: Plan
  readonly random: () => number
  #tracker: ChildProcess | undefined
  #port = 0
  #isMounted = false

  constructor(plan: Plan) {
    this.plan = plan
    this.random = randomOf(plan.seed)
    fs.mkdirSync(this.state)
  }

  /** A whole number from 1 to `most`. */
  pick(most: number): number {
    return 1 + Math.floor(this.random() * most)
  }

  oneOf<A>(list: ReadonlyArray<A>): A {
    return list[Math.floor(this.random() * list.length)]!
  }

  ids(): ReadonlyArray<string> {
    return Array.from({ length: this.plan.trials }, (_, i) => trialIdOf(i))
  }

  async startTracker(): Promise<void> {
    const child = spawn(
      process.execPath,
      [here("./tracker.ts"), String(this.#port), join(this.root, "tracker.log")],
      { stdio: ["ignore", "pipe", "inherit"] },
    )
    this.#tracker = child
    this.#port = await new Promise<number>((resolve) =>
      child.stdout.once("data", (line: Buffer) => resolve(Number(line.toString()))),
    )
  }

  killTracker(): void {
    this.#tracker?.kill("SIGKILL")
  }

  async tracked(): Promise<ReadonlyArray<TrackedRun>> {
    return (await fetch(`http://127.0.0.1:${this.#port}/state`)).json() as Promise<
      ReadonlyArray<TrackedRun>
    >
  }

  /** Starts the grid; faults go to the parent or to its trials. */
  start({ child = {}, parent = {} }: { child?: Environment; parent?: Environment } = {}) {
    const { steps, trials } = this.plan
    const words = [this.state, `http://127.0.0.1:${this.#port}`, String(trials), String(steps)]
    const process_ = spawn(
      process.execPath,
      ["--no-deprecation", here("./grid.ts"), ...words, JSON.stringify(child)],
      { cwd: this.root, env: { ...process.env, ...parent }, stdio: ["ignore", "ignore", "pipe"] },
    )
    process_.stderr.on("data", (text: Buffer) => this.story.push(text.toString().trim()))
    return process_
  }

  /** The environment that makes the n-th call go wrong. */
  fault(call: string, kind: string, number: number, more: Environment = {}): Environment {
    this.story.push(`${kind} at ${call} ${number}`)
    return {
      LD_PRELOAD: preload(),
      FAULT_FOLDER: this.state,
      FAULT_CALL: call,
      FAULT_KIND: kind,
      FAULT_NUMBER: String(number),
      FAULT_DONE: this.done,
      ...more,
    }
  }

  clean(): Environment {
    return { LD_PRELOAD: "", FAULT_CALL: "" }
  }

  /** A state folder on a small file system of its own; false where that is not allowed. */
  mount(kilobytes: number): boolean {
    try {
      const options = ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", this.state]
      execFileSync("mount", options, { stdio: "ignore" })
      return (this.#isMounted = true)
    } catch {
      return false
    }
  }

  async end(): Promise<void> {
    this.killTracker()
    if (this.#tracker !== undefined) await ended(this.#tracker)
    if (this.#isMounted) execFileSync("umount", [this.state])
    fs.rmSync(this.root, { recursive: true, force: true })
  }
}

/** Milliseconds that an undisturbed grid of so many trials took here: more on a busy machine, whose starts are slow. */
const lives = new Map<number, number>()

/** Any instant of a grid's life, its start included. */
const instant = (stage: Stage): Promise<void> => {
  const { steps, trials } = stage.plan
  return sleep(stage.random() * (lives.get(trials) ?? 900 + steps * 20))
}

/** Until the fault has happened, or the grid has ended without it. */
const untilFault = async (stage: Stage, parent: ChildProcess): Promise<void> => {
  while (!fs.existsSync(stage.done) && parent.exitCode === null) await sleep(10)
}

const calls = ["open", "write", "fsync", "rename", "link", "mkdir"] as const
const failures = ["ENOSPC", "EIO", "short", "kill", "killAfter"] as const

const chosenFault = (stage: Stage) => {
  const call = stage.oneOf(calls)
  const kind =
    call === "write"
      ? stage.oneOf(failures)
      : stage.oneOf(failures.filter((one) => one !== "short"))
  return (
    stage.plan.fault ?? {
      call,
      kind,
      number: stage.pick(call === "link" || call === "mkdir" ? 4 : 40),
    }
  )
}

/** Flips a byte of a file, or cuts it; gives its name. */
const damage = (stage: Stage): string | undefined => {
  const files = fs
    .readdirSync(stage.state, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(json|jsonl|safetensors)$/.test(name))
    .filter((name) => fs.statSync(join(stage.state, name)).isFile())
    .sort()
  if (files.length === 0) return undefined
  const name = stage.oneOf(files)
  const bytes = fs.readFileSync(join(stage.state, name))
  const at = Math.floor(stage.random() * bytes.length)
  const isCut = stage.random() < 0.4
  if (!isCut && bytes.length > 0) bytes[at]! ^= 1 << Math.floor(stage.random() * 8)
  fs.writeFileSync(join(stage.state, name), isCut ? bytes.subarray(0, at) : bytes)
  stage.story.push(`${isCut ? "cut" : "flipped"} ${name} at ${at} of ${bytes.length}`)
  return name
}

/** Whether a process has ended, if only its parent knows it yet. */
const isGone = (pid: number): boolean => {
  try {
    return /^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return true
  }
}

const killAll = async (parent: ChildProcess): Promise<void> => {
  const children = childrenOf(parent.pid!)
  parent.kill("SIGKILL")
  for (const pid of children) kill(pid, "SIGKILL")
  await ended(parent)
}

/** What a round goes through; gives back what is done after the grid has ended, if anything. */
const disturbances: Record<Kind, (stage: Stage) => Promise<(() => Promise<void>) | void>> = {
  killTrial: async (stage) => {
    const parent = stage.start()
    for (let kills = stage.pick(3); kills > 0; kills--) {
      await instant(stage)
      const [pid] = childrenOf(parent.pid!)
      if (pid !== undefined) kill(pid, "SIGKILL")
    }
    await ended(parent)
  },
  killParent: async (stage) => {
    for (let kills = stage.pick(2); kills > 0; kills--) {
      const parent = stage.start()
      await instant(stage)
      parent.kill("SIGKILL")
      await ended(parent)
    }
  },
  killBoth: async (stage) => {
    for (let kills = stage.pick(2); kills > 0; kills--) {
      const parent = stage.start()
      await instant(stage)
      await killAll(parent)
    }
  },
  killTracker: async (stage) => {
    const parent = stage.start()
    for (let kills = stage.pick(2); kills > 0; kills--) {
      await instant(stage)
      stage.killTracker()
      await sleep(stage.random() * 500)
      await stage.startTracker()
    }
    await ended(parent)
  },
  failTrial: async (stage) => {
    const { call, kind, number } = chosenFault(stage)
    await ended(stage.start({ child: stage.fault(call, kind, number) }))
  },
  failParent: async (stage) => {
    const { call, kind, number } = chosenFault(stage)
    const parent = stage.start({ parent: stage.fault(call, kind, number), child: stage.clean() })
    await ended(parent)
  },
  fullTrial: async (stage) => {
    const until = join(stage.root, "room")
    const lasting = { FAULT_LASTING: "1", FAULT_UNTIL: until }
    const fault = stage.fault("write", "ENOSPC", stage.pick(40), lasting)
    const parent = stage.start({ child: fault })
    await untilFault(stage, parent)
    await sleep(1000 + stage.random() * 2500)
    fs.writeFileSync(until, "")
    await ended(parent)
  },
  fullDisk: async (stage) => {
    if (!stage.mount(512)) return disturbances.fullTrial(stage)
    fs.writeFileSync(stage.done, "")
    const parent = stage.start()
    await instant(stage)
    const ballast = join(stage.state, "ballast")
    try {
      fs.writeFileSync(ballast, Buffer.alloc(1 << 20))
    } catch {
      // Full.
    }
    await sleep(500 + stage.random() * 2000)
    fs.rmSync(ballast, { force: true })
    await ended(parent)
  },
  thaw: async (stage) => {
    const { call = "any", number = stage.pick(110) } = stage.plan.fault ?? {}
    const parent = stage.start({ child: stage.fault(call, "stop", number) })
    await untilFault(stage, parent)
    const children = childrenOf(parent.pid!)
    parent.kill("SIGKILL")
    await ended(parent)
    return async () => {
      for (const pid of children) kill(pid, "SIGCONT")
      for (let waited = 0; waited < 100 && !children.every(isGone); waited++) await sleep(100)
      for (const pid of children) if (!isGone(pid)) stage.story.push(`${pid} goes on`)
      for (const pid of children) kill(pid, "SIGKILL")
      // What it wrote, if anything, is sent.
      await ended(stage.start())
    }
  },
  damage: async (stage) => {
    const parent = stage.start()
    await instant(stage)
    await killAll(parent)
    damage(stage)
  },
  clock: async (stage) => {
    const jump = `${stage.oneOf([-86_400, -3600, 1800, 7200, 86_400])}@${stage.pick(3000)}`
    const clock = { LD_PRELOAD: preload(), FAULT_CLOCK: jump }
    stage.story.push(`clock ${jump}`)
    const isParent = stage.random() < 0.4
    const parent = stage.start(isParent ? { parent: clock } : { child: clock })
    await ended(parent)
  },
}

const happensOf = (plan: Plan, stage: Stage): boolean =>
  !["failTrial", "failParent", "fullTrial", "thaw"].includes(plan.kind) || fs.existsSync(stage.done)

/** Runs a grid undisturbed: what all rounds must come to. */
export const reference = async (trials: number, steps: number): Promise<Observed> => {
  const stage = new Stage({ kind: "killTrial", seed: 0, trials, steps })
  try {
    await stage.startTracker()
    const began = performance.now()
    const code = await ended(stage.start())
    lives.set(trials, performance.now() - began)
    if (code !== 0)
      throw new Error(`the undisturbed grid ends with ${code}: ${stage.story.join("\n")}`)
    return await observe(stage.state, stage.ids(), await stage.tracked())
  } finally {
    await stage.end()
  }
}

export const run = async (plan: Plan, right: Observed): Promise<Outcome> => {
  const stage = new Stage(plan)
  const wrong: Array<string> = []
  try {
    await stage.startTracker()
    const after = await disturbances[plan.kind](stage)
    let code: number | string = 1
    for (let tries = 0; tries < 3 && code !== 0; tries++) code = await ended(stage.start())
    if (code !== 0) wrong.push(`it ends with ${code}`)
    await after?.()
    const hasLostBytes = stage.story.some((line) => /^(cut|flipped) .*spool/.test(line))
    const found = await observe(stage.state, stage.ids(), await stage.tracked())
    wrong.push(...differences(found, right, hasLostBytes))
    if (plan.kind !== "damage")
      for (let i = 0; i < plan.trials; i++)
        wrong.push(...lostSteps(join(stage.root, `diary-${i}`), checkpointEvery))
    return { plan, story: stage.story, wrong, happened: happensOf(plan, stage) }
  } catch (error) {
    return { plan, story: stage.story, wrong: [...wrong, String(error)], happened: true }
  } finally {
    await stage.end()
  }
}
