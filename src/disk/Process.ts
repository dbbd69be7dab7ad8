/**
 * Telling processes apart: a number is used again by the system, so a process is its number together with when it
 * started. Reads `/proc` where there is one and asks `ps` elsewhere. Left out: starting processes.
 */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

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

const fromProc = (pid: number): Running | undefined => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
  // Behind the name in brackets, which may itself hold brackets and spaces: state, parent, group, ... start (field 22).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  if (fields[0] === "Z" || fields[0] === "X") return undefined
  const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1)
  return { pid, start: fields[19] ?? "", group: Number(fields[2]), command }
}

const fromPs = (pid: number): Running | undefined => {
  const ask = (field: string) =>
    execFileSync("ps", ["-o", `${field}=`, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim()
  if (ask("stat").startsWith("Z")) return undefined
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

const hasProc = () => attempt(() => readFileSync("/proc/self/stat")) !== undefined

/** The process of this number, if it runs. */
export const find = (pid: number): Running | undefined =>
  attempt(() => (hasProc() ? fromProc(pid) : fromPs(pid)))

/** Whether this very process (not a later one of the same number) still runs. */
export const isRunning = ({ pid, start }: Identity): boolean => find(pid)?.start === start

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
