/** `fliqs simulate EXPERIMENT`: every trial of the grid rehearsed on a synthetic quality, in seconds, without a network. */
import { Effect, Option, Result, Schema } from "effect"
import { holds } from "../../cost/LimitKinds.ts"
import { inspect, valueAt } from "../../declaration/Decode.ts"
import { DeclarationErrors, problemText } from "../../declaration/Errors.ts"
import { suggest } from "../../declaration/Suggest.ts"
import { readKind } from "../../experiment/FileKind.ts"
import { type Override, parseSets } from "../../experiment/Overrides.ts"
import type * as Plan from "../../experiment/Plan.ts"
import { pairText } from "../../format/Pair.ts"
import { uniformChoices, uniformOptions } from "../../network/format/Uniform.ts"
import { rehearsalPicture, type Rehearsed } from "../../report/RehearsalPicture.ts"
import { rehearse } from "../../rehearse/Rehearse.ts"
import { defaultSensitivities, finalQuality } from "../../rehearse/SyntheticQuality.ts"
import { toAssignment } from "../../space/DecisionSpace.ts"
import { lossTable } from "../../space/LossTable.ts"
import { sumOf } from "../../space/PerOption.ts"
import { prepare, type Prepared } from "../../train/Trial.ts"
import { readPlan } from "../Locations.ts"
import { note, print, printJson, short, table } from "../Output.ts"
import { themeOf, writePicture } from "../PictureFiles.ts"
import { Wrong } from "../ErrorMessages.ts"

const Sensitivities = Schema.Record(
  Schema.String,
  Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
)
type Sensitivities = typeof Sensitivities.Type

/** Path of a decision -> its sensitivity; a path that no space of the grid has is reported at its place. */
const readSensitivities = Effect.fnUntraced(function* (
  file: Option.Option<string>,
  paths: ReadonlyArray<string>,
) {
  if (Option.isNone(file)) return {}
  const { errors, value } = inspect(
    Sensitivities,
    yield* readKind(
      file.value,
      ["assignment"],
      "--sensitivities",
      "a mapping of decision path to a number",
    ),
    (given) =>
      Object.keys(given).flatMap((path) => {
        if (paths.includes(path)) return []
        const close = suggest(path, paths)
        const hint = close === undefined ? "" : `; did you mean ${close}?`
        return [{ path: [path], message: `no space of the experiment has this decision${hint}` }]
      }),
  )
  if (errors.length > 0) return yield* new DeclarationErrors({ errors })
  return value ?? {}
})

/** The uniform network of the least loss within a cost and all limits. */
const bestUniform = (
  { cost, limits, network }: Pick<Prepared, "cost" | "limits" | "network">,
  lossOf: LossOf,
  limit: number,
) =>
  uniformOptions(network)
    .flatMap((option) => {
      const choices = uniformChoices(network, option)
      if (choices === undefined || cost.of(choices) > limit || !holds(limits, choices)) return []
      return [{ format: pairText(option), cost: cost.of(choices), loss: lossOf(choices) }]
    })
    .reduce<Uniform | undefined>(
      (best, uniform) => (best === undefined || uniform.loss < best.loss ? uniform : best),
      undefined,
    )

type LossOf = (choices: ReadonlyArray<number>) => number

interface Uniform {
  readonly format: string
  readonly cost: number
  readonly loss: number
}

const rehearseTrial = (prepared: Prepared, given: Sensitivities) => {
  const { cost, network, searcher, target, trial } = prepared
  const { space } = network
  const byDefault = defaultSensitivities(space, cost)
  const losses = lossTable(
    space,
    space.decisions.map(({ path }, i) => given[path] ?? byDefault[i]!),
  )
  const problem = { space, cost, target, steps: trial.train.steps, seed: trial.seed }
  const rehearsal = rehearse(searcher, problem, losses)
  // of the same target, but for rounding
  const limit = Math.max(target, cost.of(rehearsal.final)) * (1 + 1e-9)
  const lossOf = (choices: ReadonlyArray<number>) => sumOf(space, losses, choices)
  return { rehearsal, uniform: bestUniform(prepared, lossOf, limit) }
}

