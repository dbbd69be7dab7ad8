/** `doctor`'s checks of disks: folders, temporary files, open files, the records of the state folder. */
import { Effect } from "effect"
import {
  accessSync,
  constants,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs"
import { join, resolve } from "node:path"
import { describe } from "../disk/FileProblem.ts"
import { nearestExisting } from "../disk/Writable.ts"
import { stateOf } from "../orchestrator/TrialStatus.ts"
import * as State from "../orchestrator/State.ts"
import { temporary } from "./Locations.ts"
import type { Finding } from "./Finding.ts"

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

const tryToWrite = (folder: string): void => {
  const probe = mkdtempSync(join(folder, ".fliqs-doctor-"))
  try {
    writeFileSync(join(probe, "probe"), new Uint8Array(65_536))
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
}

/** Whether files can be written to a folder (tested if it exists), and how much space is free. */
export const folder = (name: string, path: string, room: number, setting: string) =>
  Effect.sync((): Finding => {
    try {
      const place = nearestExisting(path)
      const { bavail, bsize } = statfsSync(place)
      if (place === resolve(path)) tryToWrite(place)
      else accessSync(place, constants.W_OK)
      const free = bavail * bsize
      const found = `${gigabytes(free)} free at ${path}`
      if (free >= room) return { name, state: "ok", found }
      const fix = `make room there, or choose another folder (${setting})`
      return { name, state: "warning", found, fix }
    } catch (error) {
      const { fix, words } = describe(error)
      return {
        name,
        state: "problem",
        found: `${path} cannot be written: ${words}`,
        fix: `${fix ?? "make it writable"}, or choose another folder (${setting})`,
      }
    }
  })

export const temporaryFiles = Effect.map(temporary, ({ folder, problem }): Finding => {
  const name = "temporary"
  const fix = "set TMPDIR to a folder that can be written"
  if (folder === undefined) return { name, state: "problem", found: problem, fix }
  return problem === ""
    ? { name, state: "ok", found: folder }
    : { name, state: "warning", found: `${problem}; ${folder} is used instead`, fix }
})

/** As many files as a trial has open at once, with TensorFlow's libraries and the threads that decode images. */
const fewestFiles = 256

export const openFiles = Effect.sync((): Finding | undefined => {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
    if (limit === undefined || Number(limit) >= fewestFiles) return undefined
    return {
      name: "files",
      state: "warning",
      found: `a process may have ${limit} files open`,
      fix: `raise the limit: ulimit -n ${fewestFiles * 4}`,
    }
  } catch {
    return undefined
  }
})

/** Records of the state folder that cannot be read. */
export const records = Effect.fnUntraced(
  function* (state: string) {
    const ids = yield* State.trialIds(state)
    const all = yield* Effect.forEach(ids, (id) => stateOf(state, id))
    const damages = all.flatMap(({ damage }) => (damage === undefined ? [] : [damage]))
    const [first] = damages
    const found = `${ids.length} trials in ${state}`
    if (first === undefined) return { name: "records", state: "ok", found } satisfies Finding
    return {
      name: "records",
      state: "warning",
      found: `${damages.length} of ${found} damaged; ${first.path}: ${first.message}`,
      fix: first.fix,
    } satisfies Finding
  },
  Effect.catch((error) =>
    Effect.succeed<Finding>({
      name: "records",
      state: "problem",
      found: error.message,
      fix: error.fix ?? "make it readable, or choose another by --state DIR",
    }),
  ),
)
