/** Runs the command line as a person does: a process of its own, its answers apart from the rest. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

export interface Answer {
  readonly code: number | string
  readonly stdout: Buffer
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Answer>
}

/** Starts `fliqs ...`; `stdin` is written in the given pieces and closed. */
export const start = (
  words: ReadonlyArray<string>,
  options: {
    readonly cwd?: string
    readonly stdin?: ReadonlyArray<Uint8Array>
    readonly env?: Readonly<Record<string, string>>
  } = {},
): Started => {
  const child = spawn(process.execPath, ["--no-deprecation", main, ...words], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    stdio: "pipe",
  })
  const out: Array<Buffer> = []
  const err: Array<Buffer> = []
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
  child.stdin.on("error", () => {})
  const feed = async () => {
    for (const piece of options.stdin ?? [])
      if (!child.stdin.write(piece))
        await new Promise((resolve) => child.stdin.once("drain", resolve))
    child.stdin.end()
  }
  void feed()
  const ended = new Promise<Answer>((resolve) => {
    child.on("close", (code, signal) =>
      resolve({
        code: code ?? signal ?? "",
        stdout: Buffer.concat(out),
        stderr: Buffer.concat(err).toString(),
      }),
    )
  })
  return { child, ended }
}

export const fliqs = (
  words: ReadonlyArray<string>,
  options: Parameters<typeof start>[1] = {},
): Promise<Answer> => start(words, options).ended

/** The answer as JSON. */
export const json = <A>(answer: Answer): A => JSON.parse(answer.stdout.toString()) as A

export const space = `name: tiny
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 8, kernel: 3 }
  - conv: { name: body, filters: 8, kernel: 3, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
widthRounding: exact
formats: { oneOf: [INT2, INT4, INT8] }
`

export const experiment = `name: tiny
space: space.yaml
data: { kind: synthetic, batchSize: 16, heldOut: 64, height: 8, width: 8 }
train: { steps: 300, checkpointEvery: 20, learningRate: { kind: cosine, peak: 0.02, warmupSteps: 5 } }
reward: { cost: { kind: gbops, target: { times: 1, uniform: INT4 } } }
finish: { recalibrate: 5 }
matrix: { seed: [1, 2] }
controls: [uniform]
track: { kind: none }
`

/** A temporary folder with these files; removed by `remove`. */
export const makeFolder = (files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), "fliqs-cli-"))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
