/**
 * A whole Slurm on this host: munged, slurmctld and three slurmd, as root or as an ordinary user, without systemd and
 * cgroups. Its processes are this test's own, so any of them can be killed. Debian's packages: slurmctld slurmd
 * slurm-client munge (`scripts/tools.sh`).
 */
import { execFileSync, spawnSync } from "node:child_process"
import {
  accessSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:net"
import { randomBytes } from "node:crypto"
import { hostname, tmpdir, userInfo } from "node:os"
import { setTimeout } from "node:timers/promises"

const sbin = ["/usr/sbin", "/usr/local/sbin", "/sbin"]
const path = `${process.env["PATH"]}:${sbin.join(":")}`

const isThere = (program: string): boolean =>
  path.split(":").some((folder) => {
    try {
      accessSync(`${folder}/${program}`)
      return true
    } catch {
      return false
    }
  })

/** Programs that are missing on this machine. */
export const missing = [
  "munged",
  "slurmctld",
  "slurmd",
  "sbatch",
  "squeue",
  "scancel",
  "scontrol",
].filter((program) => !isThere(program))

const names = ["n1", "n2", "n3"] as const
export type Node = (typeof names)[number]

/** The first of so many free ports in a row. */
const freePorts = async (count: number): Promise<number> => {
  const isFree = (port: number) =>
    new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once("error", () => resolve(false))
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
    })
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 20_000)
    const ports = Array.from({ length: count }, (_, i) => first + i)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first
  }
}

/** Whether a process runs; one that nobody has reaped does not. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

const kill = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended.
  }
}

export interface Cluster {
  readonly base: string
  readonly conf: string
  /** The pid of a daemon: `slurmctld`, `slurmd.n1`, ... */
  readonly pid: (daemon: string) => number
  readonly startController: () => void
  readonly startNode: (node: Node) => void
  /** Kills a daemon at once. */
  readonly kill: (daemon: string) => void
  /** Kills everything on a node at once: its slurmd, the keepers of its jobs, the jobs. */
  readonly killNode: (node: Node) => ReadonlyArray<number>
  /** Runs a program of Slurm. */
  readonly run: (program: string, ...words: ReadonlyArray<string>) => string
  readonly untilUp: (nodes?: number) => Promise<void>
  readonly stop: () => Promise<void>
}

/** All processes with their parents and their environment. */
const processes = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8")
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])
        const environment = readFileSync(`/proc/${name}/environ`, "utf8").split("\0")
        return [{ pid: Number(name), parent, environment }]
      } catch {
        return []
      }
    })

/** Starts a cluster of three nodes with four processors each. */
export const start = async (): Promise<Cluster> => {
  const base = mkdtempSync(`${tmpdir()}/slurm-`)
  mkdirSync(`${base}/state`)
  writeFileSync(`${base}/munge.key`, randomBytes(128), { mode: 0o600 })
  const conf = `${base}/slurm.conf`
  const port = await freePorts(4)
  const values: Readonly<Record<string, string>> = {
    BASE: base,
    HOST: hostname().split(".")[0]!,
    USER: userInfo().username,
    PORT: String(port),
    NODES: String(names.length),
    NODE_PORTS: `${port + 1}-${port + names.length}`,
  }
  const template = readFileSync(new URL("./slurm.conf", import.meta.url), "utf8")
  writeFileSync(
    conf,
    template.replace(/@(\w+)@/g, (_, name: string) => values[name] ?? ""),
  )
  const environment = { ...process.env, PATH: path, SLURM_CONF: conf }
  const run = (program: string, ...words: ReadonlyArray<string>): string =>
    execFileSync(program, words, { env: environment, encoding: "utf8", stdio: "pipe" })
  const tryToRun = (program: string, ...words: ReadonlyArray<string>): string =>
    spawnSync(program, words, { env: environment, encoding: "utf8", timeout: 5000 }).stdout
  const pid = (daemon: string): number => Number(readFileSync(`${base}/${daemon}.pid`, "utf8"))
  const cluster: Cluster = {
    base,
    conf,
    pid,
    run,
    startController: () => void run("slurmctld"),
    startNode: (node) => void run("slurmd", "-N", node),
    kill: (daemon) => kill(pid(daemon), "SIGKILL"),
    killNode: (node) => {
      const all = processes()
      const children = (parent: number): ReadonlyArray<number> =>
        all.flatMap((one) => (one.parent === parent ? [one.pid, ...children(one.pid)] : []))
      // slurmstepd is no child of slurmd for long: its jobs name their node.
      const jobs = all.filter(({ environment: env }) => env.includes(`SLURMD_NODENAME=${node}`))
      const keepers = jobs
        .map(({ parent }) => parent)
        .filter((parent) => /slurmstepd/.test(commandOf(parent)))
      const slurmd = pid(`slurmd.${node}`)
      const doomed = [slurmd, ...children(slurmd), ...keepers, ...jobs.map((job) => job.pid)]
      for (const one of doomed) kill(one, "SIGKILL")
      return doomed
    },
    untilUp: async (nodes = names.length) => {
      for (let tries = 0; ; tries++) {
        const stdout = tryToRun("sinfo", "-h", "-N", "-o", "%T")
        const up = stdout.split("\n").filter((state) => /^(?:idle|mixed|allocated)/.test(state))
        if (up.length >= nodes) return
        if (tries > 300)
          throw new Error(
            `Slurm does not come up: ${readFileSync(`${base}/slurmctld.log`, "utf8")}`,
          )
        await setTimeout(100)
      }
    },
    stop: async () => {
      tryToRun("scancel", "--user", values["USER"]!)
      for (const daemon of [...names.map((name) => `slurmd.${name}`), "slurmctld", "munged"])
        try {
          const number = pid(daemon)
          kill(number, "SIGTERM")
          for (let tries = 0; tries < 30 && isAlive(number); tries++) await setTimeout(100)
          kill(number, "SIGKILL")
        } catch {
          // It was killed.
        }
      for (const { environment: env, pid: one } of processes())
        if (env.includes(`SLURM_CONF=${conf}`) && one !== process.pid && isJob(env))
          kill(one, "SIGKILL")
      rmSync(base, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    },
  }
  run(
    "munged",
    "--force",
    `--key-file=${base}/munge.key`,
    `--socket=${base}/munge.socket`,
    `--pid-file=${base}/munged.pid`,
    `--log-file=${base}/munged.log`,
    `--seed-file=${base}/munged.seed`,
  )
  cluster.startController()
  for (const name of names) cluster.startNode(name)
  await cluster.untilUp()
  return cluster
}

const isJob = (environment: ReadonlyArray<string>): boolean =>
  environment.some((entry) => entry.startsWith("SLURM_JOB_ID="))

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8")
  } catch {
    return ""
  }
}
