/**
 * A search space for programs: read from a file or from an object, with its decisions and the assignments to begin with.
 *
 * Left out: the graph, the layer table and everything else that a network is made of (`network/`).
 */
import { Effect } from "effect"
import { type Document, parse } from "../declaration/Document.ts"
import {
  DeclarationError,
  DeclarationErrors,
  formatPath,
  type Problem,
} from "../declaration/Errors.ts"
import { changedSpace } from "../experiment/ChangedSpace.ts"
import { builtOf } from "../experiment/Checks.ts"
import { readKind } from "../experiment/FileKind.ts"
import { explainPair, type FormatOption, pairText, readPair } from "../format/Pair.ts"
import type { Network } from "../network/Network.ts"
import { uniformChoices, uniformOptions } from "../network/format/Uniform.ts"
import type { Assignment } from "../space/Decision.ts"
import { decisionList, type ListedDecision } from "../space/DecisionList.ts"
import { cardinality } from "../space/Cardinality.ts"
import { toAssignment, widestChoices } from "../space/DecisionSpace.ts"
import { services } from "./Services.ts"

/** The networks of one space file: what is decided, and how many networks that makes. */
export interface SearchSpace {
  readonly name: string
  /** In the order of the file: path, role, options, and when each is active. */
  readonly decisions: ReadonlyArray<ListedDecision>
  /** How many networks differ in an active decision. */
  readonly cardinality: bigint
  /** Every decision at its widest option. */
  readonly widest: Assignment
  /** What is right but doubtful, each as `file:line:column path: words`. */
  readonly warnings: ReadonlyArray<string>
  /** @internal */
  readonly network: Network
}

/** Mistakes in what a program gave, which has no lines. */
export const mistakes = (
  name: string,
  problems: ReadonlyArray<Pick<Problem, "path" | "message">>,
): DeclarationErrors =>
  new DeclarationErrors({
    errors: problems.map(
      ({ message, path }) =>
        new DeclarationError({ file: name, line: 1, column: 1, path: formatPath(path), message }),
    ),
  })

const spaceOf = Effect.fnUntraced(function* (document: Document, set: ReadonlyArray<string>) {
  const { errors, value, warnings } = yield* changedSpace(document, set)
  if (value === undefined) return yield* new DeclarationErrors({ errors })
  const { network } = builtOf(value)
  if (network === undefined) return yield* Effect.die("a space without problems was not built")
  const { space } = network
  const made: SearchSpace = {
    name: network.name,
    decisions: decisionList(space),
    cardinality: cardinality(space),
    widest: toAssignment(space, widestChoices(space)),
    warnings: warnings.map(({ text }) => text),
    network,
  }
  return made
})

/**
 * Reads a space file, such as `spaces/resnet8.yaml`.
 *
 * @param options.set changes as the command line takes them: `["classes=100"]`
 * @returns fails with `DeclarationErrors`: every mistake at once, each with file, line and column
 */
export const readSpace = (
  file: string,
  options: { readonly set?: ReadonlyArray<string> } = {},
): Effect.Effect<SearchSpace, DeclarationErrors> =>
  readKind(file, ["space"], "readSpace").pipe(
    Effect.flatMap((document) => spaceOf(document, options.set ?? [])),
    Effect.provide(services),
  )

/**
 * Builds a space from an object with the keys of a space file (docs/spaces.md).
 *
 * @returns fails with `DeclarationErrors`; lines are those of the object as indented JSON
 */
export const buildSpace = (declaration: object): Effect.Effect<SearchSpace, DeclarationErrors> =>
  parse("space", JSON.stringify(declaration, null, 2)).pipe(
    Effect.flatMap((document) => spaceOf(document, [])),
  )

/**
 * The assignment with one format everywhere, sizes at their largest.
 *
 * @param format a name, `INT4`, or weights before activations, `INT4/INT8`
 * @returns fails with `DeclarationErrors` where the space does not offer the format to all layers
 */
export const uniformAssignment = (
  space: SearchSpace,
  format: string,
): Effect.Effect<Assignment, DeclarationErrors> => {
  const { name, network } = space
  const option = readPair(format)
  if (option === undefined)
    return Effect.fail(mistakes(name, [{ path: [], message: `${format}: ${explainPair(format)}` }]))
  const choices = uniformChoices(network, option)
  return choices === undefined
    ? Effect.fail(mistakes(name, [{ path: [], message: notOffered(network, option) }]))
    : Effect.succeed(toAssignment(network.space, choices))
}

const notOffered = (network: Network, option: FormatOption): string =>
  `the space does not offer ${pairText(option)} everywhere; it offers ${uniformOptions(network).map(pairText).join(", ") || "no format to all its layers"}`
