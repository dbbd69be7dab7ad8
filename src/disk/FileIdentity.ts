/**
 * Which content a file has, by what the file system says of it without reading: its inode, size and times. What was derived
 * from a file may be used again as long as its identity is the same. Left out: what is derived (`orchestrator/TrialIndex`).
 */
import { statSync } from "node:fs"

export interface FileIdentity {
  /** Equal for the same content. */
  readonly text: string
  /**
   * Whether any later change gives another identity. The times of a file have a granularity: one that was changed just now
   * may change again within it. Times in the future say nothing.
   */
  readonly isSettled: boolean
}

/** Milliseconds; more than the granularity of any file system's times. */
const granularity = 2100

/** Undefined where there is no regular file (a folder, a pipe), and where it cannot be looked at. */
export const identityOf = (path: string): FileIdentity | undefined => {
  try {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined || !stats.isFile()) return undefined
    const { ctimeMs, dev, ino, mtimeMs, size } = stats
    return {
      // The change time cannot be set: an edit that puts the modification time back is seen.
      text: `${dev}.${ino}.${size}.${mtimeMs}.${ctimeMs}`,
      isSettled: Math.max(mtimeMs, ctimeMs) + granularity < Date.now(),
    }
  } catch {
    return undefined
  }
}
