/**
 * How the process of a trial says why it ended: the exit codes of `fliqs trial`, and the cause that an error of the training
 * comes to. Left out: what is done about it (`Supervise.ts`).
 */
import { StorageError } from "../disk/Errors.ts"
import * as Shortage from "../disk/Shortage.ts"
import type { TrialError } from "../train/Errors.ts"
import type { Cause } from "./Causes.ts"

/** Exit codes of `fliqs trial`, which every engine understands. */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongInput: 2,
  notReady: 3,
  /** A mistake in fliqs; it may pass when it is tried again. */
  retry: 70,
  /** Memory ran out: tried again after a pause, never a crash. */
  outOfMemory: 71,
  /** A file cannot be written or read, and waiting for it was in vain: as above where it may pass. */
  storage: 74,
  /** Checkpointed: run me again. */
  stopped: 75,
  /** A newer attempt has taken over; never retried, never a failure. */
  superseded: 76,
} as const

/** The cause in the result of a trial that failed so. */
export const failureCause = (error: TrialError): Cause => {
  switch (error.reason._tag) {
    case "Diverged":
      return "diverged"
    case "OutOfMemory":
      return "outOfMemory"
    case "DatasetUnusable":
      return "dataset"
    case "InvalidTrial":
      return "wrongInput"
    case "StorageUnusable":
      return "storage"
  }
}

/** The exit code for what the machine ran out of; undefined for an error that is something else. */
export const shortageCode = (error: unknown): number | undefined => {
  const shortage = isTrialError(error)
    ? shortageOf(error)
    : (Shortage.of(error) ?? (error instanceof StorageError ? "storage" : undefined))
  return shortage === undefined ? undefined : exitCodes[shortage]
}

const shortageOf = (error: TrialError): Shortage.Shortage | undefined => {
  const cause = failureCause(error)
  return cause === "outOfMemory" || cause === "storage" ? cause : undefined
}

export const isTrialError = (error: unknown): error is TrialError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "TrialError"
