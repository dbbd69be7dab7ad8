/**
 * Why a trial's process ended without a result, as far as it can be seen from outside: its exit code, the signal, what it
 * printed last, and whether the system has killed a process for memory meanwhile. Left out: what is done about it
 * (`Supervise`).
 */
import * as Shortage from "../disk/Shortage.ts"
import type { Cause } from "./Causes.ts"
import { exitCodes } from "./ExitCode.ts"
import * as Waiting from "./Waiting.ts"

/**
 * What a scheduler says of a job that did not end by itself. `forgotten`: it does not know the job any more, and the trial
 * never began.
 */
export type SchedulerEnd = "timeLimit" | "outOfMemory" | "nodeFailed" | "cancelled" | "forgotten"

/** How a process ended. */
export interface Ending {
  readonly exit:
    | { readonly code: number }
    | { readonly signal: string }
    | { readonly lost: number }
    | { readonly scheduler: SchedulerEnd; readonly words: string }
  /** The end of what it printed. */
  readonly output: string
  /** Processes the system has killed because memory ran out while it ran; undefined where it does not count them. */
  readonly memoryKills: number | undefined
}

export interface Death {
  readonly cause: Cause
  /** Continues `its process ...`. */
  readonly message: string
  /** What the process printed last, where that may say more; part of the result. */
  readonly lastWords?: string
  /** What would help; stands in the result. */
  readonly advice?: string
  /** Whether waiting may help. */
  readonly passes: boolean
}

/** The last lines of a text. */
export const lastLines = (text: string, count = 8): string =>
  text.trimEnd().split("\n").slice(-count).join("\n")

const exitWords = ({ exit, memoryKills }: Ending): string => {
  if ("scheduler" in exit) return exit.words
  if ("lost" in exit) return `gave no sign of life for ${Math.round(exit.lost)} s`
  if ("code" in exit) return `ended with exit code ${exit.code}`
  if (exit.signal !== "SIGKILL") return `died of ${exit.signal}`
  return memoryKills === undefined
    ? "was killed (SIGKILL): most often memory ran out"
    : "was killed (SIGKILL), and not for memory"
}

const adviceFor = {
  outOfMemory:
    "fewer --jobs, a smaller data.batchSize or network, or more memory would help; the same command goes on from the last checkpoint",
  memoryLimit:
    "more resources.memory, a smaller data.batchSize or network would help; the same command goes on from the last checkpoint",
  crash: "`fliqs logs` shows all it said; --retry-failed goes on from the last checkpoint",
  lost: "--retry-failed goes on from the last checkpoint",
  timeLimit:
    "no step was saved before the limit: raise resources.time; then --retry-failed goes on from the last checkpoint",
  storage: "the same command goes on from the last checkpoint when that is put right",
} as const

/** The lines that say what the machine ran out of; those it printed while it waited, and went on, say nothing. */
const tellingLines = (output: string): ReadonlyArray<string> =>
  output
    .trimEnd()
    .split("\n")
    .slice(-60)
    .filter((line) => Waiting.read(line) === undefined)

const withoutLabel = (line: string): string =>
  line.trim().replace(/^(?:warn|warning|error|Message): /, "")

const shortageIn = (lines: ReadonlyArray<string>) => {
  const line = lines.findLast((text) => Shortage.ofWords(text) !== undefined)
  return line === undefined
    ? undefined
    : { cause: Shortage.ofWords(line)!, line: withoutLabel(line) }
}

const lacking = (cause: Shortage.Shortage, what: string, passes: boolean): Death => ({
  cause,
  message: `${cause === "outOfMemory" ? "ran out of memory" : "could not use a file"}: ${what}`,
  advice: adviceFor[cause],
  passes,
})

/** What a code that names a shortage says with its last words. */
const ofShortageCode = (cause: Shortage.Shortage, lines: ReadonlyArray<string>): Death => {
  const found = shortageIn(lines)
  if (found?.cause === cause) return lacking(cause, found.line, true)
  const last = lines.findLast((line) => line.trim() !== "") ?? "no more is known"
  return lacking(cause, withoutLabel(last), cause === "outOfMemory")
}

const ofScheduler = (end: SchedulerEnd, message: string, lastWords: string): Death => {
  switch (end) {
    case "timeLimit":
      return { cause: "timeLimit", message, lastWords, advice: adviceFor.timeLimit, passes: false }
    case "outOfMemory":
      return { cause: "outOfMemory", message, advice: adviceFor.memoryLimit, passes: false }
    case "nodeFailed":
    case "cancelled":
    case "forgotten":
      return { cause: "lost", message, lastWords, advice: adviceFor.lost, passes: false }
  }
}

/** The likeliest cause. */
export const deathOf = (ending: Ending): Death => {
  const { exit, memoryKills, output } = ending
  const lines = tellingLines(output)
  const code = "code" in exit ? exit.code : undefined
  if (code === exitCodes.outOfMemory) return ofShortageCode("outOfMemory", lines)
  if (code === exitCodes.storage) return ofShortageCode("storage", lines)
  if ("signal" in exit && exit.signal === "SIGKILL" && (memoryKills ?? 0) > 0)
    return lacking("outOfMemory", "the system killed it (SIGKILL)", true)
  const message = exitWords(ending)
  const lastWords = lastLines(output)
  if ("scheduler" in exit) return ofScheduler(exit.scheduler, message, lastWords)
  if ("lost" in exit)
    return { cause: "lost", message, lastWords, advice: adviceFor.lost, passes: false }
  if (code === exitCodes.wrongInput)
    return { cause: "wrongInput", message, lastWords, passes: false }
  const found = code === exitCodes.stopped ? undefined : shortageIn(lines)
  return found === undefined
    ? { cause: "crash", message, lastWords, advice: adviceFor.crash, passes: false }
    : lacking(found.cause, `${found.line} (it ${message})`, true)
}
