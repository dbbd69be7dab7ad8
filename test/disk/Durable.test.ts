/** Files that appear whole or not at all, and what killed writers left. */
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Durable from "../../src/disk/Durable.ts"
import { canMount, makeDisk, makeFolder } from "./folder.ts"

let folder: string
beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, NodeServices.layer))
const text = (words: string) => [new TextEncoder().encode(words)]

describe("a file", () => {
  it("is replaced whole, also under the longest name there is, and leaves nothing beside it", async () => {
    for (const name of ["a.json", "x".repeat(255)]) {
      const path = join(folder, name)
      await run(Durable.replace(path, text("old")))
      await run(Durable.replace(path, [...text("new"), ...text("er")], { synced: false }))
      expect(fs.readFileSync(path, "utf8")).toBe("newer")
    }
    expect(fs.readdirSync(folder)).toHaveLength(2)
  })

  it("is created once", async () => {
    const path = join(folder, "a")
    await run(Durable.create(path, text("first")))
    const error = await run(Effect.flip(Durable.create(path, text("second"))))
    expect(error.reason._tag).toBe("Conflict")
    expect(fs.readFileSync(path, "utf8")).toBe("first")
    expect(fs.readdirSync(folder)).toEqual(["a"])
  })

  it.skipIf(!canMount)("keeps its old content on a full disk, with nothing beside it", async () => {
    const disk = makeDisk(256)
    try {
      const path = join(disk.place, "a")
      await run(Durable.replace(path, text("old")))
      disk.fill()
      const error = await run(Effect.flip(Durable.replace(path, [new Uint8Array(100_000)])))
      expect(error.message).toBe(`${path}: cannot write: no space is left on the disk (ENOSPC)`)
      expect(fs.readFileSync(path, "utf8")).toBe("old")
      expect(fs.readdirSync(disk.place).sort()).toEqual(["a", "filler"])
    } finally {
      disk.remove()
    }
  })

  it("is set aside under the first free number, a folder too", async () => {
    const file = join(folder, "result.json")
    const trial = join(folder, "0123456789abcdef")
    const asides: Array<string> = []
    for (const words of ["one", "two"]) {
      fs.writeFileSync(file, words)
      fs.mkdirSync(trial)
      asides.push(await run(Durable.setAside(file)), await run(Durable.setAside(trial)))
    }
    expect(asides).toEqual([
      join(folder, "result.1.json"),
      `${trial}.1`,
      join(folder, "result.2.json"),
      `${trial}.2`,
    ])
    expect(fs.readFileSync(asides[0]!, "utf8")).toBe("one")
  })
})

describe("what killed writers left", () => {
  const uuid = "2f1f6b52-7d3e-4a7a-9a53-0f1c6a5f9d11"
  const ours = [".fliqs-0123456789abcdef.tmp", `result.json.${uuid}.tmp`, "heartbeat.json.3.tmp"]
  const others = ["mine.tmp", ".fliqs.tmp", "data.12.tmp", `${uuid}.tmp`, "result.json"]
  const age = (name: string, seconds: number) => {
    const then = Date.now() / 1000 - seconds
    fs.writeFileSync(join(folder, name), "")
    fs.utimesSync(join(folder, name), then, then)
  }

  it("goes after an hour, and nothing else does", async () => {
    for (const name of [...ours, ...others]) age(name, 3700)
    await run(Durable.sweep(folder, "stale"))
    expect(fs.readdirSync(folder).sort()).toEqual([...others].sort())
    for (const name of ours) age(name, 3500)
    await run(Durable.sweep(folder, "stale"))
    expect(fs.readdirSync(folder)).toHaveLength(ours.length + others.length)
    await run(Durable.sweep(folder, "all"))
    expect(fs.readdirSync(folder).sort()).toEqual([...others].sort())
  })

  it("of a folder that is missing, or that is a file, is nothing", async () => {
    await run(Durable.sweep(join(folder, "none"), "all"))
    fs.writeFileSync(join(folder, "file"), "")
    await run(Durable.sweep(join(folder, "file"), "all"))
    expect(fs.readdirSync(folder)).toEqual(["file"])
  })
})
