/**
 * Runtimes that only tests need: the C++ headers of onnxruntime, which Debian has since its release 13, and its build for
 * browsers. Each is fetched once into the cache. Headers of an older onnxruntime go with a newer library: its interface for
 * C is versioned.
 */
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { version } from "../../src/export/onnx/OnnxRuntime.ts"
import { cacheDirectory } from "../../src/disk/Installation.ts"

/** Makes a folder of the cache once: `fill` gets an empty folder, which takes the name when it is whole. */
const cached = (name: string, fill: (folder: string) => void): string => {
  const folder = join(cacheDirectory(), name)
  if (existsSync(folder)) return folder
  mkdirSync(cacheDirectory(), { recursive: true })
  const work = mkdtempSync(`${folder}-`)
  try {
    fill(work)
    renameSync(work, folder)
  } catch (error) {
    rmSync(work, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

const run = (cwd: string, program: string, ...args: ReadonlyArray<string>): string =>
  execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

/** Debian's package of the headers, from the archive that this machine takes its packages from. */
const fetchHeaders = (folder: string): void => {
  const archive = run(folder, "apt-get", "indextargets", "--format", "$(REPO_URI)").split("\n")[0]
  if (!archive) throw new Error("apt-get names no archive")
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
  writeFileSync(join(folder, "sources.list"), `deb [signed-by=${keyring}] ${archive} trixie main\n`)
  for (const part of ["lists/partial", "packages/archives/partial"])
    mkdirSync(join(folder, part), { recursive: true })
  const options = [
    `Dir::Etc::sourcelist=${folder}/sources.list`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${folder}/lists`,
    `Dir::Cache=${folder}/packages`,
    "APT::Sandbox::User=",
  ].flatMap((option) => ["-o", option])
  run(folder, "apt-get", ...options, "update")
  run(folder, "apt-get", ...options, "download", "libonnxruntime-dev")
  const file = readdirSync(folder).find((name) => name.endsWith(".deb"))
  run(folder, "dpkg-deb", "--extract", file!, ".")
  for (const part of ["lists", "packages", "sources.list", file!])
    rmSync(join(folder, part), { recursive: true })
}

const installed = "/usr/include/onnxruntime"

/** The folder with onnxruntime_cxx_api.h: the system's, else out of Debian's package. Throws where neither can be had. */
export const onnxruntimeHeaders = (): string =>
  existsSync(join(installed, "onnxruntime_cxx_api.h"))
    ? installed
    : join(cached("onnxruntime-headers", fetchHeaders), "usr/include/onnxruntime")

/** The folder with libonnxruntime.so.1, which onnxruntime-node brings. */
export const onnxruntimeLibrary = (): string => {
  const binaries = join(
    cacheDirectory(),
    `onnxruntime-${version}/node_modules/onnxruntime-node/bin`,
  )
  const file = readdirSync(binaries, { recursive: true, encoding: "utf8" }).find((name) =>
    name.endsWith("libonnxruntime.so.1"),
  )
  if (file === undefined) throw new Error(`no libonnxruntime.so.1 in ${binaries}`)
  return join(binaries, file, "..")
}

/** The folder with ort.min.js and its wasm, out of npm's onnxruntime-web. Throws where it cannot be had. */
export const onnxruntimeWeb = (): string => {
  const fetch = (folder: string): void => {
    run(folder, "npm", "pack", `onnxruntime-web@${version}`, "--ignore-scripts", "--silent")
    const file = `onnxruntime-web-${version}.tgz`
    run(folder, "tar", "xzf", file, "package/dist")
    rmSync(join(folder, file))
  }
  return join(cached(`onnxruntime-web-${version}`, fetch), "package/dist")
}
