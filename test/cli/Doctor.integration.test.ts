/**
 * `doctor` on a machine where one thing is broken after the other: it is found, the fix that is named is carried out as
 * it stands, and then it is gone. In a copy of this checkout with a cache of its own, whose large parts are links to
 * those of this one; what would be fetched from a registry is linked again.
 */
import { spawnSync } from "node:child_process"
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { cacheDirectory } from "../../src/disk/Installation.ts"
import * as Parts from "../../src/tensor/Parts.ts"
import * as ServerInstallation from "../../src/track/ServerInstallation.ts"

const repository = resolve(import.meta.dirname, "../..")
const minute = 60_000

let folder: string
let checkout: string
let cache: string
let bin: string

const on = (path: string) =>
  (process.env["PATH"] ?? "")
    .split(":")
    .map((entry) => join(entry, path))
    .find((file) => existsSync(file))!

const script = (name: string, body: string) =>
  writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })

/** `node_modules` of links, as npm would fill it. */
const linkPackages = `mkdir -p node_modules/@tensorflow && cd '${repository}/node_modules' &&
for name in .package-lock.json *; do
  [ "$name" = @tensorflow ] || ln -s "$PWD/$name" "$1/node_modules/$name"
done &&
for name in @tensorflow/*; do ln -s "$PWD/$name" "$1/node_modules/$name"; done`

interface Finding {
  readonly name: string
  readonly state: "ok" | "warning" | "problem"
  readonly found: string
  readonly fix?: string
}

type Environment = Readonly<Record<string, string>>

const environment = (more: Environment): NodeJS.ProcessEnv => {
  const {
    FLIQS_PACKAGES: _,
    NODE_OPTIONS: _options,
    TF_ENABLE_ONEDNN_OPTS: _on,
    ...rest
  } = process.env
  return { ...rest, FLIQS_CACHE: cache, NO_COLOR: "1", PATH: `${bin}:${rest["PATH"]}`, ...more }
}

const shell = (command: string, more: Environment) =>
  spawnSync("/bin/sh", ["-c", command], {
    cwd: folder,
    encoding: "utf8",
    env: environment(more),
  })

const examine = (more: Environment = {}) => {
  const { stdout, stderr } = shell(`'${checkout}/fliqs' doctor --json`, more)
  if (stdout === "") throw new Error(stderr)
  const findings = JSON.parse(stdout) as ReadonlyArray<Finding>
  return (name: string) => findings.find((finding) => finding.name === name)!
}

const here = () => {
  const { version } = JSON.parse(
    // The package is the same, only its place is not.
    spawnSync("cat", [Parts.parts().tfjs], { encoding: "utf8" }).stdout,
  ) as { version: string }
  return {
    tensorflow: join(cache, `tensorflow-${Parts.tensorflowVersion}`),
    addon: join(cache, `tensorflow-${Parts.tensorflowVersion}`, `tfjs-${version}.node`),
    native: Parts.parts().files.native.replace(cacheDirectory(), cache),
    mlflow: join(cache, `mlflow-${ServerInstallation.version}`),
  }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fliqs-examined-"))
  checkout = join(folder, "check out")
  cache = join(folder, "cache")
  bin = join(folder, "bin")
  for (const made of [cache, bin]) mkdirSync(made)
  for (const name of ["fliqs", "src", "scripts", "native", "package.json", "package-lock.json"])
    cpSync(join(repository, name), join(checkout, name), { recursive: true })
  for (const name of readdirSync(cacheDirectory()))
    if (name.startsWith("node-")) symlinkSync(join(cacheDirectory(), name), join(cache, name))
  script("npm", `[ "$1" = install ] || exec '${on("npm")}' "$@"\nset -- "$PWD"\n${linkPackages}`)
  // The wheel is not fetched, and what is unpacked is what this checkout has.
  const tensorflow = join(cacheDirectory(), `tensorflow-${Parts.tensorflowVersion}`)
  const python = on("python3")
  script(
    "python3",
    `case "$*" in
*"pip download"*) while [ $# -gt 0 ]; do [ "$1" != -d ] || { mkdir -p "$2"; : >"$2/tensorflow.whl"; }; shift; done ;;
*unpack-tensorflow.py*) for last; do :; done; mkdir -p "$last/lib"; ln -s '${tensorflow}/include' "$last/include"
  for file in '${tensorflow}'/lib/*; do cp -P "$file" "$last/lib/" 2>/dev/null; done ;;
*) exec '${python}' "$@" ;;
esac`,
  )
  script("strip", "exit 1")
  const { status, stderr } = shell(`sh '${checkout}/scripts/setup.sh' tensors`, {})
  if (status !== 0) throw new Error(stderr)
}, 5 * minute)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("doctor, where all is well", () => {
  it("has no problem, and says what bits depend on", () => {
    const finding = examine()
    for (const name of ["node", "tensors", "processor", "threads", "state"])
      expect(finding(name)).toMatchObject({ state: "ok" })
    expect(finding("processor").found).toContain("oneDNN on")
    expect(examine({ TF_ENABLE_ONEDNN_OPTS: "0" })("processor").found).toContain(
      "oneDNN off (TF_ENABLE_ONEDNN_OPTS)",
    )
  })

  it("is started with the right Node, whatever comes first in PATH", () => {
    script("node", "echo false")
    expect(examine()("node")).toMatchObject({
      state: "ok",
      found: expect.stringMatching(/^v22\./),
    })
    rmSync(join(bin, "node"))
  })
})

const truncate = (file: string) => {
  rmSync(file)
  writeFileSync(file, "\u007fELF")
}

