/**
 * Values of a change that a later change replaces, and which change replaces them.
 *
 * Changes are made in turn, those of `--set` before those of a cell of the matrix. Left out: changes that are not replaced
 * and make no difference (`SettingsWithoutEffect.ts`).
 */
import { DeclarationError, formatPath, type Path, show } from "../declaration/Errors.ts"
import { canonicalJson } from "./Canonical.ts"
import type { Override } from "./Overrides.ts"

/** A value of `earlier`, at `leaf`, that `later` replaces. */
interface Shadow {
  readonly earlier: Override
  readonly later: Override
  readonly leaf: Path
  /** The value at `leaf`. */
  readonly value: unknown
}

interface Leaf {
  readonly path: Path
  readonly value: unknown
}

const branches = (value: unknown): value is object => typeof value === "object" && value !== null

/** The single values that a change sets. */
const leavesOf = (path: Path, value: unknown): ReadonlyArray<Leaf> => {
  const inner = Array.isArray(value)
    ? value.map((item, i) => [i, item] as const)
    : branches(value)
      ? Object.entries(value)
      : []
  return inner.length === 0
    ? [{ path, value }]
    : inner.flatMap(([key, item]) => leavesOf([...path, key], item))
}

const begins = (path: Path, start: Path): boolean =>
  start.length <= path.length && start.every((key, i) => String(key) === String(path[i]))

/** The key `space` names a file; a path after `space.` leads into it, whichever file it is. */
const namesSpace = (path: Path): boolean => path.length === 1 && path[0] === "space"

const replaces = (later: Override, { path, value }: Leaf): boolean => {
  if (namesSpace(later.path) || namesSpace(path)) return namesSpace(later.path) && namesSpace(path)
  if (begins(path, later.path)) return true
  // A single value gives way to the mapping in which the later change sets a key.
  return !branches(value) && value !== null && later.value !== null && begins(later.path, path)
}

const between = (earlier: Override, later: Override): ReadonlyArray<Shadow> =>
  leavesOf(earlier.path, earlier.value)
    .filter((leaf) => replaces(later, leaf))
    .map(({ path, value }) => ({ earlier, later, leaf: path, value }))

/** Whether two changes are the same. */
export const equal = (a: Override, b: Override): boolean =>
  canonicalJson([a.path.map(String), a.value]) === canonicalJson([b.path.map(String), b.value])

/** `changes nothing`, or `its train.steps changes nothing` for a part. */
const nothing = ({ earlier, leaf }: Shadow): string =>
  leaf.length === earlier.path.length
    ? "changes nothing"
    : `its ${formatPath(leaf)} changes nothing`

const at = (change: Override, message: string): DeclarationError =>
  new DeclarationError({ ...change.at.value, path: formatPath(change.path), message })

interface Found {
  readonly errors: ReadonlyArray<DeclarationError>
  readonly warnings: ReadonlyArray<DeclarationError>
}

/** `--set` whose value a later `--set` replaces. */
const shadowedBySets = (sets: ReadonlyArray<Override>): Found => {
  const errors: Array<DeclarationError> = []
  const warnings: Array<DeclarationError> = []
  for (const [i, earlier] of sets.entries())
    for (const later of sets.slice(i + 1)) {
      const [shadow] = between(earlier, later)
      if (shadow === undefined) continue
      if (equal(earlier, later)) warnings.push(at(later, "is given twice; once is enough"))
      else
        errors.push(
          at(
            earlier,
            `${nothing(shadow)}, because ${later.at.value.flag} comes after it; give only one of them`,
          ),
        )
      break
    }
  return { errors, warnings }
}

const instead = ({ later, leaf, value }: Shadow): string => {
  const key = formatPath(later.path)
  const list = `matrix.${key}=[${typeof value === "string" ? value : JSON.stringify(value)}]`
  const unset = `--set matrix.${key}=null removes the list`
  return begins(leaf, later.path) && leaf.length === later.path.length
    ? `change the list (--set '${list}'), or ${unset}`
    : `change its values, or ${unset}`
}

/** `--set` whose value every cell replaces is an error; one that some cells replace is a warning. */
const shadowedByCells = (
  sets: ReadonlyArray<Override>,
  cells: ReadonlyArray<ReadonlyArray<Override>>,
): Found => {
  const errors: Array<DeclarationError> = []
  const warnings: Array<DeclarationError> = []
  for (const set of sets) {
    const shadows = cells.flatMap((changes) => {
      const shadow = changes.flatMap((change) => between(set, change))[0]
      return shadow === undefined ? [] : [shadow]
    })
    const [shadow] = shadows
    if (shadow === undefined) continue
    const key = formatPath(shadow.later.path)
    if (shadows.length === cells.length)
      errors.push(
        at(
          set,
          shadow.later.origin?.[0] === "matrix"
            ? `${nothing(shadow)}, because the matrix varies ${key}; ${instead(shadow)}`
            : `${nothing(shadow)}, because include sets ${key}; change it there`,
        ),
      )
    else
      warnings.push(
        at(
          set,
          `${nothing(shadow)} in ${shadows.length} of ${cells.length} combinations: ${formatPath(shadow.later.origin ?? [])} sets ${key} there`,
        ),
      )
  }
  return { errors, warnings }
}

/** Keys of one cell that set a value twice: the value of a parent contains what the child sets. */
const shadowedWithinCell = (changes: ReadonlyArray<Override>): ReadonlyArray<DeclarationError> =>
  changes.flatMap((earlier, i) =>
    changes.slice(i + 1).flatMap((later) => {
      const [shadow] = between(earlier, later)
      if (shadow === undefined) return []
      return [
        new DeclarationError({
          ...later.at.key,
          path: formatPath(later.origin?.slice(0, 2) ?? later.path),
          message: `${formatPath(earlier.path)}: ${show(earlier.value)} sets ${formatPath(shadow.leaf)} too, and this would replace it; set it in one of the two places`,
        }),
      ]
    }),
  )

/** All values of `--set`, and of the changes of each cell, that a later change replaces. */
export const shadowsOf = (
  sets: ReadonlyArray<Override>,
  cells: ReadonlyArray<ReadonlyArray<Override>>,
): Found => {
  const bySets = shadowedBySets(sets)
  const byCells = shadowedByCells(sets, cells)
  return {
    errors: [...bySets.errors, ...byCells.errors, ...cells.flatMap(shadowedWithinCell)],
    warnings: [...bySets.warnings, ...byCells.warnings],
  }
}
