/**
 * Errors in words for people, and the exit code each ends with: what, where, what would be right. No other file makes
 * such words of an error. Left out: errors of flags, which effect/cli words itself (`Presenter` in `main.ts`).
 */
import { Schema } from "effect"
import { pathText } from "../declaration/Errors.ts"

/** Exit codes of every command but `trial`. */
export const exitCodes = { ok: 0, failed: 1, wrong: 2, notReady: 3, interrupted: 130 } as const

/** Ends the command with a code; what there was to say has been said. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", { code: Schema.Int }) {}

/** What the person asked for does not exist or does not go together. */
export class Wrong extends Schema.TaggedError<Wrong>()("Wrong", { message: Schema.String }) {}

/** The environment is not ready; `mend` is the command that makes it so. */
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

const storageHints: Readonly<Record<string, string>> = {
  Unreachable: "\nMake room or give access there, then run the same command again.",
  NewerVersion: "\nUse the newer fliqs that wrote it, or another folder with --state DIR.",
}

/** What to tell of an error; undefined when it is none of ours (a defect). */
export const wordsOf = (error: unknown): Words | undefined => {
  if (!isTagged(error)) return undefined
  const { message } = error
  switch (error._tag) {
    case "Ended":
      return { text: "", code: (error as unknown as Ended).code }
    case "Wrong":
    case "DeclarationError":
    case "DeclarationErrors":
      return { text: message, code: exitCodes.wrong }
    case "NotReady":
    case "BackendError":
      return { text: message || describeReason(error), code: exitCodes.notReady }
    case "StorageError":
      return {
        text: message + (storageHints[error.reason?._tag ?? ""] ?? ""),
        code: exitCodes.notReady,
      }
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
      return { text: pathText(message), code: exitCodes.notReady }
    default:
      return undefined
  }
}

const describeReason = ({ reason }: Tagged): string =>
  isTagged(reason) ? reason.message : "no more is known"
