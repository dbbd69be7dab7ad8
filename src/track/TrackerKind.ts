/**
 * What a kind of tracker is: its block in an experiment, and the layer that sends. Left out: the list (`Trackers.ts`),
 * what runs record (`Spool.ts`), which is the same for every kind.
 */
import type { Effect, Layer, Schema } from "effect"
import type { Memberships } from "./Sending.ts"
import type { Tracker } from "./Tracker.ts"

/** The runs that a layer sends. */
export interface Runs {
  /** The `.fliqs` folder, with `grids/` and `trials/` in it. */
  readonly stateFolder: string
  /** The grids of each trial; asked when more is watched. */
  readonly memberships: Effect.Effect<Memberships>
}

/** One kind of tracker. Adding one is a file here and an entry in `Trackers.ts`. */
export interface TrackerKind<Spec extends { readonly kind: string } = { readonly kind: string }> {
  readonly kind: Spec["kind"]
  readonly spec: Schema.Codec<Spec, { readonly kind: string }>
  /** Whether it sends anything at all. */
  readonly sends: boolean
  /** What the runs of an experiment are filed under; the name of the experiment by default. */
  experimentOf?(spec: Spec): string | undefined
  /** The layer that sends; its code is loaded here, so that listing the kinds loads no client. */
  readonly load: () => Promise<(runs: Runs) => Layer.Layer<Tracker>>
}
