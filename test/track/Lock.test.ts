import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { afterEach, beforeEach, expect, it } from "vitest"
import * as Lock from "../../src/track/Lock.ts"
import * as Process from "../../src/disk/Process.ts"
import { makeState } from "./grid.ts"

let folder: string
beforeEach(() => {
  folder = makeState()
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

it("lets one in at a time and leaves nothing behind", async () => {
  const file = join(folder, "lock")
  let inside = 0
  let most = 0
  const work = Effect.gen(function* () {
    inside += 1
    most = Math.max(most, inside)
    yield* Effect.sleep(5)
    inside -= 1
  }).pipe(Lock.withLock(file))
  await Effect.runPromise(
    Effect.all(
      Array.from({ length: 6 }, () => work),
      { concurrency: "unbounded" },
    ),
  )
  expect(most).toBe(1)
  expect(fs.readdirSync(folder)).toEqual([])
})

it("is free when its holder is dead, or is another process of the same number", async () => {
  const file = join(folder, "lock")
  const child = spawn(process.execPath, ["-e", ""])
  const start = Process.find(child.pid!)?.start ?? "?"
  await new Promise((resolve) => child.once("exit", resolve))
  for (const holder of [
    { pid: child.pid, start },
    { pid: process.pid, start: "long ago" },
  ]) {
    fs.writeFileSync(file, JSON.stringify(holder))
    expect(await Effect.runPromise(Effect.succeed("in").pipe(Lock.withLock(file)))).toBe("in")
  }
  expect(fs.readdirSync(folder)).toEqual([])
})

it("is kept by a holder that lives", async () => {
  const file = join(folder, "lock")
  const mine = { pid: process.pid, start: Process.find(process.pid)!.start }
  fs.writeFileSync(file, JSON.stringify(mine))
  const got = await Effect.runPromise(
    Effect.void.pipe(Lock.withLock(file), Effect.as(true), Effect.timeoutOption(300)),
  )
  expect(got._tag).toBe("None")
  expect(JSON.parse(fs.readFileSync(file, "utf8"))).toEqual(mine)
})

it("that cannot be made is an error, not a wait", async () => {
  await expect(
    Effect.runPromise(Effect.void.pipe(Lock.withLock(join(folder, "none", "lock")))),
  ).rejects.toThrow(/cannot be made/)
})

it("knows a process by number and start, and a group until its last member", async () => {
  const child = spawn("sh", ["-c", "sleep 60 & echo up; wait"], { detached: true })
  await new Promise((resolve) => child.stdout.once("data", resolve))
  const identity = Process.find(child.pid!)!
  expect(identity.group).toBe(child.pid)
  expect(Process.isRunning(identity)).toBe(true)
  expect(Process.isRunning({ ...identity, start: "0" })).toBe(false)
  process.kill(child.pid!, "SIGKILL")
  await new Promise((resolve) => child.once("exit", resolve))
  expect(Process.isRunning(identity)).toBe(false)
  expect(Process.isGroupLeft(child.pid!)).toBe(true)
  process.kill(-child.pid!, "SIGKILL")
  await expect.poll(() => Process.isGroupLeft(child.pid!)).toBe(false)
})
