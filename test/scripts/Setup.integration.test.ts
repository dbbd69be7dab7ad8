/**
 * The launcher and the set-up, as far as they can be tested without setting anything up: syntax, which command needs
 * what, and what is said on a machine that lacks something. Each case runs the real scripts in a copy of the checkout's
 * scripts, with a PATH that holds only what is named.
 */
import { spawnSync } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { tensorflowVersion } from "../../src/tensor/Parts.ts"

const repository = resolve(import.meta.dirname, "../..")
const readyScript = join(repository, "scripts/ready.sh")
const basics =
  "sh env cat sed grep tail date mkdir rm mv cp ln readlink dirname cut sha256sum df awk uname getconf sleep flock".split(
    " ",
  )

let folder: string
let root: string

/** A folder for PATH with the basic tools and the named ones, as links to where this machine has them. */
const pathWith = (...tools: ReadonlyArray<string>): string => {
  const bin = mkdtempSync(join(folder, "bin-"))
  for (const tool of [...basics, ...tools]) {
    const found = (process.env["PATH"] ?? "")
      .split(":")
      .map((entry) => join(entry, tool))
      .find((file) => existsSync(file))
    if (found !== undefined) symlinkSync(found, join(bin, tool))
  }
  return bin
}

/** An executable of that name in the folder. */
const stub = (bin: string, name: string, body: string): void => {
  rmSync(join(bin, name), { force: true })
  writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
}

const sh = (bin: string, file: string, ...args: ReadonlyArray<string>) =>
  spawnSync("/bin/sh", [file, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: bin, HOME: folder },
  })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fliqs set-up "))
  root = join(folder, "check out")
  mkdirSync(join(root, "src/cli"), { recursive: true })
  cpSync(join(repository, "scripts"), join(root, "scripts"), { recursive: true })
  cpSync(join(repository, "fliqs"), join(root, "fliqs"))
  writeFileSync(
    join(root, "src/cli/main.ts"),
    "console.log(JSON.stringify({ argv: process.argv.slice(2), cache: process.env.FLIQS_CACHE }))",
  )
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe("shell files", () => {
  it.each([
    "fliqs",
    ".ci/run",
    "scripts/setup.sh",
    "scripts/ready.sh",
    "scripts/test.sh",
    "scripts/check.sh",
    "scripts/with-node.sh",
  ])("%s is POSIX sh that parses", (file) => {
    expect(spawnSync("/bin/sh", ["-n", file], { cwd: repository, encoding: "utf8" })).toMatchObject(
      { status: 0, stderr: "" },
    )
  })

  it("names the same TensorFlow everywhere", () => {
    const text = (file: string) => readFileSync(join(repository, file), "utf8")
    const version = /^tensorflow=(.+)$/m.exec(text("scripts/setup.sh"))?.[1]
    expect(version).toMatch(/^\d+\.\d+\.\d+$/)
    expect(text("scripts/tensorflow-requirements.txt")).toContain(`tensorflow_cpu==${version} `)
    expect(tensorflowVersion).toBe(version)
    expect(text("scripts/mlflow-requirements.txt")).toContain(
      `\nmlflow==${/^mlflow=(.+)$/m.exec(text("scripts/setup.sh"))?.[1]}\n`,
    )
  })

  it("pins every package of the MLflow server", () => {
    const lines = readFileSync(join(repository, "scripts/mlflow-requirements.txt"), "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
    expect(lines.length).toBeGreaterThan(60)
    for (const line of lines)
      expect(line).toMatch(/^[\w.-]+==[\w.]+( ; python_version (<|>=) "3\.11")?$/)
  })
})

/** Runs a function of ready.sh for the copy of the checkout; what it exports counts. */
const ask = (script: string, environment: Readonly<Record<string, string>> = {}, cwd = folder) =>
  spawnSync("/bin/sh", ["-c", `root=$1; . "$0"; cache_of; ${script}`, readyScript, root], {
    cwd,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], ...environment },
  })

