/** Processes told apart: by number and start, zombies from the living. */
import { spawn } from "node:child_process"
import { expect, it } from "vitest"
import * as Process from "../../src/disk/Process.ts"
import { makeZombie } from "./zombie.ts"

const ended = (child: ReturnType<typeof spawn>) =>
  new Promise((resolve) => child.once("exit", resolve))

it("knows a process by number and start, and a group until its last member", async () => {
  const child = spawn("sh", ["-c", "sleep 60 & echo up; wait"], { detached: true })
  await new Promise((resolve) => child.stdout.once("data", resolve))
  const identity = Process.find(child.pid!)!
  expect(identity.group).toBe(child.pid)
  expect(Process.isRunning(identity)).toBe(true)
  expect(Process.isRunning({ ...identity, start: "0" })).toBe(false)
  process.kill(child.pid!, "SIGKILL")
  await ended(child)
  expect(Process.isRunning(identity)).toBe(false)
  expect(Process.isGroupLeft(child.pid!)).toBe(true)
  process.kill(-child.pid!, "SIGKILL")
  await expect.poll(() => Process.isGroupLeft(child.pid!)).toBe(false)
})

it("takes a zombie for ended", async () => {
  const { end, pid, start } = await makeZombie()
  expect(() => process.kill(pid, 0)).not.toThrow()
  expect(Process.find(pid)).toBeUndefined()
  for (const one of [start, ""]) expect(Process.isRunning({ pid, start: one })).toBe(false)
  end()
})

it("takes one whose start was not recorded by its number, and no number for none", () => {
  expect(Process.isRunning({ pid: process.pid, start: "" })).toBe(true)
  for (const pid of [0, -1, 1.5, 2 ** 22 + 1, Number.NaN])
    expect(Process.isRunning({ pid, start: "" })).toBe(false)
})
