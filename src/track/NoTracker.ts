/** No tracker: what runs record stays in the state folder. */
import { Schema } from "effect"
import type { TrackerKind } from "./TrackerKind.ts"

const Untracked = Schema.Struct({ kind: Schema.Literal("none") }).annotate({
  identifier: "Untracked",
  description: "Nothing is sent; results stay in the state folder.",
})

export const NoTracker = {
  kind: "none",
  spec: Untracked,
  sends: false,
  load: async () => {
    const { layerNone } = await import("./Tracker.ts")
    return () => layerNone
  },
} as const satisfies TrackerKind<typeof Untracked.Type>
