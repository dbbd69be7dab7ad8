/**
 * What runs the processes of trials: this machine, or a scheduler of many. The unit of execution is the command
 * `fliqs trial --id ID --state DIR` on a state folder; an engine only starts it, sees it end and says how. Left out: which
 * engines there are (`Engines.ts`), what follows from an end (`orchestrator/Supervise.ts`).
 */
import { type Duration, type Effect, type FileSystem, Schema, type Scope } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import type { StorageError } from "../../disk/Errors.ts"
import type { Shortage } from "../../disk/Shortage.ts"
import type { Ending } from "../Death.ts"
import type * as Heartbeat from "../Heartbeat.ts"
import type * as State from "../State.ts"
import type * as Waiting from "../Waiting.ts"

/** The engine cannot do what it is asked for: a program that is missing, a request that its scheduler refuses. */
export class EngineError extends Schema.TaggedError<EngineError>()("EngineError", {
  engine: Schema.String,
  message: Schema.String,
  /** Whether another setting would help; else the scheduler is away. */
  isWrongSetting: Schema.Boolean,
}) {}

/** How long a trial waits, in all and without progress, for what the machine ran out of. */
export type ShortagePatience = Readonly<Record<Shortage, Duration.Input>>

/** One trial at work, and who is told of it. */
export interface Work {
  readonly state: string
  readonly trial: State.TrialFile
  /** The program and its arguments that run the trial: `node .../main.ts trial --id ID --state DIR`. */
  readonly command: readonly [string, ...Array<string>]
  readonly environment: Readonly<Record<string, string>>
  /** A process without a sign of life for so long is lost; its first step may load data and record the graph. */
  readonly lostAfter: Duration.Input
  /** How long a process that is asked to stop may take to save. */
  readonly patience: Duration.Input
  readonly shortagePatience: ShortagePatience
  /** Process groups of the children at work: for who must end them at once. */
  readonly children: Set<number>
  /** Its process has begun. */
  readonly onBegin: Effect.Effect<void>
  readonly onProgress: (heartbeat: Heartbeat.Heartbeat) => Effect.Effect<void>
  /** It waits for room, memory, open files; or goes on after that. */
  readonly onWaiting: (notice: Waiting.Notice) => Effect.Effect<void>
  readonly onRetry: (retry: {
    readonly message: string
    readonly failures: number
    readonly delay: Duration.Duration
  }) => Effect.Effect<void>
}

/** How a process ended, and since when it waited for something that the machine ran out of. */
export interface Ran extends Ending {
  readonly waitingSince: number | undefined
}

export type Needs = FileSystem.FileSystem | ChildProcessSpawner.ChildProcessSpawner

/** An engine at work on a grid. */
export interface Runner {
  /** Trials that are handed to it at a time. */
  readonly concurrency: number | "unbounded"
  /** Whether the processes go on when the `run` that watches them is interrupted. */
  readonly outlivesRun: boolean
  /** Whether a process that an earlier `run` started is still at work on the trial, or waits for its turn. */
  readonly isAtWork: (id: string) => boolean
  /** Ends what an earlier `run` started for the trial, so that it can begin anew. */
  readonly withdraw: (id: string) => Effect.Effect<void, StorageError | EngineError, Needs>
  /** Runs the trial's process once to its end, or follows the one at work. Interrupted, it asks a child to save and go. */
  readonly runOnce: (work: Work) => Effect.Effect<Ran, StorageError | EngineError, Needs>
  /** Ends all processes of the grid, with a checkpoint, after the run was given up. */
  readonly cancel: Effect.Effect<void, StorageError | EngineError, Needs>
}

/** What an engine is told of the grid. */
export interface Grid {
  readonly state: string
  readonly name: string
  readonly jobs: number | undefined
  /** Says something that concerns the grid as a whole. */
  readonly tell: (message: string) => Effect.Effect<void>
}

export interface RunningEngine {
  readonly kind: string
  readonly open: (
    grid: Grid,
  ) => Effect.Effect<Runner, StorageError | EngineError, Needs | Scope.Scope>
}

/** Trials that are left, and the program that runs them, for who starts them elsewhere. */
export interface Left {
  readonly state: string
  readonly gridId: string
  readonly name: string
  readonly trials: ReadonlyArray<State.TrialFile>
  /** The program `fliqs` of this installation. */
  readonly program: string
  /** The cache that it uses. */
  readonly cache: string
  readonly jobs: number | undefined
}

/** An engine that only writes down what another program is to run; the folder is read afterwards. */
export interface WritingEngine {
  readonly kind: string
  readonly write: (left: Left) => {
    /** For stdout. */
    readonly text: string
    /** For people, on stderr. */
    readonly notes: ReadonlyArray<string>
    /** Files, by their names in `folder`. */
    readonly files: Readonly<Record<string, string>>
    readonly folder: string
  }
}
