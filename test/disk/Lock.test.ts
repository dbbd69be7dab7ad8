/** One at a time, whatever a holder leaves behind. */
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import * as fs from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Lock from "../../src/disk/Lock.ts"
import * as Process from "../../src/disk/Process.ts"
import * as Record from "../../src/disk/JsonRecord.ts"
import { canMount, makeDisk, makeFolder } from "./folder.ts"
import { makeZombie } from "./zombie.ts"

let folder: string
let lock: string
beforeEach(() => {
  folder = makeFolder()
  lock = join(folder, "lock")
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, NodeServices.layer))

const take = (place = lock) => run(Effect.scoped(Lock.hold(place, "test")))

const holder = {
  version: 1,
  // Above the largest process number Linux gives out.
  pid: 2 ** 22 + 1,
  host: hostname(),
  processStart: "1",
  command: "fliqs run old.yaml",
  since: 0,
}

/** Puts a holder's record, as it is written or as bytes. */
const leave = (content: object | Uint8Array | string, name = "0.json") => {
  fs.mkdirSync(lock, { recursive: true })
  const bytes =
    typeof content === "string" || content instanceof Uint8Array ? content : Record.encode(content)
  fs.writeFileSync(join(lock, name), bytes)
}

describe("a lock", () => {
  it("lets one in at a time and is free afterwards", async () => {
    let inside = 0
    let most = 0
    const work = Effect.gen(function* () {
      inside += 1
      most = Math.max(most, inside)
      yield* Effect.sleep(5)
      inside -= 1
    }).pipe(Lock.withLock(lock, "work"))
    await run(
      Effect.all(
        Array.from({ length: 6 }, () => work),
        { concurrency: "unbounded" },
      ),
    )
    expect(most).toBe(1)
    expect(fs.readdirSync(lock)).toEqual(["5.free"])
    await take()
  })

  it("names its holder to whoever does not wait", async () => {
    const contend = Effect.gen(function* () {
      yield* Lock.hold(lock, "fliqs run a.yaml")
      return yield* Effect.flip(Effect.scoped(Lock.hold(lock, "fliqs run b.yaml")))
    })
    const error = await run(Effect.scoped(contend))
    expect(error.reason._tag).toBe("Conflict")
    expect(error.message).toContain(`process ${process.pid} on ${hostname()}`)
    expect(error.message).toContain("`fliqs run a.yaml`")
  })

  it("of a dead holder is taken over by exactly one", async () => {
    leave(holder)
    const tries = Array.from({ length: 6 }, () => Effect.exit(Lock.hold(lock, "new")))
    const exits = await run(Effect.scoped(Effect.all(tries, { concurrency: "unbounded" })))
    expect(exits.filter((exit) => exit._tag === "Success")).toHaveLength(1)
    expect(fs.readdirSync(lock)).toEqual(["1.free"])
  })

  const lastLong = { ...holder, pid: process.pid }
  it.each([
    ["whose number another process has by now", lastLong],
    ["of this process that let go and could not say so", { ...lastLong, token: "gone" }],
    ["that an earlier version released", { ...lastLong, processStart: "", released: true }],
  ])("of a holder %s is free", async (_, record) => {
    leave(record)
    await take()
  })

  it("is kept by a holder that lives, with and without its start, on this machine or another", async () => {
    const { pid, start } = Process.self()
    for (const record of [
      { ...holder, pid, processStart: start },
      { ...holder, pid, processStart: "" },
      { ...holder, host: "another" },
    ]) {
      leave(record)
      await expect(take()).rejects.toThrow(/has been running/)
    }
  })

  it("of another machine is free when it was not touched for two minutes", async () => {
    leave({ ...holder, host: "another" })
    const then = Date.now() / 1000 - 121
    fs.utimesSync(join(lock, "0.json"), then, then)
    await take()
  })

  it("of a zombie is free", async () => {
    const { end, pid, start } = await makeZombie()
    leave({ ...holder, pid, processStart: start })
    await take()
    end()
  })
})

describe("a damaged record", () => {
  const whole = Record.encode({ ...holder, pid: process.pid, processStart: "" })
  const flipped = Uint8Array.from(whole)
  flipped[20]! ^= 1
  it.each([
    ["empty", ""],
    ["cut short", whole.subarray(0, 40)],
    ["flipped", flipped],
    ["of a newer version", JSON.stringify({ version: 2 })],
    ["no text", Uint8Array.of(0xff, 0xfe, 0)],
  ])("that is %s frees the lock when nobody touches it", async (_, content) => {
    leave(content)
    const then = Date.now() / 1000 - 121
    fs.utimesSync(join(lock, "0.json"), then, then)
    await take()
    expect(fs.readdirSync(lock)).toEqual(["1.free"])
  })

  it("keeps the lock while its holder touches it, and says so", async () => {
    leave("")
    const file = join(lock, "0.json")
    const touching = setInterval(() => fs.utimesSync(file, new Date(), new Date()), 300)
    await expect(take()).rejects.toThrow(
      /its holder is at work, and .*0\.json is damaged: it is empty/,
    )
    clearInterval(touching)
    expect(fs.readdirSync(lock)).toEqual(["0.json"])
  })
})

describe("what earlier versions left in place of the folder", () => {
  it.each([
    ["nothing", ""],
    ["a dead holder", JSON.stringify({ pid: holder.pid, start: "1" })],
    ["another process of the same number", JSON.stringify({ pid: process.pid, start: "long ago" })],
    ["half a holder", '{"pid":'],
  ])("a file with %s gives way", async (_, text) => {
    fs.writeFileSync(lock, text)
    expect(await run(Effect.succeed("in").pipe(Lock.withLock(lock, "test")))).toBe("in")
    expect(fs.statSync(lock).isDirectory()).toBe(true)
  })

  it("a file of one that lives is waited for", async () => {
    const { pid, start } = Process.self()
    const mine = JSON.stringify({ pid, start })
    fs.writeFileSync(lock, mine)
    await expect(take()).rejects.toThrow(/of an earlier version/)
    const got = await run(
      Effect.void.pipe(Lock.withLock(lock, "test"), Effect.as(true), Effect.timeoutOption(300)),
    )
    expect(got._tag).toBe("None")
    expect(fs.readFileSync(lock, "utf8")).toBe(mine)
  })
})

it("that cannot be made is an error that names it, not a wait", async () => {
  fs.writeFileSync(join(folder, "file"), "")
  await expect(take(join(folder, "file", "lock"))).rejects.toThrow(
    /file\/lock: cannot create: .*ENOTDIR/,
  )
})

it.skipIf(!canMount)("is let go on a disk that is full, or read-only by then", async () => {
  const disk = makeDisk(256)
  const place = join(disk.place, "lock")
  try {
    await run(Effect.sync(disk.fill).pipe(Lock.withLock(place, "fills the disk")))
    await expect(take(place)).rejects.toThrow(/no space is left on the disk \(ENOSPC\)/)
    disk.free()
    await take(place)
    await run(
      Effect.sync(() => disk.setReadOnly(true)).pipe(Lock.withLock(place, "makes it read-only")),
    )
    await expect(take(place)).rejects.toThrow(/the file system is read-only \(EROFS\)/)
    disk.setReadOnly(false)
    await take(place)
  } finally {
    disk.remove()
  }
})
