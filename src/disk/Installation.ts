/**
 * Where this fliqs is, and where its set-up puts what it fetches and builds. Left out: what lies there (`tensor/Parts.ts`,
 * `data/Cache.ts`, `track/Server.ts`).
 */
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { shellCommand, shellWord } from "../declaration/Shell.ts"

/** The checkout, or the folder of the installed package. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/(?<=.)\/$/, "")

/** Where data sets, the MLflow environment and builds are kept: `FLIQS_CACHE`, else `.cache` of the checkout. */
export const cacheDirectory = (): string =>
  resolve(process.env["FLIQS_CACHE"] || join(root, ".cache"))

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
  return cache === join(root, ".cache") ? command : `FLIQS_CACHE=${shellWord(cache)} ${command}`
}
