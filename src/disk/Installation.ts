/**
 * Where this fliqs is, and where its set-up puts what it fetches and builds. Left out: what lies there (`tensor/Parts.ts`,
 * `data/Cache.ts`, `track/Server.ts`).
 */
import { readFileSync } from "node:fs"
import { isAbsolute, join, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { shellCommand, shellWord } from "../declaration/Shell.ts"

/** The checkout, or the folder of the installed package. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/(?<=.)\/$/, "")

/** The version of this fliqs. */
export const version = (): string =>
  (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string })
    .version

/**
 * The cache where `FLIQS_CACHE` names none: `.cache` of the checkout; of an installed package `fliqs` in the user's cache,
 * because npm removes the package's folder when it installs again. `scripts/ready.sh` says the same.
 */
const defaultCache = (): string => {
  const { HOME: home, XDG_CACHE_HOME: given } = process.env
  const user = given || (home ? join(home, ".cache") : "")
  return isAbsolute(user) && root.includes(`${sep}node_modules${sep}`)
    ? join(user, "fliqs")
    : join(root, ".cache")
}

/** Where data sets, the MLflow environment and builds are kept. */
export const cacheDirectory = (): string => resolve(process.env["FLIQS_CACHE"] || defaultCache())

const setupScript = join(root, "scripts", "setup.sh")

/** The program and arguments of a set-up, for a child process. */
export const setup = (...words: ReadonlyArray<string>): readonly [string, ...Array<string>] => [
  "sh",
  setupScript,
  ...words,
]

/** The same as a person types it, in whatever folder. */
export const setupCommand = (...words: ReadonlyArray<string>): string => {
  const cache = cacheDirectory()
  const command = shellCommand(setup(...words))
  return cache === defaultCache() ? command : `FLIQS_CACHE=${shellWord(cache)} ${command}`
}
