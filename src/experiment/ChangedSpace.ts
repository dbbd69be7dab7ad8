/** A space file with the changes of `--set`, for commands that take a space. */
import { Effect } from "effect"
import { inspect, type Inspection } from "../declaration/Decode.ts"
import type { Document } from "../declaration/Document.ts"
import type { DeclarationError } from "../declaration/Errors.ts"
import { Space } from "../model/Network.ts"
import { blame } from "./Blame.ts"
import { spaceProblems } from "./Checks.ts"
import {
  apply,
  intoSpace,
  type Override,
  parseSets,
  unsetErrors,
  withinSpace,
} from "./Overrides.ts"

const inspectWith = (document: Document, changes: ReadonlyArray<Override>): Inspection<Space> => {
  const changed = apply(document, changes)
  const { errors, value, warnings } = inspect(Space, changed.document, spaceProblems)
  const all = [...changed.errors, ...unsetErrors(errors, changes)]
  return value === undefined || all.length > 0
    ? { errors: all, warnings }
    : { value, errors: all, warnings }
}

/** `sets` as given to `--set`; their paths lead into the space, with `space.` in front or not. */
export const changedSpace = Effect.fnUntraced(function* (
  document: Document,
  sets: ReadonlyArray<string>,
): Effect.fn.Return<Inspection<Space>> {
  const { changes: given, errors: unread } = parseSets(sets)
  const changes = given.map((change) => (intoSpace(change) ? withinSpace(change) : change))
  const { errors, value, warnings } = inspectWith(document, changes)
  const told: ReadonlyArray<DeclarationError> = [
    ...unread,
    ...(yield* blame(errors, changes, { file: document.file, known: new Map() }, (fewer) =>
      Effect.sync(() => inspectWith(document, fewer).errors),
    )),
  ]
  return value === undefined || told.length > 0
    ? { errors: told, warnings }
    : { value, errors: told, warnings }
})
