/**
 * Virtual environments in the cache, each made when something first needs it. pip's configuration says where packages come
 * from. Left out: which packages (`Torch.ts`, `test/export/python.ts`).
 */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { cacheDirectory } from "../../src/disk/Installation.ts"

const run = (program: string, ...args: ReadonlyArray<string>): void => {
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", 2, 2] })
  if (status !== 0)
    throw new Error(
      `${program} ${args.join(" ")} failed${error === undefined ? "" : `: ${error.message}`}`,
    )
}

export interface PythonEnvironment {
  /** The interpreter; there once `ensure` has made it. */
  readonly python: string
  /** Makes the environment unless it is there with these packages. Throws where that fails. */
  readonly ensure: () => void
}

/** `name`: of the folder in the cache. `packages`: as pip takes them, with their versions. */
export const pythonEnvironment = (
  name: string,
  packages: ReadonlyArray<string>,
): PythonEnvironment => {
  const home = join(cacheDirectory(), name)
  const python = join(home, "bin/python")
  const ready = join(home, "ready")
  const wanted = `${packages.join("\n")}\n`
  const isReady = () => existsSync(ready) && readFileSync(ready, "utf8") === wanted
  return {
    python,
    ensure: () => {
      if (isReady()) return
      console.error(`fetching ${packages.join(", ")} for Python`)
      // Under a name of its own until it is whole: several processes may be at it.
      const work = `${home}.${process.pid}`
      // Needs a Python with venv, as FLIQS_PYTHON names it or `python3`.
      run(process.env["FLIQS_PYTHON"] ?? "python3", "-m", "venv", work)
      const options = ["--quiet", "--no-cache-dir", "--only-binary=:all:"]
      run(join(work, "bin/python"), "-m", "pip", "install", ...options, ...packages)
      writeFileSync(join(work, "ready"), wanted)
      // Another that was quicker may be using it already.
      if (!isReady()) {
        rmSync(home, { recursive: true, force: true })
        renameSync(work, home)
      }
      rmSync(work, { recursive: true, force: true })
    },
  }
}
