/**
 * Trials on a whole Slurm on this host. Whatever is killed, every trial is once in the record, with every step told once and
 * the numbers of an undisturbed one.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { readFileSync } from "node:fs"
import { SlurmEngine } from "../../../src/orchestrator/engine/SlurmEngine.ts"
import type { GridEvent } from "../../../src/orchestrator/GridOptions.ts"
import * as RunGrid from "../../../src/orchestrator/RunGrid.ts"
import * as State from "../../../src/orchestrator/State.ts"
import { makeFolder } from "../folder.ts"
import { checkRecord, gridOf, program, tiny, untilFile } from "../supervised.ts"
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
    `tests of --on slurm are left out: ${missing.join(", ")} missing; scripts/setup.sh slurm`,
  )
else
  layer(Layer.provideMerge(slurm, NodeServices.layer), {
    excludeTestServices: true,
    timeout: 60_000,
  })("on slurm", (it) => {
    it.effect("an array lives through kills of everything, a time limit and a new run", () =>
      Effect.gen(function* () {
        const state = yield* makeFolder
        const steps = (i: number) => (i === 7 ? 1200 : 250 + i)
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
        cluster.startNode("n1")
        cluster.startNode("n2")
        const second = optionsFor(state, trials)
        const summaries = yield* RunGrid.run(second)
        console.log(said(first.events), said(second.events))
        console.log(
          [...first.events, ...second.events]
            .filter((e) => e._tag !== "Progress" && e._tag !== "Engine")
            .map((e) => `${e._tag} ${e.trial?.id} ${"message" in e ? e.message : ""}`),
        )
        for (const id of ids) console.log(readFileSync(State.logFile(state, id), "utf8"))
        assert.deepStrictEqual(
          summaries.map((summary) => summary.state),
          ids.map(() => "finished"),
        )
        for (const [i, id] of ids.entries()) yield* checkRecord(state, id, steps(i))
        const all = [...ended(first.events), ...ended(second.events)]
        assert.deepStrictEqual(all.toSorted(), ids)
      }),
    )
  })
void untilFile
