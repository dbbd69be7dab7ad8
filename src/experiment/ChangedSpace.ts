/** A space file with the changes of `--set`, for commands that take a space. */
import { Effect } from "effect"
import { inspect, type Inspection, unknownKeyAt } from "../declaration/Decode.ts"
import type { Document } from "../declaration/Document.ts"
import { DeclarationError, formatPath } from "../declaration/Errors.ts"
import { Space } from "../network/SpaceFile.ts"
import { errorsAtChanges } from "./ErrorOrigin.ts"
import { canonicalJson } from "./Canonical.ts"
import { spaceProblems } from "./Checks.ts"
import {
  apply,
  assign,
  intoSpace,
  type Override,
  parseSets,
  unsetErrors,
  withinSpace,
} from "./Overrides.ts"
import { equal, shadowsOf } from "./Shadows.ts"

const inspectWith = (document: Document, changes: ReadonlyArray<Override>): Inspection<Space> => {
  const changed = apply(document, changes)
  const { errors, value, warnings } = inspect(Space, changed.document, spaceProblems)
  const all = [...changed.errors, ...unsetErrors(errors, changes)]
  return value === undefined || all.length > 0
    ? { errors: all, warnings }
    : { value, errors: all, warnings }
}

/** Why the key that a change unsets is not a key of a space. */
const unknownOf = (document: Document, { path, value }: Override): string | undefined =>
  value === null ? unknownKeyAt(Space, assign(document.value, path, {}), path) : undefined

/** Changes that leave the space as it is without them. */
const idleIn = (
  document: Document,
  changes: ReadonlyArray<Override>,
  value: Space | undefined,
): ReadonlyArray<DeclarationError> =>
  value === undefined
    ? []
    : changes.flatMap((change) => {
        const fewer = changes.filter((other) => other !== change)
        if (fewer.some((other) => equal(other, change))) return []
        const without = inspectWith(document, fewer).value
        return without === undefined || canonicalJson(without) !== canonicalJson(value)
          ? []
          : [
              new DeclarationError({
                ...change.at.value,
                path: formatPath(change.path),
                message:
                  unknownOf(document, change) ??
                  "changes nothing; without it the space is the same",
              }),
            ]
      })

/** `sets` as given to `--set`; their paths lead into the space, with or without `space.` in front. */
export const changedSpace = Effect.fnUntraced(function* (
  document: Document,
  sets: ReadonlyArray<string>,
): Effect.fn.Return<Inspection<Space>> {
  const { changes: given, errors: unread } = parseSets(sets)
  const changes = given.map((change) => (intoSpace(change) ? withinSpace(change) : change))
  const { errors, value, warnings: ofSpace } = inspectWith(document, changes)
  const shadows = shadowsOf(changes, [])
  if (shadows.errors.length > 0) return { errors: [...unread, ...shadows.errors], warnings: [] }
  const warnings = [...ofSpace, ...shadows.warnings, ...idleIn(document, changes, value)]
  const reported: ReadonlyArray<DeclarationError> = [
    ...unread,
    ...(yield* errorsAtChanges(
      errors,
      changes,
      { file: document.file, known: new Map() },
      (fewer) => Effect.sync(() => inspectWith(document, fewer).errors),
    )),
  ]
  return value === undefined || reported.length > 0
    ? { errors: reported, warnings }
    : { value, errors: reported, warnings }
})
