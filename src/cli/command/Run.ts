/**
 * `fliqs run EXPERIMENT`: runs or continues a grid, sends it to the tracker, reports how it ended.
 *
 * Ctrl-C once: every child saves and stops. Twice: the children are killed, and the steps since their last checkpoints
 * are lost. The same command continues from there.
 */
import { Effect, Option, Scope } from "effect"
import * as nodePath from "node:path"
import { printable } from "../../declaration/Errors.ts"
import { shellCommand } from "../../declaration/Shell.ts"
import type * as Plan from "../../experiment/Plan.ts"
import type { RunningEngine, WritingEngine } from "../../orchestrator/engine/Engine.ts"
import type { Options } from "../../orchestrator/GridOptions.ts"
import * as Planned from "../../orchestrator/Planned.ts"
import * as GridTrial from "../../orchestrator/GridTrial.ts"
import * as RunGrid from "../../orchestrator/RunGrid.ts"
import { commitTags } from "../../orchestrator/Source.ts"
import * as TrialStatus from "../../orchestrator/TrialStatus.ts"
import * as State from "../../orchestrator/State.ts"
import * as TrialIndex from "../../orchestrator/TrialIndex.ts"
import * as WriteGrid from "../../orchestrator/WriteGrid.ts"
import { cacheDirectory, root } from "../../disk/Installation.ts"
import * as Tracker from "../../track/Tracker.ts"
import { sends } from "../../track/Trackers.ts"
import {
  patience,
  readPlan,
  requireWritable,
  saveFiles,
  sayTemporary,
  stateFolder,
} from "../Locations.ts"
import { checkFlags, flagsWithoutEffect, type RunFlags } from "../run/FlagsWithoutEffect.ts"
import { program } from "../Program.ts"
import { reportOf } from "../../report/ReadReport.ts"
import { stoppedPage, summaryText } from "../RunOutcome.ts"
import { gridPages, labelsOf } from "../tracker/GridPages.ts"
import { note, print } from "../Output.ts"
import * as Progress from "../progress/ProgressDisplay.ts"
import { prepareData, prepareServer, prepareTensors } from "../Preparation.ts"
import { interruptible } from "../run/Interruptible.ts"
import { cancelCommand, type Chosen, choose, typed } from "../run/RunEngine.ts"
import { layerTracker, sayLink, sendRest, trackingSettings } from "../Tracking.ts"
import { targetsOf } from "../../report/Targets.ts"
import { tellUnfinished } from "../run/Unfinished.ts"
import { Ended, exitCodes, NotReady, Wrong } from "../ErrorMessages.ts"

interface Input extends RunFlags {
  readonly experiment: string
  readonly yes: boolean
  readonly state: Option.Option<string>
  readonly only: ReadonlyArray<string>
  readonly eager: boolean
  readonly on: string
}

/** The ids that `--only` means, by their beginnings. */
const chosen = Effect.fnUntraced(function* (plan: Plan.Plan, only: ReadonlyArray<string>) {
  if (only.length === 0) return undefined
  const ids = new Set<string>()
  for (const beginning of only) {
    const found = plan.trials.filter(({ id }) => id.startsWith(beginning))
    if (found.length !== 1)
      return yield* new Wrong({
        message: `--only ${printable(beginning)}: ${found.length} trials of the plan begin like this; \`${shellCommand(["fliqs", "plan", plan.file])}\` shows their ids`,
      })
    ids.add(found[0]!.id)
  }
  return ids
})

/** Warns of flags that change nothing with the trials as they are. */
const tellIdle = Effect.fnUntraced(function* (
  input: Input,
  plan: Plan.Plan,
  index: TrialIndex.TrialIndex,
  only: ReadonlySet<string> | undefined,
) {
  const chosen = plan.trials.filter(({ id }) => only?.has(id) ?? true)
  const states = yield* Effect.forEach(chosen, ({ id }) =>
    TrialStatus.standingOf(index, id).pipe(
      Effect.map((stands) => stands.state),
      // Unreadable records are reported by the run itself.
      Effect.orElseSucceed(() => "stopped" as const),
    ),
  )
  for (const warning of flagsWithoutEffect(input, states)) yield* note(`warning: ${warning}`)
})