describe("what a set was made of", () => {
  const put = (file: string, text = "") => {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  const isReady = () => ask("is_ready tensors").status === 0

  it.each([
    ["native/kernel.cc", "another"],
    ["native/rule.h", "another"],
    ["package-lock.json", "{}"],
    ["scripts/setup.sh", "#"],
    ["scripts/node/package.json", "{}"],
  ])("is looked at anew when %s changed", (changed, text) => {
    put("native/kernel.cc")
    put("native/rule.h")
    const stamp = () => {
      const key = ask("stamp_of tensors; echo $key").stdout.trim()
      put(`.cache/ready${root}/stamp-tensors`, `${key}\n/bin/sh\ninstalled\nnative-1/kernels\n`)
    }
    put(".cache/native-1/kernels")
    stamp()
    expect(isReady()).toBe(true)
    put(changed, text)
    expect(isReady()).toBe(false)
    stamp()
    expect(isReady()).toBe(true)
    rmSync(join(root, ".cache/native-1"), { recursive: true })
    expect(isReady()).toBe(false)
  })

  it("is not taken from another checkout of the same cache", () => {
    const key = ask("stamp_of tensors; echo $key").stdout.trim()
    put(`.cache/ready/elsewhere/stamp-tensors`, `${key}\n/bin/sh\ninstalled\n`)
    expect(isReady()).toBe(false)
  })

  it("all count in the name of what they are compiled to", () => {
    const hash = /^ *hash=.*$/m.exec(readFileSync(join(root, "scripts/setup.sh"), "utf8"))![0]
    const nameOf = (text: string) => {
      for (const name of ["kernel.cc", "rule.h"]) {
        mkdirSync(join(root, "native"), { recursive: true })
        writeFileSync(join(root, "native", name), name === "rule.h" ? text : "")
      }
      return spawnSync("/bin/sh", ["-c", `${hash}; echo "$hash"`], { cwd: root, encoding: "utf8" })
        .stdout
    }
    expect(nameOf("one")).toMatch(/^[0-9a-f]{12}\n$/)
    expect(nameOf("one")).not.toBe(nameOf("another"))
  })
})

describe("which steps a command needs", () => {
  const cases: ReadonlyArray<readonly [line: string, set: string]> = [
    ["", "base"],
    ["--help", "base"],
    ["--version", "base"],
    ["validate a.yaml", "base"],
    ["plan run.yaml", "base"],
    ["cost spaces/run", "base"],
    ["format round INT4", "base"],
    ["list", "base"],
    ["show run", "base"],
    ["data pull cifar10", "base"],
    ["doctor", "base"],
    ["nonsense", "base"],
    ["run a.yaml", "base"],
    ["run a.yaml --set x=trial", "base"],
    ["--log-level debug trial", "tensors"],
    ["run --help", "base"],
    ["trial --id 1 --state s", "tensors"],
    ["latency s.yaml", "tensors"],
    ["export t --to onnx", "tensors"],
    ["-- run", "base"],
  ]
  it.each(cases)("fliqs %s: %s", (line, set) => {
    const { stdout } = spawnSync(
      "/bin/sh",
      ["-c", `root=\${0%/scripts/*}; . "$0" && needs "$@"`, readyScript, ...line.split(" ")],
      { encoding: "utf8" },
    )
    expect(stdout.trim()).toBe(set)
  })
})

describe("a machine that lacks something", () => {
  const suitable = () => {
    const bin = pathWith("npm", "strip")
    symlinkSync(process.execPath, join(bin, "node"))
    return bin
  }

  it("names npm when no Node will do", () => {
    const { status, stdout, stderr } = sh(pathWith(), join(root, "fliqs"), "plan", "x")
    expect(stderr).toContain("npm is missing")
    expect(stderr).toContain("apt install nodejs npm")
    expect([status, stdout]).toEqual([3, ""])
  })

  it("names pip and the compiler at once, before any download", () => {
    const { status, stderr } = sh(suitable(), join(root, "scripts/setup.sh"), "tensors")
    expect(stderr).toContain("tensorflow: no pip")
    expect(stderr).toContain("apt install python3-pip")
    expect(stderr).toContain("addon: no C++ compiler")
    expect(stderr).toContain("apt install g++")
    expect(stderr).not.toContain("fetching")
    expect(status).toBe(3)
  })

  it("says where training runs when this is not there", () => {
    const bin = suitable()
    stub(bin, "uname", "case $1 in -s) echo Linux ;; *) echo aarch64 ;; esac")
    const { status, stderr } = sh(bin, join(root, "scripts/setup.sh"), "tensors")
    expect(stderr).toContain("x86-64 with glibc 2.27 or newer only (this is Linux-aarch64)")
    expect(stderr).toContain("validate, plan, cost")
    expect(status).toBe(3)
  })

  it("has its own exit code when no Python can run MLflow", () => {
    const { status, stderr } = sh(pathWith(), join(root, "scripts/setup.sh"), "mlflow")
    expect(stderr).toContain("mlflow: no Python 3.10")
    expect(stderr).toContain("MLFLOW_TRACKING_URI")
    expect(status).toBe(4)
  })

  it("names a full disk with both figures", () => {
    const bin = suitable()
    stub(bin, "df", "echo head\necho disk 1 1 51200 1% /")
    stub(bin, "g++", "exit 0")
    stub(bin, "python3", "exit 0")
    const { status, stderr } = sh(bin, join(root, "scripts/setup.sh"), "tensors")
    expect(stderr).toMatch(/needs 1500 MB of free disk, .*check out\/\.cache has 50 MB/)
    expect(stderr).toContain("FLIQS_CACHE")
    expect(status).toBe(3)
  })

  it.each([
    ["npm error code ENOTFOUND", "check the network"],
    ["npm error code EINTEGRITY", "not what this release pins"],
    ["npm error ENOSPC: no space left on device", "The disk is full"],
    ["npm error code EACCES", "cannot be written"],
    ["npm error something else", "npm ping"],
  ])("tells the fix by npm's words: %s", (words, fix) => {
    writeFileSync(
      join(root, "package-lock.json"),
      JSON.stringify({ packages: { "": {}, "node_modules/a": {} } }),
    )
    const bin = suitable()
    stub(bin, "npm", `echo '${words}' >&2; exit 1`)
    const { status, stdout, stderr } = sh(bin, join(root, "fliqs"), "plan")
    expect(stderr).toContain(words)
    expect(stderr).toContain(fix)
    expect(stderr).toContain("run the same command again")
    expect([status, stdout]).toEqual([3, ""])
  })

  it("refuses an unknown step", () => {
    expect(sh(suitable(), join(root, "scripts/setup.sh"), "tensor")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("unknown step tensor"),
    })
  })
})

