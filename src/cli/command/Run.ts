/**
 * `fliqs run EXPERIMENT`: runs or continues a grid, sends it to the tracker, reports how it ended.
 *
 * Ctrl-C once: every child saves and stops. Twice: the children are killed, and the steps since their last checkpoints
 * are lost. The same command continues from there.
 */
import { Effect, Fiber, Option, Scope } from "effect"
import { availableParallelism, freemem } from "node:os"
import { fileURLToPath } from "node:url"
import { printable } from "../../declaration/Errors.ts"
import { shellCommand } from "../../declaration/Shell.ts"
import type * as Plan from "../../experiment/Plan.ts"
import * as Planned from "../../orchestrator/Planned.ts"
import * as GridTrial from "../../orchestrator/GridTrial.ts"
import * as RunGrid from "../../orchestrator/RunGrid.ts"
import { commitTags } from "../../orchestrator/Source.ts"
import * as TrialStatus from "../../orchestrator/TrialStatus.ts"
import * as State from "../../orchestrator/State.ts"
import * as TrialIndex from "../../orchestrator/TrialIndex.ts"
import * as Tracker from "../../track/Tracker.ts"
import { sends } from "../../track/Trackers.ts"
import { patience, readPlan, requireWritable, sayTemporary, stateFolder } from "../Locations.ts"
import * as Display from "../Display.ts"
import { checkFlags, flagsWithoutEffect, type RunFlags } from "../FlagsWithoutEffect.ts"
import { stoppedPage, summaryText } from "../RunOutcome.ts"
import { gridPages, labelsOf } from "../tracker/GridPages.ts"
import { note, print, say } from "../Output.ts"
import * as Progress from "../ProgressDisplay.ts"
import { prepareData, prepareServer, prepareTensors } from "../Preparation.ts"
import { layerTracker, sayLink, sendRest, trackingSettings } from "../Tracking.ts"
import { targetsOf } from "../Targets.ts"
import { tellUnfinished } from "../Unfinished.ts"
import { Ended, exitCodes, NotReady, Wrong } from "../ErrorMessages.ts"

interface Input extends RunFlags {
  readonly experiment: string
  readonly yes: boolean
  readonly state: Option.Option<string>
  readonly only: ReadonlyArray<string>
  readonly eager: boolean
}

const main = fileURLToPath(
  new URL("../main.ts", import.meta.url).href.replace(/\.ts$/, extension()),
)

/** `.ts` in a checkout, `.js` once built. */
function extension(): string {
  return import.meta.url.endsWith(".ts") ? ".ts" : ".js"
}

/** What a trial of CIFAR size takes, data set and TensorFlow included; more jobs than memory has room for die. */
const bytesPerTrial = 1.5e9
/** How long the last events may take to reach the tracker: a local server needs some seconds to come up. */
const flushPatience = "45 seconds"

/** The command as it was typed. */
const typed = (): string =>
  shellCommand([extension() === ".ts" ? "./fliqs" : "fliqs", ...process.argv.slice(2)])

const jobsFor = (trials: number): number =>
  Math.max(1, Math.min(trials, availableParallelism(), Math.floor(freemem() / bytesPerTrial)))

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

