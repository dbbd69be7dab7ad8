/**
 * `fliqs watch EXPERIMENT`: the progress of a grid that another shell, or another machine, runs. It reads the state folder
 * only, so it shows what any engine runs, and changes nothing. Ends with the grid.
 */
import { Effect, Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { shellCommand } from "../../declaration/Shell.ts"
import * as Heartbeat from "../../orchestrator/Heartbeat.ts"
import * as Planned from "../../orchestrator/Planned.ts"
import * as Result from "../../orchestrator/Result.ts"
import * as RunGrid from "../../orchestrator/RunGrid.ts"
import * as State from "../../orchestrator/State.ts"
import * as TrialIndex from "../../orchestrator/TrialIndex.ts"
import { standingOf } from "../../orchestrator/TrialStatus.ts"
import { lastEvent } from "../../track/LastEvent.ts"
import { spoolOf } from "../../track/SpoolPlace.ts"
import { Ended, exitCodes } from "../ErrorMessages.ts"
import { readPlan } from "../Locations.ts"
import { note, print } from "../Output.ts"
import * as Progress from "../progress/ProgressDisplay.ts"
import { summaryText } from "../RunOutcome.ts"
import { targetsOf } from "../../report/Targets.ts"
import { tellUnfinished } from "../run/Unfinished.ts"

const lookEvery = "1 second"

/** What is known of the trials that are watched. */
interface Watched {
  readonly index: TrialIndex.TrialIndex
  readonly show: Effect.Success<ReturnType<typeof Progress.make>>
  /** Those that have not ended. */
  readonly left: Map<string, State.TrialFile>
  /** Those at work, by the time of their last heartbeat. */
  readonly atWork: Map<string, number>
}

const look = Effect.fnUntraced(function* (watched: Watched, trial: State.TrialFile) {
  const { atWork, index, left, show } = watched
  const { id } = trial
  const { damage, state, step } = yield* standingOf(index, id)
  const wasAtWork = atWork.has(id)
  if (state === "running") {
    if (!wasAtWork) yield* show({ _tag: "Started", trial, fromStep: step })
    const heartbeat = yield* Heartbeat.read(State.heartbeatFile(index.state, id))
    const isNew = heartbeat !== undefined && heartbeat.time !== atWork.get(id)
    atWork.set(id, heartbeat?.time ?? 0)
    if (isNew) yield* show({ _tag: "Progress", trial, heartbeat })
    return
  }
  atWork.delete(id)
  if (damage !== undefined) {
    left.delete(id)
    return yield* show({ _tag: "Damaged", trial, damage })
  }
  const result = yield* Result.read(State.resultFile(index.state, id))
  if (result !== undefined) {
    left.delete(id)
    if (!wasAtWork) yield* show({ _tag: "Started", trial, fromStep: 0 })
    yield* show({ _tag: "Ended", trial, result })
  } else if (wasAtWork) yield* show({ _tag: "Stopped", trial, step })
})

/** Whether the run of the grid has ended, as far as its record says. */
const hasEnded = (folder: string) =>
  lastEvent(spoolOf(folder)).pipe(
    Effect.map((last) => Option.isSome(last) && last.value.type === "end"),
    Effect.orElseSucceed(() => false),
  )

export const run = Effect.fn("watch")(function* (input: {
  readonly experiment: string
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly state: Option.Option<string>
}) {
  const { folder, plan } = yield* readPlan("watch", input)
  const gridFolder = State.gridFolder(folder, plan.gridId)
  const grid = yield* State.readGrid(State.gridFile(folder, plan.gridId))
  if (grid === undefined) {
    yield* note(
      `${plan.name} has not run in ${pathText(folder)}; \`${shellCommand(["fliqs", "run", input.experiment])}\` runs it`,
    )
    return yield* new Ended({ code: exitCodes.failed })
  }
  const index = TrialIndex.open(folder)
  const trials = plan.trials.map((trial) =>
    Planned.trialFile(plan, trial, { threads: () => 1, eager: false, tags: {} }),
  )
  const before = (yield* RunGrid.summarize({ index, trials })).filter(({ state }) =>
    ["finished", "failed"].includes(state),
  )
  const over = new Set(before.map(({ trial }) => trial.id))
  yield* Effect.scoped(
    Effect.gen(function* () {
      const watched: Watched = {
        index,
        show: yield* Progress.make(trials, 1, { before, targets: targetsOf(plan) }),
        left: new Map(trials.filter(({ id }) => !over.has(id)).map((trial) => [trial.id, trial])),
        atWork: new Map(),
      }
      for (;;) {
        for (const trial of watched.left.values()) yield* look(watched, trial)
        if (watched.left.size === 0) return
        if (watched.atWork.size === 0 && (yield* hasEnded(gridFolder))) return
        yield* Effect.sleep(lookEvery)
      }
    }),
  )
  const summaries = yield* RunGrid.summarize({ index, trials })
  const summary = summaryText(summaries)
  if (summary !== "") yield* print(summary)
  yield* tellUnfinished(summaries)
})
