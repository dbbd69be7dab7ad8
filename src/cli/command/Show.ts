/** `fliqs show TRIAL`: one trial, whole. */
import { Effect, type Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import * as Grids from "../../orchestrator/Grids.ts"
import * as State from "../../orchestrator/State.ts"
import { findTrial, stateFolder } from "../Locations.ts"
import { layerTable } from "../RunOutcome.ts"
import { bold, dim, duration, print, printJson, yellow } from "../Output.ts"
import { rounded } from "../../report/FigureTexts.ts"
import { bitsOf } from "../../report/TrialRecords.ts"
import { typedAll } from "../table/Written.ts"
import { damageWords, readKnown } from "../Trials.ts"
import { Wrong } from "../ErrorMessages.ts"

const showValue = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value)

const section = Effect.fnUntraced(function* (
  title: string,
  values: Readonly<Record<string, unknown>>,
) {
  const entries = Object.entries(values)
  if (entries.length === 0) return
  const widest = Math.max(...entries.map(([key]) => key.length))
  yield* print(`\n${bold(title)}`)
  for (const [key, value] of entries)
    yield* print(
      `  ${key.padEnd(widest)}  ${typeof value === "number" ? rounded(value) : showValue(value)}`,
    )
})

export const run = Effect.fn("show")(function* (input: {
  readonly trial: string
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  const folder = yield* stateFolder(input.state)
  const id = yield* findTrial(folder, input.trial)
  const known = yield* readKnown(folder, id)
  if (known === undefined)
    return yield* new Wrong({ message: `${pathText(State.trialFile(folder, id))} is missing` })
  const { damage, heartbeat, metrics, result, state, step, trial } = known
  const seconds = result?.seconds ?? heartbeat?.seconds ?? 0
  const warnings = result?.warnings ?? heartbeat?.warnings ?? []
  const arithmetic = result === undefined ? heartbeat?.arithmetic : result.arithmetic
  // of a trial that has ended in failure too, as far as its layers are known
  const bits = bitsOf(result?.layers ?? [])
  if (input.json)
    return yield* printJson({
      id,
      gridId: trial.gridId,
      gridIds: Grids.gridIdsOf(trial, yield* Grids.memberships(folder)),
      name: trial.name,
      experiment: trial.experiment,
      state,
      step,
      steps: trial.steps,
      seconds,
      parameters: typedAll(trial.parameters),
      arithmetic: arithmetic ?? null,
      metrics: { ...metrics, ...bits },
      assignment: result?.assignment ?? {},
      layers: result?.layers ?? [],
      warnings,
      ...(result?.message === undefined ? {} : { cause: result.cause, message: result.message }),
      ...(damage === undefined ? {} : { damage }),
      folder: State.trialFolder(folder, id),
    })
  yield* print(`${bold(trial.name)}  ${dim(id)}`)
  yield* print(
    `${trial.experiment}: ${state}, step ${step} of ${trial.steps}, ${duration(seconds)} of training`,
  )
  if (result?.message !== undefined) yield* print(`${result.cause}: ${result.message}`)
  if (damage !== undefined) yield* print(yellow(damageWords("this trial", damage)))
  for (const warning of warnings) yield* print(yellow(warning.message))
  yield* section("metrics", { ...metrics, ...bits })
  if (result !== undefined && result.layers.length > 0) {
    yield* print(`\n${bold("layers")}`)
    yield* print(layerTable(result))
  }
  yield* section("assignment", result?.assignment ?? {})
  yield* section("parameters", trial.parameters)
  if (arithmetic !== undefined)
    yield* section("arithmetic", {
      ...arithmetic,
      processorFlags: arithmetic.processorFlags.join(" "),
    })
  yield* print(`\n${dim(pathText(State.trialFolder(folder, id)))}`)
})
