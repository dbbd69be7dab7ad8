/**
 * Folders for files that are needed for a moment. TMPDIR names the place (else `/tmp`); where that cannot be used
 * (missing, full, read-only) another one is, since nothing of it is kept. What a killed process left there goes after an
 * hour. Left out: temporary files beside the file they become (`Durable.ts`).
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { StorageError, Unreachable } from "./Errors.ts"
import { describe } from "./FileProblem.ts"

const prefix = "fliqs-tmp-"
const staleAfter = 3_600_000

let others: ReadonlyArray<string> = ["/tmp", "/var/tmp", "/dev/shm"]

/** Adds places of our own, to be used before those that any machine has; they are made when they are needed. */
export const alsoUse = (folders: ReadonlyArray<string>): void => {
  others = [...new Set([...folders, ...others])]
}

/** What was set by whom: the variable where there is one. */
const named = (folder: string): string => {
  const variable = ["TMPDIR", "TMP", "TEMP"].find((name) => (process.env[name] ?? "") !== "")
  return variable !== undefined && folder === tmpdir() ? `${variable}=${folder}` : folder
}

const swept = new Set<string>()

/** Removes what killed processes left, once per process and folder; what cannot be removed stays. */
const sweep = (folder: string): void => {
  if (swept.has(folder)) return
  swept.add(folder)
  try {
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(prefix)) continue
      const path = join(folder, name)
      if (Date.now() - statSync(path).mtimeMs > staleAfter)
        rmSync(path, { recursive: true, force: true })
    }
  } catch {
    // Another process was quicker, or it is not ours.
  }
}

const useOne = <A>(folder: string, use: (folder: string) => A): A => {
  if (folder !== tmpdir() && others.includes(folder) && !folder.startsWith("/dev/"))
    mkdirSync(folder, { recursive: true })
  sweep(folder)
  const made = mkdtempSync(join(folder, prefix))
  try {
    return use(made)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

interface Refused {
  readonly folder: string
  readonly words: string
  readonly code: string
  readonly passes: boolean
}

const tryAll = <A>(use: (folder: string) => A) => {
  const refused: Array<Refused> = []
  for (const folder of new Set([tmpdir(), ...others])) {
    try {
      return { refused, used: folder, value: useOne(folder, use) }
    } catch (error) {
      const { code, passes, words } = describe(error)
      if (code === undefined) throw error
      refused.push({ folder, words, code, passes })
    }
  }
  return { refused }
}

const wordsOf = (refused: ReadonlyArray<Refused>): string =>
  refused.map(({ folder, words }) => `${named(folder)}: ${words}`).join("; ")

/**
 * Calls `use` with an empty folder, which is removed afterwards: in the first place where all of it can be done. Throws a
 * `StorageError` that names every place when there is none.
 */
export const within = <A>(use: (folder: string) => A): A => {
  const tried = tryAll(use)
  if ("value" in tried) return tried.value
  const { refused } = tried
  const [first] = refused
  throw new StorageError({
    operation: "write temporary files",
    path: named(first?.folder ?? tmpdir()),
    reason: new Unreachable({
      message: `${first?.words ?? "no more is known"}; no other place will do (${wordsOf(refused.slice(1))})`,
      ...(first === undefined ? {} : { code: first.code }),
      fix: "set TMPDIR to a folder that can be written",
      passes: refused.some(({ passes }) => passes),
    }),
  })
}

export interface Found {
  /** Where temporary files go; undefined when nowhere. */
  readonly folder: string | undefined
  /** Why not where they should; empty when all is well. */
  readonly problem: string
}

/** Tries out where temporary files can be written. */
export const find = (): Found => {
  const tried = tryAll((folder) => writeFileSync(join(folder, "probe"), new Uint8Array(65_536)))
  return { folder: tried.used, problem: wordsOf(tried.refused) }
}