/** Whether a trial is to be trained. */
const isLeft = (index: TrialIndex.TrialIndex, id: string, { restart, retryFailed }: Input) =>
  Effect.map(
    Effect.orElseSucceed(index.find(id), () => undefined),
    (found) =>
      restart || found?.result === undefined || (found.result.state === "failed" && retryFailed),
  )

/** One `run` of a plan. */
interface Session {
  readonly input: Input
  readonly plan: Plan.Plan
  readonly state: string
  readonly index: TrialIndex.TrialIndex
  readonly gridFolder: string
  /** The ids of `--only`; undefined for all. */
  readonly only: ReadonlySet<string> | undefined
  readonly engine: Chosen
  readonly trials: ReadonlyArray<State.TrialFile>
  readonly tags: Planned.Execution["tags"]
  readonly tracker: Tracker.Tracker["Service"]
  /** Process ids of the trials at work. */
  readonly children: Set<number>
}

const begin = Effect.fnUntraced(function* (input: Input, plan: Plan.Plan) {
  const state = yield* stateFolder(input.state, input.experiment)
  yield* requireWritable(state)
  const only = yield* chosen(plan, input.only)
  const count = only?.size ?? plan.trials.length
  const chosenEngine = yield* choose(plan, input.on, input.jobs, count)
  const index = TrialIndex.open(state)
  yield* tellIdle(input, plan, index, only)
  const tags = yield* commitTags
  const { threads } = chosenEngine
  const labels = labelsOf(plan)
  const execution: Planned.Execution = { threads, eager: input.eager, tags, labels }
  return {
    input,
    plan,
    state,
    index,
    gridFolder: State.gridFolder(state, plan.gridId),
    only,
    engine: chosenEngine,
    trials: plan.trials.map((trial) => Planned.trialFile(plan, trial, execution)),
    tags,
    tracker: yield* Tracker.Tracker,
    children: new Set<number>(),
  } satisfies Session
})

const isChosen = ({ only }: Session, id: string): boolean => only?.has(id) ?? true

/**
 * Sends all trials of the plan to the tracker, including those that are not run now: each gets the id of this grid. Runs
 * once, after the first event: then the state folder knows the grid.
 */
const watchAll = ({ gridFolder, state, tracker, trials }: Session) =>
  Effect.cached(
    Effect.gen(function* () {
      yield* tracker.startGrid(gridFolder)
      for (const { id } of trials) yield* tracker.watchTrial(State.trialFolder(state, id))
    }),
  )

/** Prepares what the remaining trials need. */
const prepare = Effect.fnUntraced(function* (session: Session, withLocalServer: boolean) {
  const { index, input, plan } = session
  const left = yield* Effect.filter(
    plan.trials.filter(({ id }) => isChosen(session, id)),
    ({ id }) => isLeft(index, id, input),
  )
  if (left.length === 0) return
  // it may outlive the preparation: the session's scope has it
  if (withLocalServer) yield* Effect.forkScoped(prepareServer)
  const data = left.map(({ declaration }) => declaration.data)
  yield* Effect.all([prepareTensors, prepareData(data)], {
    concurrency: "unbounded",
    discard: true,
  })
})

/** What the grid is run with. */
const optionsOf = Effect.fnUntraced(function* (
  session: Session,
  text: string,
  show: Options["onEvent"],
) {
  const { children, engine, index, input, only, plan, state, tags, tracker, trials } = session
  const given = yield* patience
  const watch = yield* watchAll(session)
  const options: Options = {
    state,
    index,
    grid: {
      gridId: plan.gridId,
      experiment: Planned.trackedExperiment(plan),
      name: plan.name,
      file: plan.file,
    },
    ...gridPages(
      plan,
      typed(),
      reportOf(plan, state, {
        program,
        sets: input.set,
        ...(Option.isSome(input.state) ? { state: input.state.value } : {}),
      }),
    ),
    stoppedPage,
    onEndedRuns: Effect.fnUntraced(function* ({ gridIds, trialIds }) {
      for (const id of gridIds) yield* tracker.startGrid(State.gridFolder(state, id))
      for (const id of trialIds) yield* tracker.watchTrial(State.trialFolder(state, id))
    }),
    files: { "experiment.yaml": text },
    tags,
    trials,
    jobs: engine.jobs,
    only,
    maxFailed: input.failFast ? 1 : Option.getOrUndefined(input.maxFailed),
    retryFailed: input.retryFailed,
    restart: input.restart,
    typed: typed(),
    command: ({ id }) => engine.command(state, id),
    // Children send nothing, so a trial without a tracker needs no valid address.
    environment: { MLFLOW_TRACKING_URI: "" },
    children,
    ...(given === undefined ? {} : { shortagePatience: { storage: given, outOfMemory: given } }),
    onEvent: Effect.fnUntraced(function* (event) {
      yield* watch
      yield* show(event)
    }),
  }
  return options
})

