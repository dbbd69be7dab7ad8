/** The trackers there are: the only list. `schema` is the whole of an experiment's `track:` block. */
import { Effect, Layer } from "effect"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames } from "../declaration/OtherNames.ts"
import { MlflowTracker } from "./MlflowTracker.ts"
import { NoTracker } from "./NoTracker.ts"
import type { Tracker } from "./Tracker.ts"
import type { Runs, TrackerKind } from "./TrackerKind.ts"

export const trackers = oneOfKinds(
  "Tracker",
  [MlflowTracker, NoTracker],
  "mlflow",
  otherNames({
    what: "tracker",
    same: { none: "off no false disabled never", mlflow: "mlflowTracking databricks" },
    near: { mlflow: "wandb weightsAndBiases tensorboard neptune comet clearml aim dvc dvclive" },
  }),
)

/** A decoded `track:` block. */
export type TrackSpec = typeof trackers.schema.Type

const kindOf = ({ kind }: Pick<TrackSpec, "kind">): TrackerKind<TrackSpec> => trackers.members[kind]

/** Whether a block asks for anything to be sent. */
export const sends = (spec: TrackSpec): boolean => kindOf(spec).sends

/** What the runs of the experiment `name` are filed under. */
export const experimentOf = (spec: TrackSpec, name: string): string =>
  kindOf(spec).experimentOf?.(spec) ?? name

/** The layer of a kind of tracker. */
export const layerOf = (kind: Pick<TrackSpec, "kind">, runs: Runs): Layer.Layer<Tracker> =>
  Layer.unwrap(Effect.map(Effect.promise(kindOf(kind).load), (layer) => layer(runs)))
