/**
 * Reads one cell of a plan: the experiment and its space under the changes of the cell, the files they name, and the trials.
 *
 * Files, spaces and weights are read once for all cells. Left out: which cells there are (`Matrix.ts`, `Plan.ts`).
 */
import * as nodePath from "node:path"
import { Effect, Result, Schema } from "effect"
import type { FileSystem } from "effect"
import { shellCommand } from "../declaration/Shell.ts"
import { type Check, inspect, valueAt } from "../declaration/Decode.ts"
import type { Document } from "../declaration/Document.ts"
import { type DeclarationError, formatPath, type Problem } from "../declaration/Errors.ts"
import { FilePath } from "../declaration/Field.ts"
import type { Space } from "../network/SpaceFile.ts"
import { type Contents, type Named, namedIn } from "./BlockFiles.ts"
import { canonicalJson } from "./Canonical.ts"
import { builtOf, type Checks } from "./Checks.ts"
import { Experiment, experimentProblems, type InitialSource } from "./Experiment.ts"
import { Files } from "./Files.ts"
import { locateTrial, type Part } from "./Findings.ts"
import { type Initial, readInitial, type TrialWeights } from "./TrainedWeights.ts"
import type { Cell } from "./Matrix.ts"
import { apply, intoSpace, type Override, unsetErrors, withinSpace } from "./Overrides.ts"
import { declare, type PlannedTrial, planCell } from "./PlannedTrial.ts"
import { unreadSettings } from "./Unread.ts"

/** The result of reading a cell. */
export interface Reading {
  readonly errors: ReadonlyArray<DeclarationError>
  readonly warnings: ReadonlyArray<DeclarationError>
  /** Empty if there are errors. */
  readonly trials: ReadonlyArray<PlannedTrial>
  /** Settings that the trials do not read. */
  readonly unread: ReadonlyArray<DeclarationError>
}

/** What all cells of a plan share. */
export interface Shared {
  readonly document: Document
  readonly name: string
  /** The short name of each key of the matrix. */
  readonly labels: ReadonlyMap<string, string>
  readonly checks: Checks
  readonly trialWeights: TrialWeights | undefined
}

type Reads<A> = Effect.Effect<A, never, FileSystem.FileSystem>

export class CellReader {
  readonly #document: Document
  readonly #folder: string
  readonly #checks: Checks
  readonly #files: Files
  readonly #rules: Check<Experiment>
  readonly #weightsOf: ReturnType<typeof makeWeightsOf>

  constructor({ checks, document, trialWeights }: Omit<Shared, "name" | "labels">) {
    const folder = nodePath.dirname(document.file)
    this.#document = document
    this.#folder = folder
    this.#checks = checks
    this.#files = new Files(document.file, checks.space)
    this.#rules = (experiment) => experimentProblems(experiment, folder)
    this.#weightsOf = makeWeightsOf(folder, trialWeights)
  }

