/**
 * What the machine ran out of, found from an error or from the last words of a process: memory, or what files need (room,
 * open files, a file system that can be written). Such an end is no fault of the program and may pass. Left out: waiting
 * (`Patience.ts`, `orchestrator/Supervise`).
 */
import { readFileSync } from "node:fs"
import { describe } from "./FileProblem.ts"

/** The cause in a trial's result. */
export type Shortage = "outOfMemory" | "storage"

/** JavaScript, V8, TensorFlow (status 8 is RESOURCE_EXHAUSTED), C++, the system's own words, and Python's. */
const memoryWords =
  /out of memory|OOM when allocating|RESOURCE_EXHAUSTED|Invalid TF_Status: 8\b|bad_alloc|allocation failed|cannot allocate memory|failed to allocate|failed to reserve|failed to map segment|\bENOMEM\b|\bEAGAIN\b|uv_thread_create|pthread_create|MemoryError/i
const storageWords =
  /\b(?:ENOSPC|EDQUOT|EROFS|EMFILE|ENFILE)\b|no space left on device|disk quota exceeded|read-only file system|too many open files/i

/** By words alone: of a message, or of what a process printed last. */
export const ofWords = (text: string): Shortage | undefined => {
  if (storageWords.test(text)) return "storage"
  return memoryWords.test(text) ? "outOfMemory" : undefined
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? `${error.message}\n${messageOf(error.cause)}` : ""

/** The cause of an error that is of the machine: memory, or any error of the file system; undefined for all else. */
export const of = (error: unknown): Shortage | undefined => {
  const { code } = describe(error)
  if (code === "ENOMEM" || code === "EAGAIN") return "outOfMemory"
  return code === undefined ? ofWords(messageOf(error)) : "storage"
}

const numberAfter = (file: string, key: string): number | undefined => {
  try {
    const found = new RegExp(`^${key} (\\d+)$`, "m").exec(readFileSync(file, "utf8"))
    return found === null ? undefined : Number(found[1])
  } catch {
    return undefined
  }
}

/**
 * How many processes the system has killed so far because memory ran out, in this group of processes or on the machine;
 * undefined where it does not count them. More of them after a process was killed than before it began say why it was killed.
 */
export const countMemoryKills = (): number | undefined => {
  const all = [
    numberAfter("/proc/vmstat", "oom_kill"),
    numberAfter("/sys/fs/cgroup/memory.events", "oom_kill"),
    numberAfter("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill"),
  ].filter((count) => count !== undefined)
  return all.length === 0 ? undefined : all.reduce((sum, count) => sum + count, 0)
}
