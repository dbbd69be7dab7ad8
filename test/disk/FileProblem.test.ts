/** What the file system says, in words, for the errors of node and of Effect; from real refusals where they can be had. */
import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem } from "effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { StorageError, storageError } from "../../src/disk/Errors.ts"
import { describe as describeError } from "../../src/disk/FileProblem.ts"
import * as Shortage from "../../src/disk/Shortage.ts"
import { canMount, makeDisk, makeFolder } from "./folder.ts"

let folder: string
beforeAll(() => {
  folder = makeFolder()
  fs.writeFileSync(join(folder, "file"), "")
  fs.symlinkSync("loop", join(folder, "loop"))
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

/** What writing to a path says, by node and by Effect. */
const refusals = async (path: string) => {
  const byNode = (() => {
    try {
      fs.writeFileSync(path, "text")
      return undefined
    } catch (error) {
      return error
    }
  })()
  const write = Effect.flatMap(FileSystem.FileSystem, (files) =>
    Effect.flip(files.writeFileString(path, "text")),
  )
  const byEffect = await Effect.runPromise(Effect.provide(write, NodeServices.layer))
  return [byNode, byEffect]
}

describe("a real refusal", () => {
  it.each([
    ["none/file", "there is no such file or folder (ENOENT)", false],
    ["file/inside", "a part of the path is a file, not a folder (ENOTDIR)", false],
    [".", "it is a folder, not a file (EISDIR)", false],
    ["loop", "its symbolic links lead in a circle (ELOOP)", false],
    ["x".repeat(300), "the path or a name in it is too long (ENAMETOOLONG)", false],
    ["/dev/full", "no space is left on the disk (ENOSPC)", true],
  ])("of %s", async (name, words, passes) => {
    const path = name.startsWith("/") ? name : join(folder, name)
    for (const error of await refusals(path)) {
      // A write of an open file, which /dev/full refuses, knows no path.
      const known = path === "/dev/full" ? {} : { path }
      expect(describeError(error)).toMatchObject({ words, passes, ...known })
      const stored = storageError("write", path)(error)
      expect(stored.message).toBe(`${path}: cannot write: ${words}`)
      expect(stored.passes).toBe(passes)
    }
  })

  it.skipIf(!canMount)("of a full and of a read-only disk", async () => {
    const disk = makeDisk(16)
    try {
      fs.writeFileSync(join(disk.place, "filler"), new Uint8Array(16_384))
      disk.setReadOnly(true)
      for (const error of await refusals(join(disk.place, "file")))
        expect(describeError(error)).toMatchObject({
          words: "the file system is read-only (EROFS)",
          passes: true,
        })
    } finally {
      disk.remove()
    }
  })

  it("of too many open files", () => {
    const module = pathToFileURL(join(import.meta.dirname, "../../src/disk/FileProblem.ts")).href
    const program = `
      import { describe } from ${JSON.stringify(module)}
      import { openSync } from "node:fs"
      try { for (;;) openSync("/dev/null") } catch (error) { console.log(describe(error).words) }`
    const node = [process.execPath, "--no-warnings", "--input-type=module", "-e", program]
    const quoted = node.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ")
    const said = execFileSync("sh", ["-c", `ulimit -n 60; exec ${quoted}`], { encoding: "utf8" })
    expect(said.trim()).toBe("this process has too many files open (EMFILE)")
  })

  it.skipIf(process.getuid?.() === 0)("of permission", async () => {
    const closed = join(folder, "closed")
    fs.mkdirSync(closed, { mode: 0o500 })
    for (const error of await refusals(join(closed, "file")))
      expect(describeError(error).words).toBe("permission is denied (EACCES)")
  })
})

const coded = (code: string, message = code) => Object.assign(new Error(message), { code })

describe("what passes, and what a machine ran out of", () => {
  it.each([
    ["ENOSPC", true, "storage"],
    ["EDQUOT", true, "storage"],
    ["EROFS", true, "storage"],
    ["EMFILE", true, "storage"],
    ["ENFILE", true, "storage"],
    ["EIO", true, "storage"],
    ["ESTALE", true, "storage"],
    ["ENOMEM", true, "outOfMemory"],
    ["EACCES", false, "storage"],
    ["ENOENT", false, "storage"],
    ["ENAMETOOLONG", false, "storage"],
    ["EUNKNOWN", false, undefined],
    ["ERR_ASSERTION", false, undefined],
  ])("%s", (code, passes, shortage) => {
    const error = coded(code)
    const { words, ...described } = describeError(error)
    expect(described.passes).toBe(passes)
    expect(words.endsWith(`(${code})`)).toBe(shortage !== undefined)
    expect(Shortage.of(error)).toBe(shortage)
  })

  it.each([
    ["Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[1,2]", "outOfMemory"],
    ["RESOURCE_EXHAUSTED: failed to allocate memory", "outOfMemory"],
    ["Array buffer allocation failed", "outOfMemory"],
    [
      "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
      "outOfMemory",
    ],
    ["terminate called after throwing an instance of 'std::bad_alloc'", "outOfMemory"],
    ["Worker terminated due to reaching memory limit: JS heap out of memory", "outOfMemory"],
    ["Error: libtensorflow_cc.so.2: failed to map segment from shared object", "outOfMemory"],
    ["npm error nospc ENOSPC: no space left on device, write", "storage"],
    ["dpkg-deb: error: unable to write: No space left on device", "storage"],
    ["libtensorflow.so.2: cannot open shared object file: Too many open files", "storage"],
    ["getaddrinfo EAI_AGAIN registry.example", undefined],
    ["the loss is not finite", undefined],
    ["Cannot read properties of undefined", undefined],
  ])("%s", (words, shortage) => {
    expect(Shortage.ofWords(words)).toBe(shortage)
    expect(Shortage.of(new Error("outer", { cause: new Error(words) }))).toBe(shortage)
  })
})

it("an error that was put into words stays as it is", () => {
  const error = storageError("write", "/a")(coded("ENOSPC"))
  expect(storageError("read", "/b")(error)).toBe(error)
  expect(error).toBeInstanceOf(StorageError)
  expect(error.fix).toBe("make room there")
})
