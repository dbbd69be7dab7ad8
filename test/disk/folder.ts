/** A temporary folder for a test, and small file systems of its own where this machine lets us mount them. */
import { execFileSync } from "node:child_process"
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const makeFolder = (): string => mkdtempSync(join(tmpdir(), "fliqs-disk-"))

const tryMount = (parameters: ReadonlyArray<string>): boolean => {
  try {
    execFileSync("mount", parameters, { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

const unmount = (place: string): void => {
  try {
    execFileSync("umount", ["-l", place], { stdio: "ignore" })
  } catch {
    // It was not mounted.
  }
}

/** Whether file systems can be mounted here: as root, outside most containers. */
export const canMount = ((): boolean => {
  const folder = makeFolder()
  const mounted = tryMount(["-t", "tmpfs", "-o", "size=64k", "none", folder])
  if (mounted) unmount(folder)
  rmSync(folder, { recursive: true, force: true })
  return mounted
})()

/** A file system in memory of so many kilobytes. */
export const makeDisk = (kilobytes: number) => {
  const folder = makeFolder()
  const place = join(folder, "disk")
  const view = join(folder, "view")
  mkdirSync(place)
  mkdirSync(view)
  if (!tryMount(["-t", "tmpfs", "-o", `size=${kilobytes}k`, "none", place]))
    throw new Error("cannot mount")
  return {
    place,
    /** By a read-only view laid over it, so that what is open for writing stays open. */
    setReadOnly: (isReadOnly: boolean) => {
      if (!isReadOnly) return void execFileSync("umount", [place])
      // Made beside and laid over in one step: nobody opens a file for writing in between.
      execFileSync("mount", ["--bind", place, view])
      execFileSync("mount", ["-o", "remount,bind,ro", view])
      execFileSync("mount", ["--bind", view, place])
      execFileSync("umount", ["-l", view])
    },
    /** Takes all room that is left. */
    fill: () => {
      for (const size of [2 ** 20, 4096, 1])
        try {
          for (;;) appendFileSync(join(place, "filler"), new Uint8Array(size))
        } catch {
          // Full, for pieces of this size.
        }
    },
    free: () => rmSync(join(place, "filler"), { force: true }),
    remove: () => {
      // The view and what it lies on.
      unmount(place)
      unmount(place)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
