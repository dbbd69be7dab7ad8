/**
 * Errors as messages for people, with the exit code of each: what, where, what would be right. No other file makes
 * such messages. Left out: errors of flags, which effect/cli reports (`Presenter.ts`).
 */
import { Schema } from "effect"
import { pathText } from "../declaration/Errors.ts"
import { StorageError } from "../disk/Errors.ts"
import { describe } from "../disk/FileProblem.ts"

/** Exit codes of every command but `trial`. */
export const exitCodes = { ok: 0, failed: 1, wrong: 2, notReady: 3, interrupted: 130 } as const

/** Ends the command with a code; all messages are printed already. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", { code: Schema.Int }) {}

/** The request names something that does not exist, or contradicts itself. */
export class Wrong extends Schema.TaggedError<Wrong>()("Wrong", { message: Schema.String }) {}

/** The environment is not ready; the message says how to prepare it. */
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", {
  message: Schema.String,
}) {}

export interface Words {
  readonly text: string
  readonly code: number
}

interface Tagged {
  readonly _tag: string
  readonly message: string
  readonly reason?: { readonly _tag: string }
}

const isTagged = (error: unknown): error is Tagged =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string"

const storageHints = {
  Unreachable: "Give access there",
  Conflict: "Wait for it, stop it, or give this run a folder of its own with --state DIR",
  Damaged: "Put the file aside",
  NewerVersion: "Use the newer fliqs that wrote it, or another folder with --state DIR",
} as const

/** An error of the file system, with what to do about it. */
const storageWords = ({ fix, message, reason }: StorageError): string => {
  const hint = fix === undefined ? storageHints[reason._tag] : capital(fix)
  const again = reason._tag === "Conflict" ? "." : ", then run the same command again."
  return `${message}\n${hint}${again}`
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** An error of the file system that has no message of ours yet: its path, what happened, what to do. */
const fileWords = (error: unknown): Words | undefined => {
  const { code, fix, path, words } = describe(error)
  if (code === undefined) return undefined
  const hint = fix === undefined ? "" : `\n${capital(fix)}, then run the same command again.`
  return {
    text: `${path === undefined ? "" : `${pathText(path)}: `}${words}${hint}`,
    code: exitCodes.notReady,
  }
}

/** The message of an error; undefined if it is a defect. */
export const wordsOf = (error: unknown): Words | undefined => {
  if (error instanceof Ended) return { text: "", code: error.code }
  if (error instanceof StorageError) return { text: storageWords(error), code: exitCodes.notReady }
  if (!isTagged(error)) return fileWords(error)
  const { message } = error
  switch (error._tag) {
    case "Wrong":
    case "DeclarationError":
    case "DeclarationErrors":
      return { text: message, code: exitCodes.wrong }
    case "EngineError":
      return {
        text: message,
        code:
          "isWrongSetting" in error && error.isWrongSetting === true
            ? exitCodes.wrong
            : exitCodes.notReady,
      }
    case "NotReady":
    case "BackendError":
      return { text: message || describeReason(error), code: exitCodes.notReady }
    case "TrackerError":
      return {
        text: message || describeReason(error),
        code: error.reason?._tag === "WrongSetting" ? exitCodes.wrong : exitCodes.notReady,
      }
    case "TrialError":
    case "DatasetMissing":
    case "DatasetCorrupt":
      return { text: message || describeReason(error), code: exitCodes.failed }
    case "PlatformError":
      return fileWords(error) ?? { text: pathText(message), code: exitCodes.notReady }
    default:
      return fileWords(error)
  }
}

const describeReason = ({ reason }: Tagged): string =>
  isTagged(reason) ? reason.message : "no more is known"
