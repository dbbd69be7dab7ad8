/**
 * The PyTorch peers: a virtual environment of their own in the cache, made by the first case that needs one.
 *
 * pip's configuration says where PyTorch comes from; the build for CPUs is enough. Left out: the peers (`torch/*.py`).
 */
import { spawnSync } from "node:child_process"
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { cacheDirectory } from "../../src/disk/Installation.ts"
import type { Command } from "../Worker.ts"

const version = "2.13.0"
const home = join(cacheDirectory(), `torch-${version}`)
/** The interpreter of the environment; there once `ensureTorch` has made it. */
export const python = join(home, "bin/python")

const run = (program: string, ...args: ReadonlyArray<string>): void => {
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", 2, 2] })
  if (status !== 0)
    throw new Error(
      `${program} ${args.join(" ")} failed${error === undefined ? "" : `: ${error.message}`}`,
    )
}

/** Makes the environment unless it is there. Needs a Python with venv, as `FLIQS_PYTHON` names it or `python3`. */
export const ensureTorch = (): void => {
  if (existsSync(join(home, "ready"))) return
  console.error(`bench: fetching PyTorch ${version}`)
  rmSync(home, { recursive: true, force: true })
  run(process.env["FLIQS_PYTHON"] ?? "python3", "-m", "venv", home)
  const options = ["--quiet", "--no-cache-dir", "--only-binary=:all:"]
  run(python, "-m", "pip", "install", ...options, `torch==${version}`)
  writeFileSync(join(home, "ready"), "")
}

/** A worker out of `bench/peers/torch`. */
export const torch = (script: string, ...args: ReadonlyArray<string | number>): Command => ({
  program: python,
  args: ["-W", "ignore", `bench/peers/torch/${script}.py`, ...args.map(String)],
  environment: { PYTHONDONTWRITEBYTECODE: "1" },
})
