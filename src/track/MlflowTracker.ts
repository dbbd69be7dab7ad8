/** MLflow as a kind of tracker. Left out: the client and its settings, which `load` brings (`Tracker.ts`). */
import { Schema } from "effect"
import type { TrackerKind } from "./TrackerKind.ts"

const Mlflow = Schema.Struct({
  kind: Schema.Literal("mlflow"),
  experiment: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[^\p{Cc}]{1,250}$/u, {
        expected: "1 to 250 characters without control characters",
      }),
    ).annotate({
      description: "Name of the experiment in MLflow. Default: the name of this experiment.",
      examples: ["resnet8"],
    }),
  ),
}).annotate({ identifier: "Mlflow", description: "An MLflow server." })

export const MlflowTracker = {
  kind: "mlflow",
  spec: Mlflow,
  sends: true,
  experimentOf: ({ experiment }) => experiment,
  load: async () => (await import("./Tracker.ts")).layerMlflow,
} as const satisfies TrackerKind<typeof Mlflow.Type>
