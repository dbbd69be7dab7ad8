/** Temporary files where TMPDIR says, and elsewhere when that cannot be used. */
import * as fs from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { StorageError } from "../../src/disk/Errors.ts"
import * as Temporary from "../../src/disk/Temporary.ts"
import { canMount, makeDisk, makeFolder } from "./folder.ts"

let folder: string
let cache: string
beforeEach(() => {
  folder = makeFolder()
  cache = join(folder, "cache", "tmp")
  Temporary.alsoUse([cache])
})
afterEach(() => {
  vi.unstubAllEnvs()
  fs.rmSync(folder, { recursive: true, force: true })
})

/** Where a kilobyte was written; all is gone afterwards. */
const used = (): string =>
  Temporary.within((made) => {
    fs.writeFileSync(join(made, "file"), new Uint8Array(1024))
    return join(made, "..")
  })

describe("temporary files", () => {
  it("go to TMPDIR and leave nothing there", () => {
    vi.stubEnv("TMPDIR", folder)
    expect(used()).toBe(folder)
    expect(Temporary.find()).toEqual({ folder, problem: "" })
    expect(fs.readdirSync(folder)).toEqual([])
  })

  const missing = () => join(folder, "none")
  const file = () => {
    fs.writeFileSync(join(folder, "file"), "")
    return join(folder, "file")
  }
  const loop = () => {
    fs.symlinkSync("loop", join(folder, "loop"))
    return join(folder, "loop")
  }
  it.each([
    ["missing", missing, "there is no such file or folder (ENOENT)"],
    ["a file", file, "a part of the path is a file, not a folder (ENOTDIR)"],
    ["a loop of links", loop, "its symbolic links lead in a circle (ELOOP)"],
    ["of the kernel", () => "/proc/self", ""],
  ])("go to the cache when TMPDIR is %s", (_, make, words) => {
    const place = make()
    vi.stubEnv("TMPDIR", place)
    expect(used()).toBe(cache)
    const found = Temporary.find()
    expect(found.folder).toBe(cache)
    expect(found.problem).toContain(`TMPDIR=${place}: ${words}`)
    expect(fs.readdirSync(cache)).toEqual([])
  })

  it.skipIf(!canMount).each(["full", "read-only"])(
    "go to the cache when the disk of TMPDIR is %s",
    (what) => {
      const disk = makeDisk(64)
      try {
        vi.stubEnv("TMPDIR", disk.place)
        if (what === "full") disk.fill()
        else disk.setReadOnly(true)
        expect(used()).toBe(cache)
        expect(Temporary.find().problem).toMatch(/\((ENOSPC|EROFS)\)/)
      } finally {
        disk.remove()
      }
    },
  )

  it("that fit nowhere are an error that names every place", () => {
    vi.stubEnv("TMPDIR", join(folder, "none"))
    const refuse = () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
    }
    const caught = (() => {
      try {
        return Temporary.within(refuse)
      } catch (error) {
        return error
      }
    })() as StorageError
    expect(caught).toBeInstanceOf(StorageError)
    expect(caught.message).toContain(`TMPDIR=${join(folder, "none")}: cannot write temporary files`)
    expect(caught.message).toContain(`${cache}: no space is left on the disk (ENOSPC)`)
    expect(caught.passes).toBe(true)
    expect(caught.fix).toContain("TMPDIR")
  })

  it("pass on what is no error of the disk", () => {
    vi.stubEnv("TMPDIR", folder)
    const fail = () => {
      throw new RangeError("mine")
    }
    expect(() => Temporary.within(fail)).toThrow(RangeError)
    expect(fs.readdirSync(folder)).toEqual([])
  })

  it("of processes that were killed go after an hour", () => {
    vi.stubEnv("TMPDIR", folder)
    const old = join(folder, "fliqs-tmp-old")
    const fresh = join(folder, "fliqs-tmp-new")
    const foreign = join(folder, "other-old")
    for (const path of [old, fresh, foreign]) {
      fs.mkdirSync(path)
      fs.writeFileSync(join(path, "part"), "")
    }
    const then = Date.now() / 1000 - 3700
    for (const path of [old, foreign]) fs.utimesSync(path, then, then)
    expect(used()).toBe(folder)
    expect(fs.readdirSync(folder).sort()).toEqual(["fliqs-tmp-new", "other-old"])
  })
})
