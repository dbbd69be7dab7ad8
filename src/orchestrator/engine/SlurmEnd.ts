/**
 * How a task of a job array ended, from what Slurm says of it and what its script wrote down. Left out: what follows from an
 * end (`orchestrator/Supervise.ts`), whether it has ended (`SlurmEngine.ts`).
 */
import { Effect, FileSystem } from "effect"
import { constants } from "node:os"
import { lastLines } from "../Death.ts"
import { exitCodes } from "../ExitCode.ts"
import * as State from "../State.ts"
import type { Ran } from "./Engine.ts"
import * as SlurmBatch from "./SlurmBatch.ts"
import type { Row } from "./SlurmQueue.ts"

/** An end, and the node that cannot run trials, where that is why. */
export type End =
  | { readonly _tag: "Ran"; readonly ran: Ran }
  | { readonly _tag: "Unready"; readonly node: string; readonly message: string }

const longestTail = 32_768

/** What the last start of a trial printed. */
const tailOf = Effect.fnUntraced(function* (state: string, id: string) {
  const fs = yield* FileSystem.FileSystem
  const path = State.logFile(state, id)
  const read = Effect.gen(function* () {
    const file = yield* fs.open(path)
    const { size } = yield* file.stat
    const length = size > longestTail ? longestTail : Number(size)
    yield* file.seek(BigInt(size) - BigInt(length), "start")
    const bytes = new Uint8Array(length)
    const count = yield* file.read(bytes)
    return new TextDecoder().decode(bytes.subarray(0, Number(count)))
  }).pipe(Effect.scoped)
  const text = yield* Effect.orElseSucceed(read, () => "")
  const lines = text.split("\n")
  const begun = lines.findLastIndex((line) => line.startsWith("--- Slurm job "))
  return lines.slice(begun + 1).join("\n")
})

/** The name of a signal, from its number. */
const signalName = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`

/** What Slurm itself says; undefined where it only says that the script has ended. */
const bySlurm = ({ node, states: [state = ""] }: Row): Ran["exit"] | undefined => {
  const on = node === "" ? "" : ` on ${node}`
  switch (state) {
    case "TIMEOUT":
    case "DEADLINE":
      return { scheduler: "timeLimit", words: `reached the time limit of its job${on}` }
    case "OUT_OF_MEMORY":
      return {
        scheduler: "outOfMemory",
        words: `Slurm ended it at the memory limit of its job${on}`,
      }
    case "NODE_FAIL":
    case "BOOT_FAIL":
      return { scheduler: "nodeFailed", words: `was lost with its node${on}` }
    case "CANCELLED":
    case "REVOKED":
      return { scheduler: "cancelled", words: "was cancelled" }
    case "PREEMPTED":
      return { code: exitCodes.stopped }
    default:
      return undefined
  }
}

/** Slurm could not even start the script: it cannot write where its output goes, most often. */
const isLaunchFailure = ({ reason, signal, states }: Row): boolean =>
  reason === "JobLaunchFailure" || signal === 53 || states[0] === "LAUNCH_FAILED"

/** How the task ended; `row` is what Slurm still knows of it. */
export const endOf = Effect.fnUntraced(function* (
  state: string,
  batch: SlurmBatch.Batch,
  task: number,
  row: Row | undefined,
): Effect.fn.Return<End, never, FileSystem.FileSystem> {
  const exit = yield* SlurmBatch.lastExit(batch, task)
  const output = yield* tailOf(state, batch.trials[task] ?? "")
  const node = row?.node || exit?.node || "a node"
  const ran = (how: Ran["exit"]): End => ({
    _tag: "Ran",
    ran: {
      exit: how,
      output,
      memoryKills: exit === undefined || exit.code < 128 ? undefined : exit.memoryKills,
      waitingSince: undefined,
    },
  })
  const told = row === undefined ? undefined : bySlurm(row)
  if (told !== undefined) return ran(told)
  if (row !== undefined && isLaunchFailure(row))
    return {
      _tag: "Unready",
      node,
      message: `node ${node} cannot start a job in ${batch.folder}: the state folder has to be on a file system that all nodes share`,
    }
  const code = exit?.code ?? (row === undefined || row.signal > 0 ? undefined : row.code)
  if (code === exitCodes.notReady) {
    const said = exit?.unready ?? ""
    const words =
      said === "" ? lastLines(output || (yield* SlurmBatch.outputOf(batch, task)), 3) : said
    return { _tag: "Unready", node, message: `node ${node} ${words || "cannot run trials"}` }
  }
  if (code !== undefined) return ran(code > 128 ? { signal: signalName(code - 128) } : { code })
  if (row !== undefined) return ran({ signal: signalName(row.signal) })
  return ran({ scheduler: "nodeFailed", words: "is gone: Slurm does not know its job any more" })
})
