import { Effect } from "effect"
import { expect, it } from "vitest"
import { withPicture } from "../../src/cli/tracker/TrialPictures.ts"
import type { TrainEvent } from "../../src/train/TrainEvent.ts"

const policy = {
  decisions: [{ path: "stem.format", options: ["INT4", { weights: "INT4", activations: "INT8" }] }],
  history: [
    { step: 1, probabilities: [[0.5, 0.5]] },
    { step: 10, probabilities: [[0.1, 0.9]] },
  ],
}

const paths = async (event: TrainEvent) =>
  (await Effect.runPromise(withPicture(event))).map((one) => one.type === "artifact" && one.path)

it("follows the policy's file with its picture, and with the specification of it", async () => {
  const content = JSON.stringify(policy)
  const event = { type: "artifact", path: "policy.json", content } as const
  expect(await paths(event)).toEqual(["policy.json", "policy.svg", "policy.vl.json"])
  expect(await paths({ ...event, content: "no JSON" })).toEqual(["policy.json"])
  expect(await paths({ type: "warning", alarm: "a", message: "b" })).toEqual([false])
})
