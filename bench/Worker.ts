/**
 * A worker seen from the bench: a warm process of its own that runs steps when told to (`worker/serve.ts`), and sleeps
 * while others run. Left out: who takes turns with whom (`Case.ts`).
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

export interface Command {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
}

export interface Worker {
  /** What it told of itself: versions, threads. */
  readonly facts: Readonly<Record<string, unknown>>
  /** Milliseconds from the start of the process until it was warm. */
  readonly started: number
  /** Runs so many steps: milliseconds per step. */
  readonly run: (steps: number) => Promise<number>
  /** Tensors and handles alive; only workers of this project know. */
  readonly counts: () => Promise<{ readonly tensors: number; readonly handles: number }>
  /** Resident memory in megabytes (2^20 bytes). */
  readonly memory: () => number
  /** The most it ever was. */
  readonly peakMemory: () => number
  readonly close: () => Promise<void>
}

/** `VmRSS` is the resident memory now, `VmHWM` its peak. */
const megabytes = (pid: number, which: "VmRSS" | "VmHWM"): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const [, kilobytes] = new RegExp(`^${which}:\\s+(\\d+) kB$`, "m").exec(status)!
  return Number(kilobytes) / 1024
}

/** Starts a worker and waits until it is warm; rejects with its last words when it ends before that. */
export const start = async ({ program, args, environment }: Command): Promise<Worker> => {
  const began = performance.now()
  const child = spawn(program, [...args], { env: { ...process.env, ...environment } })
  let words = ""
  child.stderr.on("data", (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2000)))
  child.stdin.on("error", () => {})
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve())
    child.on("error", (error) => {
      words += error.message
      resolve()
    })
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => {
    const next = await lines.next()
    if (next.done !== true) return next.value
    await ended
    throw new Error(`${program} ${args.join(" ")} ended early\n${words.trim()}`)
  }
  const ask = (question: string): Promise<string> => {
    child.stdin.write(`${question}\n`)
    return line()
  }
  let told = await line()
  while (!told.startsWith("ready")) told = await line()
  const started = performance.now() - began
  return {
    facts: JSON.parse(told.slice("ready".length)) as Record<string, unknown>,
    started,
    run: async (steps) => Number(await ask(String(steps))),
    counts: async () => JSON.parse(await ask("counts")) as { tensors: number; handles: number },
    memory: () => megabytes(child.pid!, "VmRSS"),
    peakMemory: () => megabytes(child.pid!, "VmHWM"),
    close: async () => {
      child.stdin.end()
      await ended
    },
  }
}
