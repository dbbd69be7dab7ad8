/**
 * Files as whoever reads a folder of somebody else wants them: a pipe, a device or a folder where a file belongs is refused
 * before it is opened, because opening a pipe waits for a writer for ever. Left out: what is in the files.
 */
import { Effect } from "effect"
import { lstatSync, realpathSync, statSync } from "node:fs"
import { sep } from "node:path"
import { Damaged, StorageError, storageError, Thrown } from "./Errors.ts"
import { describe } from "./FileProblem.ts"
import { attempt } from "./Patience.ts"

/** Whether a regular file is there; fails where something else is, or where it is larger than what is read at once. */
export const exists = (path: string, largest = Infinity): Effect.Effect<boolean, StorageError> =>
  attempt("look at", path, () => {
    try {
      return statSync(path, { throwIfNoEntry: false })
    } catch (cause) {
      // A part of the path is no folder: then there is no such file.
      if (describe(cause).code === "ENOTDIR") return undefined
      throw cause
    }
  }).pipe(
    Effect.flatMap((stats) => {
      if (stats === undefined) return Effect.succeed(false)
      const refuse = (message: string) =>
        Effect.fail(new StorageError({ operation: "read", path, reason: new Damaged({ message }) }))
      if (stats.isDirectory())
        return Effect.fail(storageError("read", path)(new Thrown({ cause: { code: "EISDIR" } })))
      if (!stats.isFile()) return refuse("it is a pipe or a device, not a file")
      return stats.size > largest
        ? refuse(`it has ${stats.size} bytes, more than ${largest}`)
        : Effect.succeed(true)
    }),
  )

/** Whether a path leads to a regular file inside a folder, with no link on the way out of it. */
export const isInside = (folder: string, path: string): boolean => {
  try {
    return lstatSync(path).isFile() && realpathSync(path).startsWith(realpathSync(folder) + sep)
  } catch {
    return false
  }
}
