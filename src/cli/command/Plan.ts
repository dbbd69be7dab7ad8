/** `fliqs plan EXPERIMENT`: the trials, the size of the space, what would be skipped, how long the rest may take. */
import { Effect, type Option, Result } from "effect"
import { availableParallelism } from "node:os"
import { unitOf } from "../../cost/LimitKinds.ts"
import { pathText } from "../../declaration/Errors.ts"
import type * as Plan from "../../experiment/Plan.ts"
import type { Network } from "../../network/Network.ts"
import { compileCost, targetOf } from "../../network/CostTarget.ts"
import { log10 } from "../../space/Cardinality.ts"
import { typedAll } from "../table/Written.ts"
import * as Planned from "../../orchestrator/Planned.ts"
import * as TrialIndex from "../../orchestrator/TrialIndex.ts"
import { standingOf, type TrialState, willRun } from "../../orchestrator/TrialStatus.ts"
import { totalSteps } from "../../train/TrainSpec.ts"
import { readPlan } from "../Locations.ts"
import { bold, dim, duration, note, print, printJson, short, table } from "../Output.ts"
import { damageWords } from "../Trials.ts"
import { decisionTable, describeSpaces, makeNetworks, sizeOf, spacesOf } from "../Spaces.ts"
import { dataSetsOf, dataSetTables, describeDataSets } from "../Splits.ts"

interface Row {
  readonly trial: Plan.PlannedTrial
  readonly state: TrialState
  /** Steps that are done and saved. */
  readonly step: number
  /** Whether `run` would train it. */
  readonly runs: boolean
}

const targetWords = (network: Network, { declaration }: Plan.PlannedTrial) => {
  if (declaration.reward === undefined) return undefined
  const cost = compileCost(network, declaration.reward.cost)
  const found = targetOf(network, cost, declaration.reward.cost.target)
  if (Result.isFailure(found)) return undefined
  const target = found.success
  const { printUnit, scale, unit } = cost.model
  const { max, min } = cost.range()
  return {
    target,
    unit,
    text: `${short(target / scale)} ${printUnit}`,
    range: `${short(min / scale)} to ${short(max / scale)} ${printUnit}`,
  }
}

/** The limits of a trial, in the units in which they are declared. */
const limitWords = ({ declaration }: Plan.PlannedTrial): string =>
  (declaration.reward?.limits ?? [])
    .map(({ kind, max }) => `${kind} at most ${max} ${unitOf(kind).unit}`)
    .join(", ")

/** Seconds until all trials are done with so many jobs; undefined if a speed is not known. */
const expectedSeconds = (
  rows: ReadonlyArray<Row>,
  speedOf: (trial: Plan.PlannedTrial) => number | undefined,
): number | undefined => {
  const left = rows.filter(({ runs }) => runs)
  const jobs = Math.max(1, Math.min(availableParallelism(), left.length))
  let seconds = 0
  for (const { step, trial } of left) {
    const speed = speedOf(trial)
    if (speed === undefined) return undefined
    seconds += speed * (totalSteps(trial.declaration) - step)
  }
  return seconds / jobs
}

