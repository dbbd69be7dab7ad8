/** The direction rules bite: a small tree with one wrong import of each sort, and one with none. */
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"

const repository = resolve(import.meta.dirname, "../..")
let folder: string

const check = (files: Record<string, string>) => {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, "src", file)), { recursive: true })
    writeFileSync(join(folder, "src", file), text)
  }
  return spawnSync(process.execPath, [join(repository, "scripts/check-direction.ts")], {
    cwd: folder,
    encoding: "utf8",
  })
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fliqs-direction-"))
  mkdirSync(join(folder, "src"))
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"))
  copyFileSync(join(repository, "tsconfig.json"), join(folder, "tsconfig.json"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const tensorflow = "@tensorflow/tfjs-node"
const good = {
  "tensor/Backend.ts": `import type * as tf from "${tensorflow}"
export type T = tf.Tensor
export const load = () => import("${tensorflow}")`,
  "train/Loop.ts": `import { load } from "../tensor/Backend.ts"; export const run = () => load()`,
  "space/A.ts": "export const a = 1",
  "cli/main.ts": `import { a } from "../space/A.ts"; import { Command } from "effect/cli"; export const b = [a, Command]`,
}

it("passes what goes one way", () => {
  expect(check(good)).toMatchObject({ status: 0, stdout: expect.stringContaining("4 files") })
})

it("fails when it saw nothing", () => {
  expect(check({}).status).not.toBe(0)
})

const wrong: ReadonlyArray<readonly [rule: string, file: string, text: string]> = [
  ["direction-space", "space/Up.ts", `import { b } from "../cli/main.ts"; export const c = b`],
  [
    "direction-space",
    "space/UpType.ts",
    `import type { b } from "../cli/main.ts"; export type C = typeof b`,
  ],
  [
    "tensorflow-in-tensor",
    "format/F.ts",
    `import type { Tensor } from "${tensorflow}"; export type T = Tensor`,
  ],
  [
    "tensorflow-loaded-late",
    "tensor/E.ts",
    `import * as tf from "${tensorflow}"; export const t = tf`,
  ],
  [
    "tensors-where-they-belong",
    "reward/R.ts",
    `import { load } from "../tensor/Backend.ts"; export const r = load`,
  ],
  ["effect-cli", "train/E.ts", `import { Command } from "effect/cli"; export const c = Command`],
  [
    "effect-http",
    "cli/Http.ts",
    `import { HttpClient } from "effect/http"; export const c = HttpClient`,
  ],
  [
    "effect-process",
    "cli/Process.ts",
    `import { ChildProcess } from "effect/process"; export const c = ChildProcess`,
  ],
  [
    "no-whole-platform",
    "cli/P.ts",
    `import { NodeServices } from "@effect/platform-node"; export const n = NodeServices`,
  ],
  ["no-barrel-of-a-folder", "cli/index.ts", `export * from "./main.ts"`],
  ["known-folder", "helpers/H.ts", `import "../space/A.ts"`],
  ["resolvable", "cli/R.ts", `import "./gone.ts"`],
]

it("refuses each sort of wrong import by its rule", () => {
  const { status, stderr } = check({
    ...good,
    ...Object.fromEntries(wrong.map(([, file, text]) => [file, text])),
  })
  for (const [rule, file] of wrong)
    expect(stderr).toMatch(new RegExp(`src/${file} -> .*\\n  ${rule}: `))
  expect(stderr).toContain(`direction: ${wrong.length} imports go the wrong way`)
  expect(status).toBe(1)
})
