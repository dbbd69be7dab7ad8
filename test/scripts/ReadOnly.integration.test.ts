/**
 * A checkout that cannot be written, with a cache that can: set up, validated, run, examined, and nothing written beside
 * it. The large parts are those of this checkout's cache; the packages are installed anew unless they are the same.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { cacheDirectory } from "../../src/disk/Installation.ts"
import { experiment, space } from "../cli/fliqs.ts"

const repository = resolve(import.meta.dirname, "../..")
const minute = 60_000

/** Root writes what it likes: for it the checkout is mounted so that nobody can. */
const isRoot = process.getuid?.() === 0
const mountScript = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
const canMount = (): boolean => {
  const folder = mkdtempSync(join(tmpdir(), "fliqs-mount-"))
  const script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && ! [ -w "$0" ]'
  const { status } = spawnSync("unshare", ["--mount", "sh", "-c", script, folder])
  rmSync(folder, { recursive: true })
  return status === 0
}

let folder: string
let checkout: string
let cache: string
let work: string

const chmodAll = (path: string, mode: (before: number) => number): void => {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
    if (!entry.isSymbolicLink()) {
      const file = join(entry.parentPath, entry.name)
      chmodSync(file, mode(entry.isDirectory() ? 0o755 : 0o644))
    }
  chmodSync(path, mode(0o755))
}

const fliqs = (
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
) => {
  const command = ["sh", join(checkout, "fliqs"), ...words]
  const { FLIQS_PACKAGES: _, NODE_OPTIONS: _options, ...rest } = process.env
  return spawnSync(
    isRoot ? "unshare" : command[0]!,
    isRoot ? ["--mount", "sh", "-c", mountScript, checkout, ...command] : command.slice(1),
    {
      cwd: work,
      encoding: "utf8",
      env: { ...rest, FLIQS_CACHE: cache, NO_COLOR: "1", ...environment },
    },
  )
}

/** Every file of the checkout with its size. */
const listing = (): ReadonlyArray<string> =>
  readdirSync(checkout, { recursive: true, encoding: "utf8" }).sort()

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fliqs read-only "))
  checkout = join(folder, "check out #1")
  cache = join(folder, "a cache")
  work = join(folder, "work")
  for (const made of [cache, work]) mkdirSync(made)
  for (const name of [
    "fliqs",
    "src",
    "scripts",
    "native",
    "schemas",
    "package.json",
    "package-lock.json",
  ])
    cpSync(join(repository, name), join(checkout, name), { recursive: true })
  // What is fetched and compiled from the same sources is the same.
  for (const name of readdirSync(cacheDirectory()))
    if (/^(node|tensorflow|native|mlflow)-/.test(name))
      symlinkSync(join(cacheDirectory(), name), join(cache, name))
  const lock = readFileSync(join(checkout, "package-lock.json"))
  const digest = createHash("sha256").update(lock).digest("hex").slice(0, 12)
  const packages = join(cache, `packages-${digest}`, "node_modules")
  mkdirSync(dirname(packages))
  symlinkSync(join(repository, "node_modules"), packages)
  writeFileSync(join(work, "space.yaml"), space.replace("INT2", "INT3"))
  writeFileSync(join(work, "experiment.yaml"), experiment.replace("steps: 300", "steps: 20"))
  if (!isRoot) chmodAll(checkout, (mode) => mode & ~0o222)
})
afterAll(() => {
  if (!isRoot) chmodAll(checkout, (mode) => mode)
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(isRoot && !canMount())("a checkout that cannot be written", () => {
  it(
    "validates, trains and is examined, with everything in the cache",
    () => {
      const before = listing()
      const validated = fliqs(["validate", "experiment.yaml", "space.yaml"])
      expect([validated.status, validated.stderr]).toEqual([0, ""])
      const run = fliqs(["run", "experiment.yaml", "--no-track", "--set", "matrix=null"])
      expect([run.status, run.stderr]).toEqual([0, expect.stringContaining("finished")])
      expect(run.stdout).toContain("classifier")
      const examined = fliqs(["doctor", "--json"])
      const findings = JSON.parse(examined.stdout) as ReadonlyArray<{ name: string; state: string }>
      expect(findings.filter(({ state }) => state === "problem")).toEqual([])
      expect(examined.status).toBe(0)
      expect(listing()).toEqual(before)
      expect(existsSync(join(cache, "ready"))).toBe(true)
    },
    5 * minute,
  )

  it("says that a cache beside it cannot be written, and what to do", () => {
    const { status, stderr } = fliqs(["plan", "experiment.yaml"], { FLIQS_CACHE: "" })
    expect(stderr).toContain(`cannot write to ${join(checkout, ".cache")}`)
    expect(stderr).toContain("FLIQS_CACHE")
    expect(status).toBe(3)
  })

  it("says that a state folder in it cannot be written, and what to do", () => {
    const { status, stderr } = fliqs([
      "run",
      "experiment.yaml",
      "--no-track",
      "--state",
      join(checkout, ".fliqs"),
    ])
    expect(stderr).toContain(join(checkout, ".fliqs"))
    expect(stderr).toMatch(/read-only|permission/i)
    expect(stderr).toContain("--state")
    expect(status).toBe(3)
  })

  it("runs no tests, and says why", () => {
    const { FLIQS_PACKAGES: _, ...rest } = process.env
    const command = ["sh", join(checkout, "scripts/test.sh")]
    const { status, stderr } = spawnSync(
      isRoot ? "unshare" : command[0]!,
      isRoot ? ["--mount", "sh", "-c", mountScript, checkout, ...command] : command.slice(1),
      { encoding: "utf8", env: { ...rest, FLIQS_CACHE: cache } },
    )
    expect(stderr).toContain("need node_modules/ beside the checkout")
    expect(status).toBe(3)
  })
})