describe("a machine that is ready", () => {
  /** A PATH where npm installs the one package of the lock file and counts its calls. */
  const installing = () => {
    const packages = { "": {}, "node_modules/a": { version: "1.0.0", integrity: "sha512-a" } }
    writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }))
    const bin = pathWith()
    symlinkSync(process.execPath, join(bin, "node"))
    stub(
      bin,
      "npm",
      `echo call >>"${folder}/calls"; mkdir -p node_modules/a; cp package-lock.json node_modules/.package-lock.json`,
    )
    return bin
  }
  const calls = () => readFileSync(join(folder, "calls"), "utf8").trim().split("\n").length

  it("sets up once, then says nothing and passes the arguments on as they are", () => {
    const bin = installing()
    const first = sh(bin, join(root, "fliqs"), "plan", "a b", "")
    expect(first.stderr).toContain("npm packages are there")
    const second = sh(bin, join(root, "fliqs"), "plan", "a b", "")
    expect(second.stderr).toBe("")
    for (const { status, stdout } of [first, second]) {
      expect(status).toBe(0)
      expect(JSON.parse(stdout)).toEqual({ argv: ["plan", "a b", ""], cache: join(root, ".cache") })
    }
    expect(calls()).toBe(1)
  })

  it("is found through links, from anywhere, and with another cache", () => {
    const bin = installing()
    symlinkSync(join(root, "fliqs"), join(folder, "one"))
    symlinkSync("one", join(folder, "two"))
    const { stdout } = spawnSync("/bin/sh", [join(folder, "two"), "list"], {
      cwd: "/",
      encoding: "utf8",
      env: { PATH: bin, HOME: "", FLIQS_CACHE: join(folder, "an other cache") },
    })
    expect(JSON.parse(stdout)).toEqual({ argv: ["list"], cache: join(folder, "an other cache") })
  })

  it.each([
    ["absolute", () => join(folder, "the cache")],
    ["relative", () => "../the cache"],
    ["with ..", () => `${folder}/check out/../the cache`],
    ["with a slash at its end", () => `${folder}/the cache/`],
    ["with double slashes and .", () => `${folder}//./the cache`],
    ["through a link", () => join(folder, "link")],
    ["relative, through a link", () => "../link/../the cache/."],
  ])("knows its cache under a spelling that is %s", (_, spelling) => {
    const bin = installing()
    symlinkSync(join(folder, "the cache"), join(folder, "link"))
    const list = (cache: string) =>
      spawnSync("/bin/sh", [join(root, "fliqs"), "list"], {
        cwd: root,
        encoding: "utf8",
        timeout: 15_000,
        env: { PATH: bin, HOME: folder, FLIQS_CACHE: cache },
      })
    mkdirSync(join(folder, "the cache"))
    expect(list(join(folder, "the cache")).status).toBe(0)
    const { stderr, stdout } = list(spelling())
    expect(stderr).toBe("")
    expect(JSON.parse(stdout)).toMatchObject({ cache: join(folder, "the cache") })
    expect(calls()).toBe(1)
    expect(existsSync(join(root, ".cache"))).toBe(false)
  })

  it("may share a cache with another checkout that has other packages", () => {
    const bin = installing()
    const other = join(folder, "other")
    cpSync(root, other, { recursive: true })
    writeFileSync(join(other, "package-lock.json"), JSON.stringify({ packages: { "": {} } }))
    const list = (checkout: string) =>
      spawnSync("/bin/sh", [join(checkout, "fliqs"), "list"], {
        cwd: folder,
        encoding: "utf8",
        env: { PATH: bin, HOME: folder, FLIQS_CACHE: "cache" },
      })
    for (let round = 0; round < 2; round++)
      for (const checkout of [root, other])
        expect([list(checkout).status, list(checkout).stderr]).toEqual([0, ""])
    expect(calls()).toBe(2)
  })

  it("sets up anew when packages are gone, half there, or others are asked for", () => {
    const bin = installing()
    const run = () => sh(bin, join(root, "fliqs"), "list").status
    expect(run()).toBe(0)
    rmSync(join(root, "node_modules"), { recursive: true })
    expect([run(), calls()]).toEqual([0, 2])

    rmSync(join(root, "node_modules/.package-lock.json"))
    writeFileSync(join(root, "node_modules/half"), "")
    expect([run(), calls()]).toEqual([0, 3])
    expect(existsSync(join(root, "node_modules/half"))).toBe(false)

    const packages = { "": {}, "node_modules/a": { version: "2.0.0", integrity: "sha512-b" } }
    writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }))
    const later = new Date(Date.now() + 5000)
    utimesSync(join(root, "package-lock.json"), later, later)
    expect([run(), calls()]).toEqual([0, 4])
  })

  it("does without an optional package for another platform, not without its own", () => {
    const bin = installing()
    const other = { optional: true, os: ["plan9"], integrity: "sha512-o" }
    const write = (extra: object) =>
      writeFileSync(
        join(root, "package-lock.json"),
        JSON.stringify({ packages: { "": {}, "node_modules/a": {}, "node_modules/o": extra } }),
      )
    stub(
      bin,
      "npm",
      `mkdir -p node_modules/a; echo '{ "packages": { "node_modules/a": {} } }' >node_modules/.package-lock.json`,
    )
    write(other)
    expect(sh(bin, join(root, "fliqs"), "list").status).toBe(0)
    write({ ...other, os: [process.platform] })
    const later = new Date(Date.now() + 5000)
    utimesSync(join(root, "package-lock.json"), later, later)
    const { status, stderr } = sh(bin, join(root, "fliqs"), "list")
    expect([status, stderr]).toEqual([
      3,
      expect.stringContaining("does not hold what package-lock.json"),
    ])
  })

  it("takes over the lock of a set-up that is gone, where flock is missing", () => {
    const bin = installing()
    rmSync(join(bin, "flock"), { force: true })
    const lock = join(root, ".cache/setup.lock.d")
    mkdirSync(lock, { recursive: true })
    const gone = spawnSync("/bin/true").pid
    writeFileSync(join(lock, "pid"), `${gone}\n`)
    expect(sh(bin, join(root, "fliqs"), "list").status).toBe(0)
    expect(existsSync(lock)).toBe(false)
  })
})
