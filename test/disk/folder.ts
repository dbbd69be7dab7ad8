/** A temporary folder for a test, and small file systems of its own where this machine lets us mount them. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
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
  mkdirSync(place)
  if (!tryMount(["-t", "tmpfs", "-o", `size=${kilobytes}k`, "none", place]))
    throw new Error("cannot mount")
  return {
    place,
    setReadOnly: (isReadOnly: boolean) =>
      execFileSync("mount", ["-o", `remount,${isReadOnly ? "ro" : "rw"}`, place]),
    remove: () => {
      unmount(place)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