describe("doctor names a fix that fixes", () => {
  it.each<readonly [what: string, destroy: () => void, found: RegExp]>([
    [
      "TensorFlow is gone",
      () => rmSync(join(here().tensorflow, "lib"), { recursive: true }),
      /not set up: TensorFlow/,
    ],
    ["the addon is gone", () => rmSync(here().addon), /not set up: the addon/],
    ["the kernels are gone", () => rmSync(here().native), /not set up: the fused kernels/],
    [
      "the kernels are of other sources",
      () => appendFileSync(join(checkout, "native/rounding.h"), "// changed\n"),
      /not set up: the fused kernels/,
    ],
    [
      "everything is gone",
      () => {
        rmSync(here().tensorflow, { recursive: true })
        for (const name of readdirSync(cache))
          if (name.startsWith("native-")) rmSync(join(cache, name), { recursive: true })
      },
      /not set up: TensorFlow .*, the addon.*, the fused kernels/,
    ],
    ["the addon is damaged", () => truncate(here().addon), /cannot be loaded/],
    [
      "a library of TensorFlow is damaged",
      () => truncate(join(here().tensorflow, "lib/libtensorflow_framework.so.2")),
      /cannot be loaded|ends the process/,
    ],
    [
      "the npm package of TensorFlow is gone",
      () => rmSync(join(checkout, "node_modules/@tensorflow/tfjs-node")),
      /npm package of TensorFlow is not installed/,
    ],
  ])("where %s", (_, destroy, found) => {
    destroy()
    const before = examine()("tensors")
    expect(before).toMatchObject({ state: "problem", found: expect.stringMatching(found) })
    expect(before.fix).not.toContain("fliqs doctor")
    const { status, stderr } = shell(before.fix!, {})
    expect([status, stderr]).toEqual([0, expect.stringContaining("fliqs set-up")])
    expect(examine()("tensors")).toMatchObject({ state: "ok" })
  })

  it("where all packages are gone: they are installed before it begins", () => {
    rmSync(join(checkout, "node_modules"), { recursive: true })
    expect(examine()("tensors")).toMatchObject({ state: "ok" })
  })

  it("where a variable has a value that TensorFlow would pass over", () => {
    const finding = examine({ TF_ENABLE_ONEDNN_OPTS: "yes" })("tensors")
    expect(finding).toMatchObject({
      state: "problem",
      found: "TF_ENABLE_ONEDNN_OPTS=yes: 1 or 0 would be right",
      fix: "set the variable as said, or unset it",
    })
    expect(examine({ TF_ENABLE_ONEDNN_OPTS: "1" })("tensors").state).toBe("ok")
  })

  it("where a compiler is missing too: that first, as it is said", () => {
    rmSync(here().addon)
    const compiler = realpathSync(on("g++"))
    // A PATH without any compiler: links to everything else.
    const without = join(folder, "without")
    mkdirSync(without)
    for (const entry of [bin, ...process.env["PATH"]!.split(":")])
      for (const name of existsSync(entry) ? readdirSync(entry) : [])
        if (!/^(g\+\+|c\+\+|clang\+\+)/.test(name) && !existsSync(join(without, name)))
          try {
            symlinkSync(join(entry, name), join(without, name))
          } catch {
            // There is a broken link of this name.
          }
    const finding = examine({ PATH: without })("tensors")
    expect(finding.fix).toContain("no C++ compiler")
    expect(finding.fix).toContain("apt install g++")
    expect(finding.fix).toContain("let CXX name a compiler")
    const command = finding.fix!.split(" Then: ")[1]!
    expect(shell(command, { PATH: without }).status).toBe(3)
    expect(shell(command, { PATH: without, CXX: compiler }).status).toBe(0)
    expect(examine({ PATH: without })("tensors").state).toBe("ok")
  })

  it("where the local MLflow is damaged", () => {
    const real = join(cacheDirectory(), `mlflow-${ServerInstallation.version}`)
    if (!existsSync(join(real, "ready"))) return
    // A Python that lacks what the server imports.
    mkdirSync(join(here().mlflow, "bin"), { recursive: true })
    symlinkSync(on("python3"), join(here().mlflow, "bin/python"))
    writeFileSync(join(here().mlflow, "ready"), "")
    const before = examine()("mlflow")
    expect(before).toMatchObject({
      state: "problem",
      found: expect.stringMatching(/installed and damaged: ModuleNotFoundError/),
    })
    const { status, stderr } = shell(before.fix!, {})
    expect([status, stderr]).toEqual([0, expect.stringContaining("MLflow is there")])
    expect(examine()("mlflow")).toMatchObject({ state: "ok" })
  })

  it("where no Python can run MLflow", () => {
    rmSync(here().mlflow, { recursive: true, force: true })
    script("python3.14", "exit 1")
    const pythons = ["python3.13", "python3.12", "python3.11", "python3.10", "python"]
    for (const name of pythons) script(name, "exit 1")
    const python = on("python3")
    const body = `case "$*" in *ensurepip*) exit 1 ;; esac\nexec '${python}' "$@"`
    const kept = spawnSync("cat", [join(bin, "python3")], { encoding: "utf8" }).stdout
    script("python3", body)
    const finding = examine()("mlflow")
    expect(finding).toMatchObject({
      state: "warning",
      found: expect.stringContaining("no Python 3.10"),
      fix: expect.stringContaining("FLIQS_PYTHON"),
    })
    expect(examine({ FLIQS_PYTHON: python })("mlflow").state).toBe("ok")
    for (const name of [...pythons, "python3.14"]) rmSync(join(bin, name))
    writeFileSync(join(bin, "python3"), kept, { mode: 0o755 })
  })
})