const runGrid = Effect.fnUntraced(function* (
  session: Session,
  text: string,
  engine: RunningEngine,
) {
  const { gridFolder, tracker, trials } = session
  const own = trials.filter(({ id }) => isChosen(session, id))
  const show = yield* Progress.make(own, session.engine.jobs ?? own.length, {
    targets: targetsOf(session.plan),
  })
  yield* Effect.forkScoped(sayLink(tracker, gridFolder))
  return yield* RunGrid.run({ ...(yield* optionsOf(session, text, show)), engine })
})

/** Writes what another program is to run, and prints it or where it is. */
const writeGrid = Effect.fnUntraced(function* (
  session: Session,
  text: string,
  engine: WritingEngine,
) {
  const { gridFolder, plan, state, tracker } = session
  const options = yield* optionsOf(session, text, () => Effect.void)
  const trials = yield* WriteGrid.write(options, engine.kind)
  if (trials.length === 0) return yield* note("nothing is left to run")
  const cache = cacheDirectory()
  const written = engine.write({
    state,
    gridId: plan.gridId,
    name: plan.name,
    trials,
    program: nodePath.join(root, "fliqs"),
    cache: cache === nodePath.join(root, ".cache") ? "" : cache,
    jobs: session.engine.jobs,
  })
  yield* saveFiles(written.folder, written.files)
  yield* print(written.text)
  for (const line of written.notes) yield* note(line)
  yield* tracker.startGrid(gridFolder)
  yield* sendRest(tracker, gridFolder, "5 seconds")
})

const runPlan = Effect.fnUntraced(function* (
  input: Input,
  plan: Plan.Plan,
  text: string,
  withLocalServer: boolean,
) {
  const session = yield* begin(input, plan)
  const { children, gridFolder, index, tracker, trials } = session
  const engine = session.engine.of
  // refused before anything is prepared
  yield* patience
  yield* sayTemporary
  if ("write" in engine) {
    if (engine.kind !== "kubernetes") yield* prepare(session, false)
    return yield* writeGrid(session, text, engine)
  }
  const scope = yield* Effect.scope
  const grid = Scope.provide(prepare(session, withLocalServer), scope).pipe(
    Effect.andThen(runGrid(session, text, engine)),
    Effect.scoped,
  )
  const ended = yield* interruptible(grid, session.engine, children)
  const summaries = Option.isSome(ended) ? ended.value : yield* RunGrid.summarize({ index, trials })
  const summary = summaryText(summaries)
  if (summary !== "") yield* print(summary)
  if (Option.isNone(ended)) {
    yield* sendRest(tracker, gridFolder, "5 seconds")
    yield* note(
      session.engine.outlivesRun
        ? `no longer watching: the trials go on in ${session.engine.name}; watch them again with\n  ${typed()}\nend them with\n  ${cancelCommand(input.state)}`
        : `stopped; continue with\n  ${typed()}`,
    )
    return yield* new Ended({ code: exitCodes.interrupted })
  }
  yield* print("")
  yield* sendRest(tracker, gridFolder, "45 seconds")
  yield* tellUnfinished(summaries.filter(({ trial }) => isChosen(session, trial.id)))
})

export const run = Effect.fn("run")(function* (input: Input) {
  const { document, folder, plan } = yield* readPlan("run", input)
  yield* checkFlags(input, plan)
  const isTracked = Option.getOrElse(input.track, () => true) && sends(plan.track)
  const isLocal = isTracked && Option.isNone(yield* trackingSettings)
  const layer = layerTracker(isTracked ? plan.track : { kind: "none" }, folder)
  yield* runPlan(input, plan, document.text, isLocal).pipe(
    Effect.scoped,
    Effect.provide(layer),
    Effect.catchIf(
      (error) => error instanceof GridTrial.NotReady,
      (error) =>
        Effect.fail(
          new NotReady({ message: `${error.message}\n\`fliqs doctor\` shows what is missing` }),
        ),
    ),
  )
})
