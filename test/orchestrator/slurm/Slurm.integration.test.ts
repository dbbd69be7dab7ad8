/**
 * Trials on a whole Slurm on this host. Whatever is killed, every trial is once in the record, with every step told once and
 * the numbers of an undisturbed one.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { SlurmEngine } from "../../../src/orchestrator/engine/SlurmEngine.ts"
import * as SlurmSession from "../../../src/orchestrator/engine/SlurmSession.ts"
import type { GridEvent } from "../../../src/orchestrator/GridOptions.ts"
import * as RunGrid from "../../../src/orchestrator/RunGrid.ts"
import type * as State from "../../../src/orchestrator/State.ts"
import { makeFolder } from "../folder.ts"
import { checkRecord, gridOf, program, tiny } from "../supervised.ts"
import type { Tiny } from "../tinyTrial.ts"
import { type Cluster, missing, start } from "./cluster.ts"

let cluster: Cluster
const slurm = Layer.effectDiscard(
  Effect.acquireRelease(
    Effect.promise(async () => {
      cluster = await start()
      process.env["SLURM_CONF"] = cluster.conf
    }),
    () =>
      Effect.promise(async () => {
        delete process.env["SLURM_CONF"]
        await cluster.stop()
      }),
  ),
)

const ids = Array.from({ length: 8 }, (_, i) => `00000000000000a${i}`)

const optionsFor = (state: string, trials: ReadonlyArray<State.TrialFile>) =>
  gridOf(state, trials, {
    engine: SlurmEngine,
    jobs: undefined,
    command: ({ id }) => [process.execPath, program, "--detached", "--id", id, "--state", state],
  })

const trial = (id: string, declaration: Tiny, execution: Partial<State.TrialFile["execution"]>) => {
  const made = tiny(declaration, id)
  return { ...made, execution: { ...made.execution, ...execution } }
}

const said = (events: ReadonlyArray<GridEvent>) =>
  events.flatMap((event) => (event._tag === "Engine" ? [event.message] : []))
const until = Effect.fnUntraced(function* (is: () => boolean) {
  while (!is()) yield* Effect.sleep("50 millis")
})
const ended = (events: ReadonlyArray<GridEvent>) =>
  events.flatMap((event) => (event._tag === "Ended" ? [event.trial.id] : []))

if (missing.length > 0)
  console.warn(
    `tests of --on slurm are left out: ${missing.join(", ")} missing; scripts/tools.sh installs them`,
  )
else
  layer(Layer.provideMerge(slurm, NodeServices.layer), {
    excludeTestServices: true,
    timeout: 60_000,
  })("on slurm", (it) => {
    it.effect("an array lives through kills of everything, a time limit and a new run", () =>
      Effect.gen(function* () {
        const state = yield* makeFolder
        // The last needs longer than the limit of its job.
        const steps = (i: number) => (i === 7 ? 700 : 250 + i)
        const trials = ids.map((id, i) =>
          trial(
            id,
            { steps: steps(i), pause: 50 },
            i === 7 ? { resources: { time: "1 min" } } : {},
          ),
        )
        const first = optionsFor(state, trials)
        const running = yield* Effect.forkChild(RunGrid.run(first))
        // just after sbatch
        yield* until(() => said(first.events).some((text) => text.includes("submitted")))
        cluster.kill("slurmctld")
        yield* Effect.sleep("1 second")
        cluster.startController()
        yield* until(() => first.events.filter(({ _tag }) => _tag === "Started").length >= 6)
        cluster.kill("slurmd.n1")
        yield* Effect.promise(async () => {
          assert.isAbove(cluster.killNode("n2").length, 2)
        })
        yield* Effect.sleep("2 seconds")
        // The run that watches goes; its trials stay.
        yield* Fiber.interrupt(running)
        // A node that stays silent is down, and what was on it is queued again.
        cluster.startNode("n1")
        const second = optionsFor(state, trials)
        const summaries = yield* RunGrid.run(second)
        assert.deepStrictEqual(
          summaries.map((summary) => summary.state),
          ids.map(() => "finished"),
        )
        for (const [i, id] of ids.entries()) yield* checkRecord(state, id, steps(i))
        const all = [...ended(first.events), ...ended(second.events)]
        assert.deepStrictEqual(all.toSorted(), ids)
      }),
    )

    it.effect("cancelled trials save, are not queued again, and go on in the next run", () =>
      Effect.gen(function* () {
        const state = yield* makeFolder
        const [id = ""] = ids
        const trials = [trial(id, { steps: 200, pause: 50 }, {})]
        const first = optionsFor(state, trials)
        const running = yield* Effect.forkChild(RunGrid.run(first))
        yield* until(() => first.events.some(({ _tag }) => _tag === "Progress"))
        const cancelled = yield* SlurmSession.cancel(state, undefined, () => Effect.void)
        assert.deepStrictEqual(cancelled, [id])
        const [stopped] = yield* Fiber.join(running)
        assert.strictEqual(stopped?.state, "stopped")
        assert.isTrue(first.events.some(({ _tag }) => _tag === "Stopped"))
        const [summary] = yield* RunGrid.run(optionsFor(state, trials))
        assert.strictEqual(summary?.state, "finished")
        yield* checkRecord(state, id, 200)
      }),
    )

    it.effect("what no node can see is named, and not tried for ever", () =>
      Effect.gen(function* () {
        const state = yield* makeFolder
        const [id = ""] = ids
        const options = {
          ...optionsFor(state, [trial(id, { steps: 5, pause: 1 }, {})]),
          command: (): [string, ...Array<string>] => ["/nowhere/node", program],
        }
        const error = yield* Effect.flip(RunGrid.run(options))
        assert.match(error.message, /node n\d cannot see \/nowhere\/node: it has to be on a file/)
      }),
    )
  })
