/** A state folder from somebody else: pipes, folders, links and control characters where none belong. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as JsonRecord from "../../src/disk/JsonRecord.ts"
import { fliqs, makeFolder } from "./fliqs.ts"

const { folder: cwd, remove } = makeFolder({})
const state = join(cwd, "state")
afterAll(remove)

const idOf = (i: number) => (0xa0 + i).toString(16).padStart(16, "0")
const evil = "\u001b]0;owned\u0007\u001b[2J\u009b31m"
const names = [
  "trial.json",
  "result.json",
  "heartbeat.json",
  "spool.jsonl",
  "sent.json",
  "checkpoint",
]

const make = (id: string) => {
  const folder = join(state, "trials", id)
  fs.mkdirSync(join(folder, "checkpoint"), { recursive: true })
  const trial = {
    version: 1,
    id,
    gridId: "f".repeat(16),
    experiment: `e${evil}`,
    name: `n${evil}`,
    cell: {},
    parameters: { "search.kind": `k${evil}` },
    declaration: {},
    steps: 1,
    tags: {},
    execution: { threads: 1, checkpointEvery: 1, eager: false },
  }
  const result = {
    version: 1,
    id,
    state: "failed",
    metrics: { [`m${evil}`]: 1 },
    assignment: { [`a${evil}`]: "INT4" },
    layers: [],
    steps: 1,
    seconds: 1,
    attempt: 0,
    finishedAt: 1,
    warnings: [{ alarm: "x", message: `w${evil}` }],
    cause: "crash",
    message: `because${evil}`,
  }
  fs.writeFileSync(join(folder, "trial.json"), JsonRecord.encode(trial))
  fs.writeFileSync(join(folder, "result.json"), JsonRecord.encode(result))
  return folder
}

beforeAll(() => {
  make(idOf(0))
  names.forEach((name, i) => {
    for (const [j, kind] of (["pipe", "folder", "loop"] as const).entries()) {
      const path = join(make(idOf(1 + i * 3 + j)), name)
      fs.rmSync(path, { recursive: true, force: true })
      if (kind === "pipe") execFileSync("mkfifo", [path])
      else if (kind === "folder") fs.mkdirSync(join(path, "inside"), { recursive: true })
      else fs.symlinkSync(path, path)
    }
  })
  fs.mkdirSync(join(state, "grids", "f".repeat(16), "grid.json"), { recursive: true })
  fs.mkdirSync(join(state, "index.jsonl"))
})

it("hangs no command, ends none with a stack trace, and reaches no terminal with commands", async () => {
  const env = { MLFLOW_TRACKING_URI: "http://127.0.0.1:9" }
  const commands = [
    ["list"],
    ["list", "--json"],
    ["show", idOf(0)],
    ["show", idOf(1)],
    ["show", idOf(2)],
    ["clean", "--keep", "best"],
    ["doctor"],
  ]
  for (const words of commands) {
    const answer = await fliqs([...words, "--state", state], { cwd, env })
    const text = answer.stdout.toString() + answer.stderr
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    expect(text).not.toMatch(/^ +at .*\.[jt]s:\d+/m)
    expect([0, 1, 2, 3]).toContain(answer.code)
  }
  const listed = await fliqs(["list", "--json", "--state", state], { cwd })
  expect((JSON.parse(listed.stdout.toString()) as Array<unknown>).length).toBe(1 + names.length * 3)
})
