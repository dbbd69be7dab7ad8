/** Whether a folder can be written, before anything tries to. Left out: room on its disk. */
import { accessSync, constants, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { describe } from "./FileProblem.ts"

/** The folder, or the nearest one above it that is there. */
export const nearestExisting = (folder: string): string => {
  const path = resolve(folder)
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined
  return isThere || dirname(path) === path ? path : nearestExisting(dirname(path))
}

/** Why nothing can be written in a folder, which need not be there yet; undefined when it can. */
export const whyNotWritable = (folder: string): string | undefined => {
  const path = resolve(folder)
  try {
    const existing = nearestExisting(path)
    if (!statSync(existing).isDirectory()) return `${existing} is a file`
    accessSync(existing, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return describe(error).words
  }
}
