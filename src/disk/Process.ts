/**
 * Telling processes apart: a number is used again by the system, so a process is its number together with when it
 * started. A zombie, which has ended and only waits to be collected, does not run. Reads `/proc` where there is one and
 * asks `ps` elsewhere. Left out: starting processes.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"

/** A process of this machine. */
export interface Identity {
  readonly pid: number
  /** When it started, in the system's own words; only ever compared. */
  readonly start: string
}

/** A process that is running, with its arguments. */
export interface Running extends Identity {
  readonly group: number
  readonly command: ReadonlyArray<string>
}

const fromProc = (pid: number): Running | "zombie" => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
  // Behind the name in brackets, which may itself hold brackets and spaces: state, parent, group, ... start (field 22).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  if (fields[0] === "Z" || fields[0] === "X") return "zombie"
  const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1)
  return { pid, start: fields[19] ?? "", group: Number(fields[2]), command }
}

const fromPs = (pid: number): Running | "zombie" => {
  const ask = (field: string) =>
    execFileSync("ps", ["-o", `${field}=`, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim()
  if (ask("stat").startsWith("Z")) return "zombie"
  return {
    pid,
    start: ask("lstart"),
    group: Number(ask("pgid")),
    command: ask("command").split(" "),
  }
}

const attempt = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}

const hasProc = (): boolean => existsSync("/proc/self/stat")

/** Undefined when there is none, or it cannot be looked at. */
const look = (pid: number): Running | "zombie" | undefined =>
  attempt(() => (hasProc() ? fromProc(pid) : fromPs(pid)))

/** The process of this number, if it runs and can be looked at. */
export const find = (pid: number): Running | undefined => {
  const found = look(pid)
  return found === "zombie" ? undefined : found
}

/** Whether the system has a process of this number, zombies included. */
const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/**
 * Whether this very process, not a later one of the same number, still runs. One that exists and cannot be looked at
 * (too many open files, somebody else's) is taken to run; so is one whose start was not recorded.
 */
export const isRunning = ({ pid, start }: Identity): boolean => {
  if (!Number.isInteger(pid) || pid <= 0 || !exists(pid)) return false
  const found = look(pid)
  if (found === undefined) return exists(pid)
  return found !== "zombie" && (start === "" || found.start === start)
}

/** This process. */
export const self = (): Identity => ({ pid: process.pid, start: find(process.pid)?.start ?? "" })

/** Every process that can be seen; none where there is no `/proc`. */
const all = (): ReadonlyArray<Running> =>
  (attempt(() => readdirSync("/proc")) ?? [])
    .filter((name) => /^\d+$/.test(name))
    .map((name) => find(Number(name)))
    .filter((found) => found !== undefined)

/** The leader of a process group that passes the test; only where there is a `/proc`. */
export const findLeader = (test: (running: Running) => boolean): Running | undefined =>
  all().find((running) => running.pid === running.group && test(running))

/** The processes of a group, zombies aside; only where there is a `/proc`. */
export const members = (group: number): ReadonlyArray<Running> =>
  all().filter((one) => one.group === group)

/** Whether any process of the group is left, zombies aside. */
export const isGroupLeft = (group: number): boolean =>
  attempt(() => process.kill(-group, 0)) !== undefined && (!hasProc() || members(group).length > 0)
