/**
 * Search steps, in full and with the policy frozen: what the search itself costs.
 *
 *     node bench/worker/search.ts THREADS search|frozen PROPOSALS [WARM]
 *
 * `search`: a trial as `fliqs trial` runs it (`orchestrator/RunTrial`: policy, reward, journal, heartbeat, checkpoints),
 * halted between steps. `frozen`: the same batches, training steps and held-out quality of as many proposals, drawn
 * from a uniform policy that never changes, and nothing else; PROPOSALS 0 leaves out the held-out pass.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect, Result, Schema, Stream } from "effect"
import { openBatches } from "../../src/data/Batches.ts"
import * as Datasets from "../../src/data/Datasets.ts"
import { read } from "../../src/declaration/Document.ts"
import { cacheDirectory } from "../../src/disk/Installation.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import * as RunTrial from "../../src/orchestrator/RunTrial.ts"
import { version, writeTrial } from "../../src/orchestrator/State.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { load } from "../../src/tensor/Backend.ts"
import * as OneShot from "../../src/train/OneShot.ts"
import { makeSteps } from "../../src/train/Steps.ts"
import { prepare, Trial } from "../../src/train/Trial.ts"
import { serve } from "./serve.ts"

const [threads = "2", kind = "search", proposals = "4", warm = "8"] = process.argv.slice(2)
const count = Number(proposals)
const id = "0123456789abcdef"
const cache = cacheDirectory()

const { value: space } = await Effect.runPromise(
  read("spaces/resnet20.yaml").pipe(Effect.provide(NodeServices.layer)),
)
const { $schema: _schema, description: _description, ...network } = space as Record<string, unknown>
const declaration = {
  data: { kind: "synthetic", batchSize: 64, augment: ["flip", "crop"], heldOut: 512 },
  // No delay: every step measures its proposals and moves the policy.
  search: { kind: "reinforce", proposals: Math.max(count, 1), delay: 0, stopAt: "off" },
  reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1, uniform: "INT6" } } },
  train: { steps: 100_000, learningRate: { kind: "constant", peak: 0.01 } },
  seed: 1,
  space: network,
}

/** Steps are taken only as told: `step` lets one pass and waits until it has been told of. */
const makeGate = () => {
  let release: (() => void) | undefined
  let arrived: (() => void) | undefined
  return {
    /** In the trial, after each step. */
    wait: (): Promise<void> =>
      new Promise((resolve) => {
        release = resolve
        arrived?.()
      }),
    step: (): Promise<void> =>
      new Promise((resolve) => {
        arrived = resolve
        release?.()
        release = undefined
      }),
  }
}

const search = async (): Promise<() => Promise<void>> => {
  const state = mkdtempSync(join(tmpdir(), "fliqs-bench-"))
  process.on("exit", () => rmSync(state, { recursive: true, force: true }))
  const gate = makeGate()
  const trial = {
    version,
    id,
    gridId: "bench",
    experiment: "bench",
    name: "bench",
    cell: {},
    parameters: {},
    declaration,
    steps: declaration.train.steps,
    tags: {},
    execution: { threads: Number(threads), checkpointEvery: 200, eager: false },
  } as const
  await Effect.runPromise(writeTrial(state, trial).pipe(Effect.provide(NodeServices.layer)))
  const started = gate.step()
  const running = RunTrial.run({
    state,
    id,
    train: (resolved, context) =>
      OneShot.run(resolved, context).pipe(
        Stream.rechunk(1),
        Stream.tap((event) =>
          event.type === "checkpoint" ? Effect.promise(gate.wait) : Effect.void,
        ),
      ),
    cacheDirectory: cache,
    stop: Effect.never,
  })
  Effect.runPromise(running.pipe(Effect.provide(NodeServices.layer))).catch((cause: unknown) => {
    console.error(cause)
    process.exit(1)
  })
  await started
  return gate.step
}

const frozen = async (): Promise<() => Promise<void>> => {
  await Effect.runPromise(load({ threads: Number(threads) }))
  const trial = Schema.decodeUnknownSync(Trial)(declaration)
  const prepared = Result.getOrThrow(prepare(trial))
  const dataset = await Effect.runPromise(
    Datasets.load(trial.data, cache, ".").pipe(Effect.provide(NodeServices.layer)),
  )
  const data = openBatches(dataset, { ...trial.data, seed: trial.seed })
  const supernet = makeSupernet(prepared.network, trial.seed)
  const steps = makeSteps(supernet, dataset, trial.data.batchSize, trial.train, false)
  const random = randomStream(1, "bench/proposals")
  const draw = (): Choices =>
    prepared.network.space.decisions.map(({ options }) => random.integer(options.length))
  let step = 0
  return async () => {
    const all = Array.from({ length: Math.max(count, 1) }, draw)
    steps.train(await data.trainBatch(step), all[0]!, 0.01)
    if (count > 0) {
      const batch = await data.heldOutBatch(step)
      for (const choices of all) steps.measure(batch, choices)
    }
    step++
  }
}

await serve({ step: kind === "search" ? await search() : await frozen(), warm: Number(warm) })