const showText = Effect.fnUntraced(function* (
  plan: Plan.Plan,
  rows: ReadonlyArray<Row>,
  networkOf: ReturnType<typeof makeNetworks>,
  seconds: number | undefined,
) {
  yield* print(`${bold(plan.name)}  ${dim(`grid ${plan.gridId}`)}`)
  const spaces = spacesOf(plan.trials, networkOf)
  for (const [network, trials] of spaces) {
    const size = sizeOf(network)
    const target = targetWords(network, trials.at(-1)!)
    const about =
      size.cardinality.length > 7 ? ` (10^${log10(BigInt(size.cardinality)).toFixed(1)})` : ""
    yield* print(
      `space ${network.name}: ${size.decisions} decisions, ${size.cardinality} assignments${about}`,
    )
    yield* print(
      `cost ${target?.range ?? `${short(size.cost.min)} to ${short(size.cost.max)} GBOPs`}`,
    )
  }
  for (const words of new Set(plan.trials.map(limitWords)))
    if (words !== "") yield* print(`limits ${words}`)
  yield* print(dataSetTables(dataSetsOf(plan)))
  const initials = new Map(
    rows.flatMap(({ trial: { initial } }) =>
      initial === undefined ? [] : [[initial.file, initial]],
    ),
  )
  for (const { file, map } of initials.values()) {
    yield* print(`initial weights from ${pathText(file)}`)
    for (const line of map) yield* print(`  ${line}`)
  }
  yield* print("")
  yield* print(
    table(
      ["trial", "name", "steps", "target", "state"],
      rows.map(({ state, step, trial }) => [
        trial.id,
        trial.name,
        String(totalSteps(trial.declaration)),
        targetWords(networkOf(trial.declaration.space), trial)?.text ?? "",
        ["planned", "finished", "damaged"].includes(state) ? state : `${state} at ${step}`,
      ]),
    ),
  )
  yield* print("")
  const left = rows.filter(({ runs }) => runs).length
  const damaged = rows.filter(({ state }) => state === "damaged").length
  const skipped = rows.length - left - damaged
  yield* print(
    `${rows.length} ${rows.length === 1 ? "trial" : "trials"}: ${skipped} would be skipped, ` +
      (damaged === 0 ? "" : `${damaged} left as ${damaged === 1 ? "it is" : "they are"}, `) +
      `${left} would run` +
      (left === 0
        ? ""
        : seconds === undefined
          ? "; how long is not known before a trial like these has run here"
          : `, about ${duration(seconds)}`),
  )
})

const showDecisions = Effect.fnUntraced(function* (
  { trials }: Plan.Plan,
  networkOf: ReturnType<typeof makeNetworks>,
) {
  const networks = [...spacesOf(trials, networkOf).keys()]
  for (const [i, network] of networks.entries()) {
    if (i > 0) yield* print("")
    if (networks.length > 1) yield* print(bold(`space ${network.name}`))
    yield* print(decisionTable(network))
  }
})

export const run = Effect.fn("plan")(function* (input: {
  readonly experiment: string
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly state: Option.Option<string>
  readonly decisions: boolean
  readonly json: boolean
}) {
  const { folder, plan } = yield* readPlan("plan", input)
  const networkOf = makeNetworks()
  if (input.decisions && !input.json) return yield* showDecisions(plan, networkOf)
  const index = TrialIndex.open(folder)
  const rows = yield* Effect.forEach(
    plan.trials,
    Effect.fnUntraced(function* (trial) {
      const standing = yield* standingOf(index, trial.id)
      const { damage, state, step } = standing
      if (damage !== undefined) yield* note(`warning: ${damageWords(trial.name, damage)}`)
      return { trial, state, step, runs: willRun(standing) } satisfies Row
    }),
  )
  const seconds = expectedSeconds(rows, yield* Planned.secondsPerStep(index))
  yield* index.save
  if (!input.json) return yield* showText(plan, rows, networkOf, seconds)
  const described = rows.map(({ state, step, trial }) => {
    const network = networkOf(trial.declaration.space)
    const target = targetWords(network, trial)
    return {
      id: trial.id,
      name: trial.name,
      control: trial.control ?? null,
      cell: typedAll(trial.cell),
      parameters: typedAll(trial.parameters),
      state,
      step,
      steps: totalSteps(trial.declaration),
      ...(target === undefined ? {} : { target: target.target, targetUnit: target.unit }),
    }
  })
  const spaces = describeSpaces(spacesOf(plan.trials, networkOf))
  const { cardinality, cost, decisionList, decisions, name } = spaces[0]!
  yield* printJson({
    gridId: plan.gridId,
    name: plan.name,
    trials: described,
    space: { name, decisions, cardinality, cost },
    decisionList,
    spaces,
    ...describeDataSets(dataSetsOf(plan)),
    expectedSeconds: seconds ?? null,
  })
})