/** Interrupts the grid at the first signal, kills its children and the process at the second. */
const interruptible = Effect.fnUntraced(function* <A, E, R>(
  grid: Effect.Effect<A, E, R>,
  children: ReadonlySet<number>,
) {
  const fiber = yield* Effect.forkChild(grid)
  let asked = false
  const onSignal = () => {
    if (asked) {
      for (const pid of children)
        try {
          process.kill(-pid, "SIGKILL")
        } catch {
          // The process has ended already.
        }
      Display.end()
      say(`stopped at once; continue with\n  ${typed()}`)
      process.exit(exitCodes.interrupted)
    }
    asked = true
    say("stopping: the trials save their state; Ctrl-C again stops at once")
    fiber.interruptUnsafe()
  }
  const signals = ["SIGINT", "SIGTERM"] as const
  for (const signal of signals) process.on(signal, onSignal)
  const exit = yield* Fiber.await(fiber)
  for (const signal of signals) process.off(signal, onSignal)
  return asked ? Option.none<A>() : Option.some(yield* exit)
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
  readonly jobs: number
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
  const jobs = Math.min(
    Option.getOrElse(input.jobs, () => jobsFor(count)),
    count,
  )
  const index = TrialIndex.open(state)
  yield* tellIdle(input, plan, index, only)
  const tags = yield* commitTags
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs))
  const labels = labelsOf(plan)
  const execution: Planned.Execution = { threads, eager: input.eager, tags, labels }
  return {
    input,
    plan,
    state,
    index,
    gridFolder: State.gridFolder(state, plan.gridId),
    only,
    jobs,
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

/** The command line of the process that trains a trial. */
const trialCommand = (state: string, id: string): readonly [string, ...Array<string>] => [
  process.execPath,
  ...process.execArgv,
  main,
  "trial",
  "--id",
  id,
  "--state",
  state,
  "--stop-with-stdin",
]

const runGrid = Effect.fnUntraced(function* (session: Session, text: string) {
  const { children, gridFolder, index, input, jobs, only, plan, state, tags, tracker, trials } =
    session
  const given = yield* patience
  const watch = yield* watchAll(session)
  const show = yield* Progress.make(
    trials.filter(({ id }) => isChosen(session, id)),
    jobs,
    { targets: targetsOf(plan) },
  )
  yield* Effect.forkScoped(sayLink(tracker, gridFolder))
  return yield* RunGrid.run({
    state,
    index,
    grid: {
      gridId: plan.gridId,
      experiment: Planned.trackedExperiment(plan),
      name: plan.name,
      file: plan.file,
    },
    ...gridPages(plan, typed()),
    stoppedPage,
    onEndedRuns: Effect.fnUntraced(function* ({ gridIds, trialIds }) {
      for (const id of gridIds) yield* tracker.startGrid(State.gridFolder(state, id))
      for (const id of trialIds) yield* tracker.watchTrial(State.trialFolder(state, id))
    }),
    files: { "experiment.yaml": text },
    tags,
    trials,
    jobs,
    only,
    failFast: input.failFast,
    retryFailed: input.retryFailed,
    restart: input.restart,
    typed: typed(),
    command: ({ id }) => trialCommand(state, id),
    // Children send nothing, so a trial without a tracker needs no valid address.
    environment: { MLFLOW_TRACKING_URI: "" },
    children,
    ...(given === undefined ? {} : { shortagePatience: { storage: given, outOfMemory: given } }),
    onEvent: Effect.fnUntraced(function* (event) {
      yield* watch
      yield* show(event)
    }),
  })
})

const runPlan = Effect.fnUntraced(function* (
  input: Input,
  plan: Plan.Plan,
  text: string,
  withLocalServer: boolean,
) {
  const session = yield* begin(input, plan)
  const { children, gridFolder, index, tracker, trials } = session
  // refused before anything is prepared
  yield* patience
  yield* sayTemporary
  const scope = yield* Effect.scope
  const grid = Scope.provide(prepare(session, withLocalServer), scope).pipe(
    Effect.andThen(runGrid(session, text)),
    Effect.scoped,
  )
  const ended = yield* interruptible(grid, children)
  const summaries = Option.isSome(ended) ? ended.value : yield* RunGrid.summarize({ index, trials })
  const summary = summaryText(plan, summaries)
  if (summary !== "") yield* print(summary)
  if (Option.isNone(ended)) {
    yield* sendRest(tracker, gridFolder, "5 seconds")
    yield* note(`stopped; continue with\n  ${typed()}`)
    return yield* new Ended({ code: exitCodes.interrupted })
  }
  yield* print("")
  yield* sendRest(tracker, gridFolder, flushPatience)
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
