/**
 * What `run --on` chooses: the engine, how many trials at a time, their threads and their command line, and the words about an
 * interrupt. Left out: the flags (`GridCommands.ts`), the engines themselves (`orchestrator/engine/`).
 */
import { Effect, Option } from "effect"
import { availableParallelism, freemem } from "node:os"
import { fileURLToPath } from "node:url"
import * as nodePath from "node:path"
import { shellCommand } from "../../declaration/Shell.ts"
import type { Plan } from "../../experiment/Plan.ts"
import { bytesOf, type Resources } from "../../experiment/Resources.ts"
import { engines } from "../../orchestrator/engine/Engines.ts"
import { note } from "../Output.ts"

export type EngineName = (typeof engines)[number]["kind"]

/** `.ts` in a checkout, `.js` once built. */
const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js"

const main = fileURLToPath(new URL("../main.ts", import.meta.url).href.replace(/\.ts$/, extension))

/** How a person calls it. */
const program = extension === ".ts" ? "./fliqs" : "fliqs"

/** The command as it was typed. */
export const typed = (): string => shellCommand([program, ...process.argv.slice(2)])

/** The command that ends what goes on without us. */
export const cancelCommand = (state: Option.Option<string>): string =>
  shellCommand([program, "cancel", ...(Option.isSome(state) ? ["--state", state.value] : [])])

/** What a trial of CIFAR size takes, data set and TensorFlow included; more jobs than memory has room for die. */
const bytesPerTrial = 1.5e9

/** As many as processors and free memory have room for, by what each asks for. */
const roomFor = (trials: number, all: ReadonlyArray<Resources>): number => {
  const cpus = Math.max(1, ...all.map((resources) => resources.cpus ?? 1))
  const bytes = Math.max(
    ...all.map(({ memory }) => (memory === undefined ? bytesPerTrial : bytesOf(memory))),
    0,
  )
  const byMemory = Math.floor(freemem() / Math.max(bytes, 1))
  return Math.max(1, Math.min(trials, Math.floor(availableParallelism() / cpus), byMemory))
}

export interface Chosen {
  readonly of: (typeof engines)[number]
  readonly name: EngineName
  /** Trials at a time; undefined where the scheduler decides. */
  readonly jobs: number | undefined
  readonly threads: (resources: Resources) => number
  /** The command line of the process that trains a trial. */
  readonly command: (state: string, id: string) => readonly [string, ...Array<string>]
  /** Whether its trials go on without the `run`. */
  readonly outlivesRun: boolean
}

/** Keys of `resources` that only schedulers read. */
const schedulerKeys = ["time", "partition", "gres", "account", "extra"] as const

export const choose = Effect.fnUntraced(function* (
  plan: Plan,
  on: string,
  asked: Option.Option<number>,
  count: number,
) {
  const engine = engines.find(({ kind }) => kind === on) ?? engines[0]
  const all = plan.trials.map(({ execution }) => execution.resources ?? {})
  const isLocal = engine.kind === "local"
  const ignored = schedulerKeys.filter((key) => all.some((one) => Object.hasOwn(one, key)))
  if (isLocal && ignored.length > 0)
    yield* note(
      `on this machine ${ignored.map((key) => `resources.${key}`).join(", ")} ${ignored.length === 1 ? "changes" : "change"} nothing; --on slurm reads ${ignored.length === 1 ? "it" : "them"}`,
    )
  const local = Math.min(
    Option.getOrElse(asked, () => roomFor(count, all)),
    count,
  )
  const share = Math.max(1, Math.floor(availableParallelism() / Math.max(1, local)))
  const jobs = isLocal ? local : Option.getOrUndefined(asked)
  return {
    of: engine,
    name: engine.kind,
    jobs,
    threads: ({ cpus }) => cpus ?? (isLocal ? share : 1),
    command: (state, id) => [
      process.execPath,
      ...process.execArgv,
      main,
      "trial",
      "--id",
      id,
      "--state",
      isLocal ? state : nodePath.resolve(state),
      // A job has no stdin.
      ...(isLocal ? ["--stop-with-stdin"] : []),
    ],
    outlivesRun: engine.kind === "slurm",
  } satisfies Chosen
})
