/** What a run of a grid is given, and what it reports while it goes on. */
import type { Duration, Effect, FileSystem } from "effect"
import type { RunningEngine, ShortagePatience } from "./engine/Engine.ts"
import type * as Event from "../track/Event.ts"
import type * as EndOfRuns from "./EndOfRuns.ts"
import type * as Heartbeat from "./Heartbeat.ts"
import type * as Result from "./Result.ts"
import type { Damage, TrialState } from "./TrialStatus.ts"
import type * as State from "./State.ts"
import type * as TrialIndex from "./TrialIndex.ts"
import type * as Waiting from "./Waiting.ts"

/** What a run reports while it goes on. */
export type GridEvent =
  | { readonly _tag: "Skipped"; readonly trial: State.TrialFile; readonly result: Result.Summary }
  | {
      readonly _tag: "Started"
      readonly trial: State.TrialFile
      /** Steps that an earlier process saved. */
      readonly fromStep: number
    }
  | {
      readonly _tag: "Progress"
      readonly trial: State.TrialFile
      readonly heartbeat: Heartbeat.Heartbeat
    }
  | {
      readonly _tag: "Retrying"
      readonly trial: State.TrialFile
      readonly message: string
      readonly failures: number
      readonly seconds: number
    }
  /** It waits for room, memory or open files (of the grid itself, without a trial), or goes on after that. */
  | {
      readonly _tag: "Waiting"
      readonly trial: State.TrialFile | undefined
      readonly notice: Waiting.Notice
    }
  /** What the engine says of the grid as a whole. */
  | { readonly _tag: "Engine"; readonly trial: undefined; readonly message: string }
  /** A record of it cannot be read; it is left as it is. */
  | { readonly _tag: "Damaged"; readonly trial: State.TrialFile; readonly damage: Damage }
  | { readonly _tag: "Ended"; readonly trial: State.TrialFile; readonly result: Result.Result }
  /** It was asked to stop; so many steps are saved. */
  | { readonly _tag: "Stopped"; readonly trial: State.TrialFile; readonly step: number }
  | { readonly _tag: "Elsewhere"; readonly trial: State.TrialFile }

export interface Options {
  readonly state: string
  /** Of the same folder. */
  readonly index: TrialIndex.TrialIndex
  readonly grid: Omit<State.GridFile, "version" | "trials" | "startedAt">
  /** Markdown for the grid's page in the tracker, at the start and whenever a trial has begun or ended. */
  readonly note: (summaries: ReadonlyArray<TrialSummary>) => string
  /** The result in a sentence of Markdown; undefined while there is none. */
  readonly headline?: (summaries: ReadonlyArray<TrialSummary>) => string | undefined
  /** Metrics of the grid as a whole, by their keys. */
  readonly metrics?: (summaries: ReadonlyArray<TrialSummary>) => Readonly<Record<string, number>>
  /** Parameters that all trials share. */
  readonly parameters?: Readonly<Record<string, string>>
  /** What the pages on which the trials are compared show. */
  readonly views?: Omit<Event.Views, "type">
  /** Pictures and other files of the grid, made when it ends. */
  readonly endFiles?: {
    /** Path -> contents. Its trials' results, the experiment and the version of the program decide what it makes. */
    readonly make: (
      summaries: ReadonlyArray<TrialSummary>,
    ) => Effect.Effect<
      Readonly<Record<string, string | Uint8Array>>,
      { readonly message: string },
      FileSystem.FileSystem
    >
    /** Called with their paths once they are in the grid's folder, made now or by an earlier run. */
    readonly onThere: (paths: ReadonlyArray<string>) => void
  }
  /** The page of a grid whose run was killed. */
  readonly stoppedPage: EndOfRuns.StoppedPage
  /** Called with what a `run` that was killed in this folder left to be sent. */
  readonly onEndedRuns: (ended: EndOfRuns.EndedRuns) => Effect.Effect<void>
  /** Files that belong to the grid as a whole (name -> text), such as the experiment as it was written. */
  readonly files: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly trials: ReadonlyArray<State.TrialFile>
  /** What runs the trials; children on this machine when left out. */
  readonly engine?: RunningEngine
  /** Trials at a time; as many as the engine has room for when undefined. */
  readonly jobs: number | undefined
  /** Only these trials (ids); all when undefined. */
  readonly only: ReadonlySet<string> | undefined
  /** The grid ends when so many trials have failed in this run; undefined: it goes on to its end. */
  readonly maxFailed?: number | undefined
  readonly retryFailed: boolean
  readonly restart: boolean
  /** The command a person would type to continue; shown to whoever finds the folder locked. */
  readonly typed: string
  readonly command: (trial: State.TrialFile) => readonly [string, ...Array<string>]
  readonly environment: Readonly<Record<string, string>>
  /** Process groups of the children at work: for who must end them at once. */
  readonly children: Set<number>
  readonly lostAfter?: Duration.Input
  readonly patience?: Duration.Input
  readonly shortagePatience?: ShortagePatience
  readonly onEvent: (event: GridEvent) => Effect.Effect<void>
}

export interface TrialSummary {
  readonly trial: State.TrialFile
  readonly state: TrialState
  readonly result: Result.Summary | undefined
  readonly damage?: Damage
}
