/** The data sets of a plan and the contents of their splits, read without decoding. For `plan`, `validate` and `data`. */
import { dirname } from "node:path"
import { Option, Schema } from "effect"
import * as Datasets from "../data/Datasets.ts"
import type { SplitCount, SplitReport } from "../data/DatasetKind.ts"
import { valueAt } from "../declaration/Decode.ts"
import type { Document } from "../declaration/Document.ts"
import type { Plan } from "../experiment/Plan.ts"
import { bold, table } from "./Output.ts"

interface Used {
  readonly name: string
  /** Held-out images: as many as are asked for and available. */
  readonly heldOut: number
  readonly report: SplitReport
  readonly trials: Array<string>
}

/** The data sets of the trials in their order, each with the trials on it. */
export const dataSetsOf = ({
  file,
  trials,
}: Pick<Plan, "file" | "trials">): ReadonlyArray<Used> => {
  const folder = dirname(file)
  const used = new Map<string, Used>()
  // Many trials, few blocks of data.
  const keys = new Map<string, string>()
  for (const { declaration, id } of trials) {
    const block = JSON.stringify(declaration.data)
    const known = used.get(keys.get(block) ?? "")
    if (known !== undefined) {
      known.trials.push(id)
      continue
    }
    const { data } = declaration
    const report = Datasets.report(data, folder)
    const shape = Datasets.describe(data, folder)
    // The folder has changed since the plan was made.
    if (report === undefined || shape === undefined) continue
    const { name } = shape
    const heldOut = Math.min(data.heldOut, shape.heldOutCount ?? data.heldOut)
    const key = JSON.stringify([name, heldOut, report])
    keys.set(block, key)
    const same = used.get(key)
    if (same === undefined) used.set(key, { name, heldOut, report, trials: [id] })
    else same.trials.push(id)
  }
  return [...used.values()]
}

/** As `--json` shows the splits of one data set. */
export const describeSplits = (report: SplitReport | undefined) =>
  report === undefined
    ? { splits: [] }
    : { splits: report.splits, splitUses: report.splitUses, otherFiles: report.otherFiles }

/** As `--json` shows the data sets of a plan: the first one's splits, and all. */
export const describeDataSets = (used: ReadonlyArray<Used>) => ({
  ...describeSplits(used[0]?.report),
  dataSets: used.map(({ name, report, trials }) => ({
    name,
    ...describeSplits(report),
    trials,
  })),
})

const decodeData = Schema.decodeUnknownOption(Datasets.datasets.schema)

/** The splits of an experiment that is not right, as far as its data can be read: they may show what is wrong. */
export const describeDocument = ({ file, value }: Document) => {
  const data = decodeData(valueAt(value, ["data"]))
  return Option.isNone(data)
    ? { splits: [] }
    : describeSplits(Datasets.report(data.value, dirname(file)))
}

const usesOf = ({ name }: SplitCount, { splitUses }: SplitReport, heldOut?: number): string =>
  [
    ...(name === splitUses.train ? ["train"] : []),
    ...(name === splitUses.heldOut && heldOut !== 0
      ? [heldOut === undefined ? "held out" : `${heldOut} held out`]
      : []),
    ...(name === splitUses.test ? ["test"] : []),
  ].join(", ") || "not used"

/** The splits of one data set, a row each. */
export const splitTable = (report: SplitReport, heldOut?: number): string => {
  const rows = table(
    ["split", "used for", "images", "classes", "passed over", "broken"],
    report.splits.map((split) => [
      split.name,
      usesOf(split, report, heldOut),
      String(split.images),
      String(split.classes),
      String(split.passedOver),
      String(split.broken),
    ]),
  )
  const passedOver = Object.entries(report.passedOver).map(
    ([name, words]) => `passed over in ${name}: ${words}`,
  )
  const others = report.otherFiles === 0 ? [] : [`files beside the splits: ${report.otherFiles}`]
  return [rows, ...passedOver, ...others].join("\n")
}

/** The splits of all data sets of a plan. */
export const dataSetTables = (used: ReadonlyArray<Used>): string =>
  used
    .map(({ heldOut, name, report }) => `${bold(`data ${name}`)}\n${splitTable(report, heldOut)}`)
    .join("\n")
