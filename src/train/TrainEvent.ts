/**
 * The seam between training and what keeps it alive: what a trial is given, and what it reports while it trains.
 *
 * `train/` emits these events and never sees a file, a process or a tracker; `orchestrator/RunTrial` consumes them.
 * Left out: the loop itself.
 */
import type { Stream } from "effect"
import type { Assignment } from "../space/Decision.ts"
import type { FrozenScales } from "../supernet/FrozenScales.ts"
import type { Arithmetic } from "./ArithmeticRecord.ts"
import type { TrialError } from "./Errors.ts"

/** One planned trial with nothing left to decide: every default filled, the space included. */
export interface ResolvedTrial {
  /** First 16 hex digits of sha256 over the canonical JSON of `declaration`. */
  readonly id: string
  /** The resolved experiment as plain JSON. */
  readonly declaration: unknown
}

/** A named array of a checkpoint. */
export interface NamedTensor {
  readonly shape: ReadonlyArray<number>
  readonly values: Float32Array
}

/** Everything a trial needs to go on bit-exactly from `step` completed steps. */
export interface Snapshot {
  readonly step: number
  readonly tensors: Readonly<Record<string, NamedTensor>>
  /** Plain JSON: the searcher's state, random streams, running sums. */
  readonly state: unknown
}

/** The network that a trial found, frozen. */
export interface KeptModel extends FrozenScales {
  /** Name of a variable of the child -> its values. */
  readonly weights: ReadonlyMap<string, NamedTensor>
  readonly assignment: Assignment
  readonly classNames: ReadonlyArray<string>
  readonly mean: ReadonlyArray<number>
  readonly std: ReadonlyArray<number>
}

export interface TrainContext {
  readonly resume?: Snapshot
  /** The initial weights that the declaration knows by their digest. */
  readonly initial?: ReadonlyMap<string, NamedTensor>
  readonly threads: number
  readonly cacheDirectory: string
  /** Runs operation by operation instead of the recorded step: slower, easier to look into. */
  readonly eager: boolean
  /** What paths in the declaration are relative to; the current directory by default. */
  readonly folder?: string
}

/** How one layer came out: what the table at the end of a run shows. */
export interface LayerOutcome {
  readonly path: string
  readonly weightFormat: string
  readonly activationFormat: string
  readonly macs: number
  /** This layer's part of the whole cost, 0 to 1. */
  readonly costShare: number
}

export type TrainEvent =
  /** What the bits of this process depend on; reported first. */
  | { readonly type: "arithmetic"; readonly arithmetic: Arithmetic }
  | {
      readonly type: "dataset"
      readonly name: string
      readonly digest: string
      readonly context: string
    }
  /** `step` counts completed steps, from 1; keys carry their section: `train/loss`, `search/entropy`. */
  | {
      readonly type: "metrics"
      readonly step: number
      readonly values: Readonly<Record<string, number>>
    }
  /** Reported after every step: `snapshot()` copies the state now, synchronously, and only then. */
  | { readonly type: "checkpoint"; readonly step: number; readonly snapshot: () => Snapshot }
  | {
      readonly type: "artifact"
      /** Where it goes in the tracked run, with `/` between segments. */
      readonly path: string
      readonly content: string | Uint8Array
    }
  /** The network as it is frozen now; a later one takes its place. */
  | { readonly type: "model"; readonly model: KeptModel }
  | { readonly type: "warning"; readonly alarm: string; readonly message: string }
  | {
      readonly type: "finished"
      readonly metrics: Readonly<Record<string, number>>
      readonly assignment: Assignment
      readonly layers: ReadonlyArray<LayerOutcome>
    }

/** Trains one trial; the loop yields to the event loop at every step, so that signals are seen between steps. */
export type Train<E = never, R = never> = (
  trial: ResolvedTrial,
  context: TrainContext,
) => Stream.Stream<TrainEvent, TrialError | E, R>