const describe = (
  { id, name, declaration }: Plan.PlannedTrial,
  { cost, limits, network, target }: Prepared,
  { rehearsal, uniform }: ReturnType<typeof rehearseTrial>,
) => {
  const { alarms, committedAt, costOverTarget, final, loss, onTargetAt, topProbability } = rehearsal
  const quality = finalQuality(loss)
  return {
    id,
    name,
    search: declaration.search.kind,
    steps: declaration.train.steps,
    target,
    targetUnit: cost.model.unit,
    onTargetAt,
    committedAt,
    costOverTarget,
    ...(limits.length === 0
      ? {}
      : {
          costOverLimit: Object.fromEntries(
            limits.map((limit) => [limit.kind, limit.of(final) / limit.max]),
          ),
        }),
    topProbability,
    quality,
    uniform:
      uniform === undefined
        ? null
        : {
            format: uniform.format,
            costOverTarget: uniform.cost / target,
            quality: finalQuality(uniform.loss),
          },
    beatsUniform: uniform === undefined ? null : loss < uniform.loss,
    assignment: toAssignment(network.space, final),
    warnings: alarms,
  }
}
type Described = ReturnType<typeof describe>

const step = (at: number | null): string => (at === null ? "never" : `step ${at}`)

const showText = Effect.fnUntraced(function* (trials: ReadonlyArray<Described>) {
  const limited = [
    ...new Set(trials.flatMap(({ costOverLimit = {} }) => Object.keys(costOverLimit))),
  ]
  yield* print(
    table(
      [
        "trial",
        "name",
        "on target",
        "committed",
        "cost/target",
        ...limited.map((kind) => `${kind}/limit`),
        "top",
        "quality",
        "best uniform",
      ],
      trials.map((trial) => [
        trial.id,
        trial.name,
        step(trial.onTargetAt),
        step(trial.committedAt),
        trial.costOverTarget.toFixed(3),
        ...limited.map((kind) => trial.costOverLimit?.[kind]?.toFixed(3) ?? ""),
        trial.topProbability.toFixed(3),
        trial.quality.toFixed(4),
        trial.uniform === null
          ? "none"
          : `${trial.uniform.quality.toFixed(4)} ${trial.uniform.format} at ${short(trial.uniform.costOverTarget, 3)}`,
      ]),
    ),
  )
  for (const { name, warnings } of trials)
    for (const { message } of warnings) yield* note(`warning: ${name}: ${message}`)
})

const read = new Set([
  "name",
  "space",
  "search",
  "reward",
  "seed",
  "controls",
  "matrix",
  "exclude",
  "include",
])

/** Whether a rehearsal is the same without a change: it has no data, and trains no network. */
const isUnread = ({ path, value }: Override): boolean => {
  const [first, second] = path
  if (read.has(String(first))) return false
  if (first !== "train") return true
  return second === undefined ? valueAt(value, ["steps"]) === undefined : second !== "steps"
}

export const run = Effect.fn("simulate")(function* (input: {
  readonly experiment: string
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly sensitivities: Option.Option<string>
  readonly out: Option.Option<string>
  readonly dark: boolean
  readonly json: boolean
}) {
  const { plan } = yield* readPlan("simulate", input)
  for (const { at } of parseSets(input.set).changes.filter(isUnread))
    yield* note(
      `warning: ${at.value.flag}: a rehearsal does not read it, only search, reward, seed, train.steps and the space`,
    )
  const ready = plan.trials.map((trial) => ({ trial, prepared: prepare(trial.declaration) }))
  const networks = ready.flatMap(({ prepared }) =>
    Result.isFailure(prepared) ? [] : [prepared.success.network],
  )
  const paths = networks.flatMap(({ space }) => space.decisions.map(({ path }) => path))
  const given = yield* readSensitivities(input.sensitivities, [...new Set(paths)])

  const trials: Array<Described> = []
  const lines: Array<Rehearsed> = []
  for (const { prepared, trial } of ready) {
    if (Result.isFailure(prepared))
      return yield* new Wrong({ message: prepared.failure.map(problemText).join("; ") })
    const rehearsed = rehearseTrial(prepared.success, given)
    trials.push(describe(trial, prepared.success, rehearsed))
    const { arm, control, id, name } = trial
    lines.push({ id, name, arm, role: control ?? "search", history: rehearsed.rehearsal.history })
  }
  if (Option.isSome(input.out)) {
    const file = input.out.value
    yield* writePicture(file, rehearsalPicture(lines, `${plan.name}, rehearsed`), themeOf(input))
  }
  if (input.json) yield* printJson({ name: plan.name, trials })
  else yield* showText(trials)
})
