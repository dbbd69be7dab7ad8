/**
 * A state folder with many trials on record, made of the records of one: for measuring how commands grow with it. The
 * trials of one experiment file are there under their own ids, in one grid; the others are earlier grids of 1 000.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import * as fs from "node:fs"
import { dirname } from "node:path"
import { stringify } from "yaml"
import * as Record from "../../src/disk/JsonRecord.ts"
import { readKind } from "../../src/experiment/FileKind.ts"
import * as Plan from "../../src/experiment/Plan.ts"
import * as Planned from "../../src/orchestrator/Planned.ts"
import type * as Result from "../../src/orchestrator/Result.ts"
import * as State from "../../src/orchestrator/State.ts"
import { encode } from "../../src/track/Event.ts"
import { toLine, header } from "../../src/track/SpoolRecord.ts"

/** Trials of one grid at most. */
const gridSize = 1000
const startedAt = Date.UTC(2026, 0, 1)

const write = (path: string, value: object) => {
  fs.mkdirSync(dirname(path), { recursive: true })
  fs.writeFileSync(path, Record.encode(value))
}

const layers = [
  "stem",
  "stage1.0.conv1",
  "stage1.0.conv2",
  "stage2.0.conv1",
  "stage2.0.conv2",
  "stage2.0.projection",
  "stage3.0.conv1",
  "stage3.0.conv2",
  "stage3.0.projection",
  "classifier",
].map((path, i) => ({
  path,
  weightFormat: "INT4",
  activationFormat: "INT4",
  macs: 589_824 + i,
  costShare: 0.1,
}))

const resultOf = (id: string, i: number): Result.Result => ({
  version: 1,
  id,
  state: "finished",
  metrics: {
    "final/accuracy": 0.5 + (i % 1000) / 4000,
    "final/cost": 0.05 + i / 1e6,
    "final/cost_over_target": 1 + (i % 10) / 1000,
    "final/gbops": 0.05 + i / 1e6,
    "final/memory_bytes": 12_572 + i,
    "final/argmax_probability": 0.99,
    "final/switching": 0,
  },
  assignment: Object.fromEntries(
    layers.map(({ path }, j) => [`${path}.format`, `INT${3 + ((i + j) % 4)}`]),
  ),
  layers,
  steps: 800,
  seconds: 49.5,
  attempt: 0,
  finishedAt: startedAt + i * 1000,
  warnings: [],
})

const writeSpool = (folder: string, trial: State.TrialFile) => {
  const { experiment, gridId, id, name, parameters, tags } = trial
  const time = startedAt
  const events = [
    { type: "start", time, gridId, trialId: id, experiment, name, tags },
    { type: "parameters", values: parameters },
    ...Array.from({ length: 100 }, (_, i) => ({
      type: "metrics" as const,
      step: i * 8,
      time: time + i,
      values: {
        "train/loss": 2 / (1 + i),
        "train/accuracy": i / 100,
        "search/reward": i / 120,
        "search/entropy": Math.log(6) * (1 - i / 100),
        "search/commitment": i / 100,
        "search/expected_cost": 0.05 + 0.1 / (1 + i),
      },
    })),
    { type: "end", time: time + 100, status: "FINISHED" },
  ] as const
  const lines = [header, ...events.map(encode)].map(toLine)
  fs.writeFileSync(`${folder}/spool.jsonl`, Buffer.concat(lines))
}

const formats = ["INT3", "INT4", "INT5", "INT6", "INT7", "INT8"]

/** As many moments as a trial keeps, each with probabilities of its own. */
const policyOf = (seed: number) => ({
  decisions: layers.map(({ path }) => ({
    path: `${path}.format`,
    tag: "format",
    role: "format",
    options: formats,
  })),
  history: Array.from({ length: 100 }, (_, i) => ({
    step: i * 8,
    probabilities: layers.map((_layer, j) => {
      const weights = formats.map((_format, k) =>
        Math.exp((-i / 12) * Math.abs(k - ((j + seed) % 6)) + Math.sin(seed + i + j + k) / 9),
      )
      const whole = weights.reduce((a, b) => a + b, 0)
      return weights.map((weight) => weight / whole)
    }),
  })),
})

const writeFinished = (state: string, trial: State.TrialFile, i: number) => {
  const folder = State.trialFolder(state, trial.id)
  write(State.trialFile(state, trial.id), trial)
  for (const name of ["attempt.0", "artifacts", "checkpoint"]) fs.mkdirSync(`${folder}/${name}`)
  for (const name of ["720-0", "800-0"])
    fs.writeFileSync(`${folder}/checkpoint/${name}.safetensors`, "")
  write(State.resultFile(state, trial.id), resultOf(trial.id, i))
  writeSpool(folder, trial)
  fs.writeFileSync(`${folder}/artifacts/policy.json`, JSON.stringify(policyOf(i)))
  fs.writeFileSync(`${folder}/artifacts/trial.yaml`, stringify(trial.declaration))
}

/** Makes the folder and the experiment file; `planned` trials of it are on record among `trials` in all. */
export const make = async (state: string, experiment: string, trials: number): Promise<void> => {
  const program = Effect.gen(function* () {
    const plan = yield* Plan.expand(yield* readKind(experiment, ["experiment"], "bench"), {
      yes: true,
    })
    const execution = { threads: () => 1, eager: false, tags: {} }
    const own = plan.trials.map((trial) => Planned.trialFile(plan, trial, execution))
    const grid = (gridId: string, ids: ReadonlyArray<string>, at: number) =>
      write(State.gridFile(state, gridId), {
        version: 1,
        gridId,
        experiment: plan.name,
        name: plan.name,
        file: experiment,
        trials: ids,
        startedAt: at,
      })
    own.forEach((trial, i) => writeFinished(state, trial, i))
    grid(
      plan.gridId,
      own.map(({ id }) => id),
      startedAt,
    )
    for (let first = own.length; first < trials; first += gridSize) {
      const gridId = first.toString(16).padStart(16, "0")
      const ids: Array<string> = []
      for (let i = first; i < Math.min(trials, first + gridSize); i++) {
        const id = (0x100_0000_0000 + i).toString(16).padStart(16, "e")
        const like = own[i % own.length]!
        const seed = String(i)
        writeFinished(
          state,
          { ...like, id, gridId, name: `seed=${seed}`, parameters: { ...like.parameters, seed } },
          i,
        )
        ids.push(id)
      }
      grid(gridId, ids, startedAt + first)
    }
  })
  await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
}
