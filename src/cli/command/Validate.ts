/** `fliqs validate FILE...`: everything that can be checked without training. */
import { Effect, Option } from "effect"
import { inspect } from "../../declaration/Decode.ts"
import type { Document } from "../../declaration/Document.ts"
import { DeclarationError, DeclarationErrors, pathText } from "../../declaration/Errors.ts"
import { spaceProblems } from "../../experiment/Checks.ts"
import { kindOfFile, readKind } from "../../experiment/FileKind.ts"
import * as Plan from "../../experiment/Plan.ts"
import { build } from "../../network/Build.ts"
import { Space } from "../../network/SpaceFile.ts"
import { ofTrials } from "../../orchestrator/InitialWeights.ts"
import { decisionList } from "../../space/DecisionList.ts"
import { stateFolder } from "../Locations.ts"
import { note, print, printJson, red, green, short } from "../Output.ts"
import { describeSpaces, makeNetworks, sizeOf, spacesOf } from "../Spaces.ts"
import { dataSetsOf, dataSetTables, describeDataSets, describeDocument } from "../Splits.ts"
import { deadReferences } from "../SchemaReference.ts"
import { Ended, exitCodes } from "../ErrorMessages.ts"

interface Verdict {
  readonly file: string
  readonly kind: "space" | "experiment" | "unknown"
  readonly errors: ReadonlyArray<DeclarationError>
  readonly warnings: ReadonlyArray<DeclarationError>
  readonly summary: string
  /** More lines for people. */
  readonly more?: string
  readonly details: Readonly<Record<string, unknown>>
}

const ofSpace = (document: Document): Omit<Verdict, "file"> => {
  const { errors, value, warnings } = inspect(Space, document, spaceProblems)
  const network = value === undefined ? undefined : build(value).network
  const kind = "space" as const
  if (network === undefined) return { kind, errors, warnings, summary: "", details: {} }
  const size = sizeOf(network)
  return {
    kind,
    errors,
    warnings,
    summary: `space, ${size.decisions} decisions, ${size.cardinality} assignments, ${short(size.cost.min)} to ${short(size.cost.max)} GBOPs`,
    details: { ...size, decisionList: decisionList(network.space) },
  }
}

const ofExperiment = (document: Document) =>
  stateFolder(Option.none(), document.file).pipe(
    Effect.flatMap((state) => Plan.expand(document, { trialWeights: ofTrials(state) })),
    Effect.map((plan) => {
      const { trials, warnings } = plan
      const spaces = describeSpaces(spacesOf(trials, makeNetworks()))
      const dataSets = dataSetsOf(plan)
      return {
        kind: "experiment" as const,
        errors: [] as ReadonlyArray<DeclarationError>,
        warnings,
        summary: `experiment, ${trials.length} ${trials.length === 1 ? "trial" : "trials"}`,
        more: dataSetTables(dataSets),
        details: {
          trials: trials.length,
          decisionList: spaces[0]!.decisionList,
          spaces,
          ...describeDataSets(dataSets),
        },
      }
    }),
    Effect.catchIf(
      (error) => error instanceof DeclarationErrors,
      ({ errors }) =>
        Effect.succeed({
          kind: "experiment" as const,
          errors,
          warnings: [],
          summary: "",
          details: describeDocument(document),
        }),
    ),
  )

const neither = (document: Document): Omit<Verdict, "file"> => ({
  kind: "unknown",
  errors: [
    ...document.errors,
    new DeclarationError({
      file: document.file,
      line: 1,
      column: 1,
      path: "",
      message:
        "this is neither a space nor an experiment; a space has the key network, an experiment the key space",
    }),
  ],
  warnings: [],
  summary: "",
  details: {},
})

const judge = Effect.fnUntraced(function* (file: string) {
  const document = yield* Effect.result(readKind(file, ["space", "experiment"], "fliqs validate"))
  if (document._tag === "Failure")
    return {
      file,
      kind: "unknown",
      errors: document.failure.errors,
      warnings: [],
      summary: "",
      details: {},
    } satisfies Verdict
  const kind = kindOfFile(document.success.value)
  const verdict =
    kind === "space"
      ? ofSpace(document.success)
      : kind === "experiment"
        ? yield* ofExperiment(document.success)
        : neither(document.success)
  const dead =
    kind === "space" || kind === "experiment" ? deadReferences(document.success, kind) : []
  return { file, ...verdict, warnings: [...dead, ...verdict.warnings] } satisfies Verdict
})

const plainError = ({ column, file, line, message, path }: DeclarationError) => ({
  file,
  line,
  column,
  path,
  message,
})

export const run = Effect.fn("validate")(function* (input: {
  readonly files: ReadonlyArray<string>
  readonly json: boolean
}) {
  const verdicts: ReadonlyArray<Verdict> = yield* Effect.forEach(input.files, judge)
  if (input.json)
    yield* printJson(
      verdicts.map(({ details, errors, file, kind, warnings }) => ({
        file,
        kind,
        ...details,
        errors: errors.map(plainError),
        warnings: warnings.map(plainError),
      })),
    )
  else
    for (const { errors, file, more, summary, warnings } of verdicts) {
      for (const warning of warnings) yield* note(`warning: ${warning.text}`)
      for (const error of errors) yield* print(error.text)
      if (errors.length === 0)
        yield* print(
          [`${green("OK")} ${pathText(file)}: ${summary}`, ...(more ? [more] : [])].join("\n"),
        )
      else
        yield* note(
          `${red("wrong")} ${pathText(file)}: ${errors.length} ${errors.length === 1 ? "mistake" : "mistakes"}`,
        )
    }
  if (verdicts.some(({ errors }) => errors.length > 0))
    return yield* new Ended({ code: exitCodes.wrong })
})
