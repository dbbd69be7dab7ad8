/**
 * Why a trial fails: for each cause what it means, what puts it right, and when it is tried again. The only table of its
 * kind: messages, `run` and the table in docs/slurm.md follow it (`test/docs/Causes.test.ts`). Left out: how a cause is found
 * (`Death.ts`, `ExitCode.ts`).
 */
import { Struct } from "effect"

interface Row {
  readonly meaning: string
  readonly fix: string
  /** What the run at work does. */
  readonly retry: string
  /** Whether the same command tries it again later without `--retry-failed`: the machine may have again what it lacked. */
  readonly passes: boolean
}

export const table = {
  wrongInput: {
    meaning: "the trial asks for what cannot be trained",
    fix: "change what the message names",
    retry: "never: it would fail again",
    passes: false,
  },
  diverged: {
    meaning: "the loss or a weight is not finite",
    fix: "what the message advises: a lower `train.learningRate.peak`, other scales, wider formats",
    retry: "never: it would fail again",
    passes: false,
  },
  dataset: {
    meaning: "images are missing, or are not what was pinned",
    fix: "`fliqs data verify` and `fliqs data pull`, or the path of your own",
    retry: "never: it would fail again",
    passes: false,
  },
  outOfMemory: {
    meaning:
      "the machine, the group of processes (cgroup), the job or `ulimit -v` had no more memory",
    fix: "fewer `--jobs`, more `resources.memory`, a smaller `data.batchSize` or network",
    retry: "waited for, 3 minutes without progress; past the limit of a job at once never",
    passes: true,
  },
  storage: {
    meaning: "a disk is full, read-only or away, or too many files are open",
    fix: "make room or access where the message says",
    retry: "waited for, 10 minutes each time",
    passes: true,
  },
  crash: {
    meaning: "its process ended by itself: a signal, a native abort, a mistake in fliqs",
    fix: "`fliqs logs ID` shows its last words; `--retry-failed` goes on from the checkpoint",
    retry: "after 1, 2, 4 s, three times without a new checkpoint between them",
    passes: false,
  },
  lost: {
    meaning: "no sign of life for 15 minutes, or its node went down",
    fix: "look at the machine; `--retry-failed` goes on from the checkpoint",
    retry: "as a crash",
    passes: false,
  },
  timeLimit: {
    meaning:
      "it trained for longer than `timeout`, or its job reached `resources.time` without a new checkpoint",
    fix: "raise that limit, then `--retry-failed` goes on from the checkpoint",
    retry: "`timeout`: never; a job that saved goes on in the next, one that did not as a crash",
    passes: false,
  },
} as const satisfies Record<string, Row>

export type Cause = keyof typeof table

export const causes = Struct.keys(table)

/** Whether a trial that failed so is tried again by the same command. */
export const mayPass = (cause: Cause | undefined): boolean =>
  cause !== undefined && table[cause].passes
