/**
 * What a trial's process draws of itself: the policy, beside the file that it is drawn from. A picture that cannot be drawn
 * never ends a trial.
 */
import { Effect } from "effect"
import { jsonOf, svgOf } from "../../picture/Render.ts"
import { policyOf, type PolicyFile } from "../../report/GridPictures.ts"
import type { TrainEvent } from "../../train/TrainEvent.ts"

const drawn = async (content: string): Promise<ReadonlyArray<TrainEvent>> => {
  const policy = JSON.parse(content) as PolicyFile
  const picture = policyOf(policy, "Probability of every option, and what was chosen")
  return [
    { type: "artifact", path: "policy.svg", content: await svgOf(picture, "light") },
    { type: "artifact", path: "policy.vl.json", content: jsonOf(picture) },
  ]
}

/** The event itself, and after the policy's file its picture: as SVG, and as the specification that it is drawn from. */
export const withPicture = Effect.fnUntraced(function* (event: TrainEvent) {
  const isPolicy = event.type === "artifact" && event.path === "policy.json"
  if (!isPolicy || typeof event.content !== "string") return [event]
  const { content } = event
  const pictures = yield* Effect.tryPromise(() => drawn(content)).pipe(
    Effect.catch((error) =>
      Effect.as(Effect.logWarning(`the policy was not drawn: ${String(error.cause)}`), []),
    ),
  )
  return [event, ...pictures]
})
