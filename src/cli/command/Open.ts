/** `fliqs open TRIAL|EXPERIMENT`: the page of a trial, or the one that compares the trials of a grid, in MLflow. */
import { Effect, FileSystem, Option } from "effect"
import { pathText, printable } from "../../declaration/Errors.ts"
import * as Grids from "../../orchestrator/Grids.ts"
import * as State from "../../orchestrator/State.ts"
import type { ViewName } from "../../track/Links.ts"
import * as Tracker from "../../track/Tracker.ts"
import { hyperlink } from "../Hyperlinks.ts"
import { openPage } from "../tracker/Browser.ts"
import { NotReady, Wrong } from "../ErrorMessages.ts"
import { readPlan, requireWritable, stateFolder } from "../Locations.ts"
import { print, printJson } from "../Output.ts"
import { layerTracker, trackingSettings } from "../Tracking.ts"

/** How long what is not sent yet may take. */
const patience = "1 minute"

interface Input {
  readonly subject: string
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly view: ViewName
  readonly browser: Option.Option<boolean>
  readonly state: Option.Option<string>
  readonly json: boolean
}

/** What is to be opened. */
interface Subject {
  readonly kind: "grid" | "trial"
  readonly state: string
  readonly id: string
}

/** Trials whose ids begin like this, grids likewise, and grids of this name, the newest first. */
const candidates = Effect.fnUntraced(function* (state: string, text: string) {
  const isBeginning = /^[0-9a-f]{2,16}$/i.test(text)
  const beginsLike = (id: string) => isBeginning && id.startsWith(text.toLowerCase())
  const trials = (yield* State.trialIds(state)).filter(beginsLike)
  const grids = (yield* Grids.readAll(state)).toReversed()
  const named = grids.filter(({ name }) => name === text)
  const begun = grids.filter(({ gridId }) => beginsLike(gridId))
  return { trials, named, begun }
})

const find = Effect.fnUntraced(function* (input: Input) {
  const { subject: text } = input
  const fs = yield* FileSystem.FileSystem
  if (/\.ya?ml$/.test(text) || (yield* Effect.orElseSucceed(fs.exists(text), () => false))) {
    const { folder, plan } = yield* readPlan("open", { ...input, experiment: text })
    return { kind: "grid", state: folder, id: plan.gridId } satisfies Subject
  }
  const state = yield* stateFolder(input.state)
  const { begun, named, trials } = yield* candidates(state, text)
  const [name] = named
  if (name !== undefined) return { kind: "grid", state, id: name.gridId } satisfies Subject
  const found: ReadonlyArray<Subject> = [
    ...trials.map((id) => ({ kind: "trial", state, id }) as const),
    ...begun.map(({ gridId: id }) => ({ kind: "grid", state, id }) as const),
  ]
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  return yield* new Wrong({
    message:
      first === undefined
        ? `${printable(text)} is no trial, grid or experiment of ${pathText(state)}; \`fliqs list\` shows those there are`
        : `${printable(text)} is the beginning of ${found.length} ids: ${found
            .slice(0, 5)
            .map(({ id, kind }) => `${kind} ${id}`)
            .join(", ")}; give more of it`,
  })
})

export const run = Effect.fn("open")(function* (input: Input) {
  yield* trackingSettings
  const subject = yield* find(input)
  const { id, kind, state } = subject
  yield* requireWritable(state)
  const folder = kind === "grid" ? State.gridFolder(state, id) : State.trialFolder(state, id)
  const { link, outcome } = yield* Effect.gen(function* () {
    const tracker = yield* Tracker.Tracker
    yield* kind === "grid" ? tracker.startGrid(folder) : tracker.watchTrial(folder)
    const flushed = yield* tracker.flush(patience)
    const page = yield* kind === "grid"
      ? tracker.gridLink(folder, input.view)
      : tracker.runLink(folder)
    return { link: page, outcome: flushed }
  }).pipe(Effect.provide(layerTracker({ kind: "mlflow" }, state)))
  if (Option.isNone(link)) {
    const why =
      outcome.problem === undefined ? "nothing of it was recorded here" : outcome.problem.message
    return yield* new NotReady({ message: `the ${kind} ${id} is not in MLflow: ${why}` })
  }
  yield* input.json
    ? printJson({ kind, id, link: link.value })
    : print(hyperlink(link.value, `the page of ${kind} ${id}`))
  if (Option.getOrElse(input.browser, () => !input.json)) yield* openPage(link.value)
})
