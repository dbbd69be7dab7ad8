/**
 * The way back from the space and an assignment to the network: what files leave out, since both say it already.
 *
 * Left out: weights (`SafetensorsTarget.ts`), files (`PolicyTarget.ts`).
 */
import { Result, Schema } from "effect"
import { allWithin, type Problem, within } from "../declaration/Errors.ts"
import { build } from "../network/Build.ts"
import type { Network } from "../network/Network.ts"
import { Space } from "../network/SpaceFile.ts"
import type { Assignment } from "../space/Decision.ts"
import { fromAssignment } from "../space/DecisionSpace.ts"
import { extract } from "../supernet/Child.ts"

export interface Rebuilt {
  /** The whole space: every variable in its largest shape. */
  readonly whole: Network
  /** The network of the assignment, without decisions. */
  readonly network: Network
}

/** Builds a declared space and takes the network of an assignment; problems are by paths under `space` and `assignment`. */
export const rebuild = (
  space: Space,
  assignment: Assignment,
): Result.Result<Rebuilt, ReadonlyArray<Problem>> => {
  const { network: whole, problems } = build(space)
  if (whole === undefined) return Result.fail(problems.map(within("space")))
  return fromAssignment(whole.space, assignment).pipe(
    Result.map((choices) => ({ whole, network: extract(whole, choices) })),
    Result.mapError(allWithin("assignment")),
  )
}

/** The whole space of a model that was found in it. Throws where the space does not build (a broken invariant). */
export const wholeSpace = (space: unknown): Network => {
  const { network, problems } = build(Schema.decodeUnknownSync(Space)(space))
  if (network === undefined)
    throw new Error(`the space does not build: ${problems.map((p) => p.message).join("; ")}`)
  return network
}
