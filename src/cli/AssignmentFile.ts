/** The file of `--assignment`, read for a network. */
import { Effect, Result } from "effect"
import { pathText } from "../declaration/Errors.ts"
import { readKind } from "../experiment/FileKind.ts"
import type { Network } from "../network/Network.ts"
import type { Assignment } from "../space/Decision.ts"
import { fromAssignment } from "../space/DecisionSpace.ts"
import { Wrong } from "./ErrorMessages.ts"

/** The choices of a plain mapping, or of one under `assignment` as `show --json` and result.json have it. */
export const readAssignment = Effect.fnUntraced(function* (network: Network, file: string) {
  const { value } = yield* readKind(file, ["assignment", "result"], "--assignment")
  const inner =
    typeof value === "object" && value !== null && "assignment" in value ? value.assignment : value
  if (typeof inner !== "object" || inner === null || Array.isArray(inner))
    return yield* new Wrong({
      message: `${pathText(file)}: this is no assignment; a mapping of decision path to option would be right`,
    })
  const found = fromAssignment(network.space, inner as Assignment)
  if (Result.isFailure(found))
    return yield* new Wrong({
      message: found.failure
        .map(({ message, path }) => `${pathText(file)}: ${pathText(path.join("."))}: ${message}`)
        .join("\n"),
    })
  return found.success
})
