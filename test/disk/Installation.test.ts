/** Where the cache is: the shell, which makes it ready, and the program say the same. */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, expect, it } from "vitest"
import { root } from "../../src/disk/Installation.ts"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "fliqs-installation-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const home = join(folder, "home")
const checkout = join(folder, "checkout")
const installed = join(folder, "project/node_modules/fliqs")
for (const made of [home, checkout, installed]) mkdirSync(made, { recursive: true })

const shellSays = (at: string, env: Readonly<Record<string, string>>): string =>
  spawnSync(
    "sh",
    [
      "-c",
      `root=$1; . "$2"; cache_of; printf %s "$cache"`,
      "sh",
      at,
      join(root, "scripts/ready.sh"),
    ],
    { cwd: folder, encoding: "utf8", env: { PATH: process.env["PATH"]!, ...env } },
  ).stdout

/** The module as it stands at that place, as JavaScript: Node strips no types below `node_modules`. */
const programSays = (at: string, env: Readonly<Record<string, string>>): string => {
  for (const name of ["disk/Installation", "declaration/Shell"]) {
    const text = readFileSync(join(root, "src", `${name}.ts`), "utf8")
    const file = join(at, "src", `${name}.mjs`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, stripTypeScriptTypes(text).replaceAll('.ts"', '.mjs"'))
  }
  const code = "import(process.argv[1]).then((it) => process.stdout.write(it.cacheDirectory()))"
  const module = join(at, "src/disk/Installation.mjs")
  return spawnSync(process.execPath, ["-e", code, module], { cwd: folder, encoding: "utf8", env })
    .stdout
}

const cases = [
  ["of a checkout", checkout, {}, join(checkout, ".cache")],
  ["of a checkout, whatever the user's cache", checkout, { HOME: home }, join(checkout, ".cache")],
  ["where FLIQS_CACHE says", checkout, { FLIQS_CACHE: join(folder, "a b") }, join(folder, "a b")],
  ["where FLIQS_CACHE says from here", installed, { FLIQS_CACHE: "c" }, join(folder, "c")],
  ["of an installed package: the user's", installed, { HOME: home }, join(home, ".cache/fliqs")],
  [
    "of an installed package: XDG_CACHE_HOME",
    installed,
    { HOME: home, XDG_CACHE_HOME: join(folder, "x") },
    join(folder, "x/fliqs"),
  ],
  ["of an installed package without a home", installed, {}, join(installed, ".cache")],
  [
    "of an installed package where the user's is no path",
    installed,
    { XDG_CACHE_HOME: "x" },
    join(installed, ".cache"),
  ],
] as const

it.each(cases)("%s", (_, at, env, expected) => {
  expect(shellSays(at, env)).toBe(expected)
  expect(programSays(at, env)).toBe(resolve(expected))
})