  /** The document under its own changes and those that lead into the space. */
  changed(changes: ReadonlyArray<Override>) {
    const own = changes.filter((change) => !intoSpace(change))
    const { document, errors } = apply(this.#document, own)
    return { document, errors, own, ofSpace: changes.filter(intoSpace).map(withinSpace) }
  }

  /** The trials of a cell under its changes, or its errors. */
  read(
    cell: Cell,
    changes: ReadonlyArray<Override>,
    { labels, name }: Pick<Shared, "labels" | "name">,
  ): Reads<Reading> {
    const { document, errors: misled, own, ofSpace } = this.changed(changes)
    const files = this.#files
    return Effect.gen({ self: this }, function* () {
      const inspected = inspect(Experiment, document, this.#rules)
      const errors = [...misled, ...unsetErrors(inspected.errors, own)]
      const warnings = [...inspected.warnings]
      const spacePath = valueAt(document.value, ["space"])
      const none = { errors, warnings, trials: [], unread: [] }
      if (!isFilePath(spacePath)) return none
      const space = yield* files.space(document, spacePath, ofSpace)
      errors.push(...space.errors)
      warnings.push(...space.warnings)
      if (inspected.value === undefined) {
        // The shape is wrong: the errors of the network are reported with those of the shape.
        const rules = rulesOf(this.#checks, space.value, this.#rules)
        const all = [...misled, ...space.errors, ...inspect(Experiment, document, rules).errors]
        return { ...none, errors: unsetErrors(all, own) }
      }
      if (space.value === undefined) return none

      const experiment = inspected.value
      const named = yield* this.#namedFiles(document, experiment, space.document, ofSpace)
      errors.push(...named.errors)
      const source = experiment.train.initial
      const initial = source === undefined ? undefined : yield* this.#weightsOf(source, space.value)
      if (initial !== undefined && Result.isFailure(initial)) {
        errors.push(...initial.failure.map((problem) => locateTrial(problem, document, [])))
        return none
      }
      const { contents, fill, parts } = named
      const planned = planCell(
        {
          name,
          cell,
          labels,
          experiment,
          space: space.value,
          contents,
          ...(fill === undefined ? {} : { fill }),
          ...(initial === undefined ? {} : { initial: initial.success }),
        },
        this.#checks,
      )
      if (Result.isFailure(planned))
        errors.push(...planned.failure.map((problem) => locateTrial(problem, document, parts)))
      if (errors.length > 0 || Result.isFailure(planned)) return none
      const unread = unreadSettings(experiment, document.value, this.#folder).map((problem) =>
        locateTrial(problem, document, []),
      )
      return { ...none, trials: planned.success, unread }
    })
  }

  /** The files that the blocks of an experiment name: their contents, their errors, and where they are. */
  #namedFiles(
    document: Document,
    experiment: Experiment,
    space: Document,
    changes: ReadonlyArray<Override>,
  ) {
    return Effect.gen({ self: this }, function* () {
      const parts: Array<Part> = [{ path: ["space"], document: space }]
      const contents: Array<Contents> = []
      const errors: Array<DeclarationError> = []
      let fill: string | undefined
      for (const named of namedIn(experiment)) {
        const { file, path } = named
        const found = yield* this.#files.named(document, named)
        parts.push({ path, document: found.document })
        errors.push(...found.errors)
        if (found.value !== undefined) contents.push({ path, value: found.value })
        if (file.command === undefined) continue
        if (found.document === document)
          errors.push(locateTrial(unreadable(named, file.command, space), document, []))
        else fill = writeCommand(file.command, space, changes, found.document)
      }
      return { contents, errors, fill, parts }
    })
  }
}

/** The problem of a file that a command can write and that cannot be read. */
const unreadable = ({ path }: Named, command: string, space: Document): Problem => ({
  path,
  message: `the ${path.at(-1)} cannot be read; measure one by ${shellCommand(["fliqs", command, space.file])} --out FILE`,
})

/** The command that adds what a file lacks for a variant of a space. */
const writeCommand = (
  command: string,
  space: Document,
  changes: ReadonlyArray<Override>,
  file: Document,
): string => {
  const sets = changes.flatMap(({ path, value }) => [
    "--set",
    `${formatPath(path)}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  ])
  return shellCommand(["fliqs", command, space.file, ...sets, "--out", file.file])
}

/** Reads initial weights once for each pair of weights and space. */
const makeWeightsOf = (folder: string, ofTrial: TrialWeights | undefined) => {
  const known = new Map<string, Result.Result<Initial, ReadonlyArray<Problem>>>()
  return Effect.fnUntraced(function* (source: InitialSource, space: Space) {
    const { network } = builtOf(space)
    if (network === undefined) return undefined
    const key = canonicalJson([source, space])
    const read = known.get(key) ?? (yield* readInitial(source, folder, network, ofTrial))
    known.set(key, read)
    return read
  })
}

const isFilePath = Schema.is(FilePath)

/** All rules for a file of a wrong shape; those of the network too if there is one and no cell can change it. */
const rulesOf =
  (checks: Checks, space: Space | undefined, rules: Check<Experiment>): Check<Experiment> =>
  (experiment) => [
    ...rules(experiment),
    ...(space === undefined || experiment.matrix !== undefined
      ? []
      : checks.trial(declare({ contents: [], experiment, space }))),
  ]
