/** A grid with trials on disk, as the orchestrator leaves it: spools of a few or of many events. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Event } from "../../src/track/Event.ts"
import * as Spool from "../../src/track/Spool.ts"

export const gridId = "0123456789abcdef"
export const epoch = 1_700_000_000_000

export const makeState = () => fs.mkdtempSync(join(tmpdir(), "track-"))
export const gridFolder = (state: string) => join(state, "grids", gridId)
export const trialFolder = (state: string, trialId: string) => join(state, "trials", trialId)

export const append = (folder: string, events: ReadonlyArray<Event>) => {
  fs.mkdirSync(folder, { recursive: true })
  const spool = Spool.open(join(folder, Spool.fileName))
  for (const event of events) spool.append(event)
  spool.close()
}

export const writeGrid = (state: string, end = true) =>
  append(gridFolder(state), [
    {
      type: "start",
      time: epoch,
      gridId,
      experiment: "exp",
      name: "grid",
      tags: { "fliqs.git_commit": "abc" },
    },
    { type: "parameters", values: { space: "resnet8" } },
    { type: "tag", key: "mlflow.note.content", value: "# Grid" },
    ...(end ? [{ type: "end", time: epoch + 9, status: "FINISHED" } as const] : []),
  ])

/** Points per metric are `steps`; two metrics per step. */
export const writeTrial = (state: string, trialId: string, steps: number, end = true) => {
  const folder = trialFolder(state, trialId)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(join(folder, "assignment.json"), `{"trial":"${trialId}"}`)
  append(folder, [
    {
      type: "start",
      time: epoch + 1,
      gridId,
      trialId,
      experiment: "exp",
      name: `trial ${trialId}`,
      tags: { "fliqs.search": "reinforce" },
    },
    { type: "parameters", values: { seed: trialId, "search/rate": "0.1", "blocks[0]": "x" } },
    { type: "dataset", name: "cifar10", digest: "d1", context: "train", profile: { count: 45000 } },
    { type: "dataset", name: "cifar10", digest: "d2", context: "test", profile: { count: 10000 } },
    ...Array.from({ length: steps }, (_, step): Event => ({
      type: "metrics",
      step,
      time: epoch + 10 + step,
      values: { "train/loss": 1 / (step + 1), "search/reward": Math.sin(step) },
    })),
    { type: "artifact", path: "policy/assignment.json", file: "assignment.json" },
    ...(end
      ? ([
          {
            type: "metrics",
            step: steps,
            time: epoch + 10 + steps,
            values: { "final/gbops": 1.5, "final/accuracy": 0.5 },
          },
          { type: "end", time: epoch + 20 + steps, status: "FINISHED" },
        ] as const)
      : []),
  ])
}
