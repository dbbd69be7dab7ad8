/** What a figure depends on beside the code: processor, memory, load, versions. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { availableParallelism, cpus, loadavg, totalmem } from "node:os"

export interface Machine {
  readonly cpu: string
  readonly processors: number
  /** The widest of the vector instructions that matter here. */
  readonly vectors: string
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly commit: string
  readonly date: string
  /** Over the last minute, before the bench began: above 0.7 the figures are of a busy machine. */
  readonly load: number
}

const vectors = (): string => {
  const flags = new Set(
    /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "),
  )
  return ["avx512f", "avx2", "avx", "sse2"].find((flag) => flags.has(flag)) ?? "none"
}

const commit = (): string => {
  try {
    const git = (...words: ReadonlyArray<string>): string =>
      execFileSync("git", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()
    const hash = git("rev-parse", "--short", "HEAD")
    const changed = git("status", "--porcelain", "src", "native", "bench")
    return changed === "" ? hash : `${hash} and changes`
  } catch {
    return "unknown"
  }
}

export const describeMachine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  processors: availableParallelism(),
  vectors: vectors(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
  node: process.versions.node,
  commit: commit(),
  date: new Date().toISOString().slice(0, 10),
  load: loadavg()[0]!,
})
