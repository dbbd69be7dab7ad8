/**
 * The cells of a matrix: the product of its lists, without what `exclude` matches, and with what `include` adds, as in GitHub
 * Actions.
 *
 * Entries without effect are reported here, as far as the lists alone show it.
 */
import { didYouMean, oneOf } from "../declaration/Suggest.ts"
import { canonicalJson } from "./Canonical.ts"
import { type Problem, show } from "../declaration/Errors.ts"

export type Cell = Readonly<Record<string, unknown>>

export interface MatrixFields {
  readonly matrix?: Readonly<Record<string, ReadonlyArray<unknown>>>
  readonly exclude?: ReadonlyArray<Cell>
  readonly include?: ReadonlyArray<Cell>
}

export interface MatrixOptions {
  /** Allows more than a thousand cells. */
  readonly yes: boolean
  /** Whether the lists differ from those that `exclude` was written for: then an entry that matches nothing is no mistake. */
  readonly isChanged?: boolean
}

/** More cells than this need `--yes`. */
export const mostCells = 1_000
/** More are always refused: each cell is decoded, hashed and kept. */
export const hardMostCells = 10_000

/** The number of cells that the lists multiply to, without making them; Infinity if float64 cannot count them. */
export const productSize = (fields: MatrixFields): number =>
  Object.values(fields.matrix ?? {}).reduce((product, list) => product * list.length, 1)

const count = (size: number): string => (size < 1e15 ? String(size) : size.toExponential(0))

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b)

/** The problems of a matrix before any cell is read. */
export const matrixProblems = (
  fields: MatrixFields,
  { isChanged = false, yes }: MatrixOptions,
): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = [...repeatProblems(fields)]
  const excluded = excludeProblems(fields)
  problems.push(
    ...(isChanged
      ? excluded.map((problem) => ({ ...problem, severity: "warning" as const }))
      : excluded),
  )
  const size = productSize(fields)
  const at = { path: ["matrix"], at: "key" } as const
  if (size > hardMostCells)
    problems.push({
      ...at,
      message: `the matrix has ${count(size)} cells; ${hardMostCells} is the most, shorten its lists`,
    })
  else {
    problems.push(...includeProblems(fields))
    if (size > mostCells && !yes)
      problems.push({
        ...at,
        message: `the matrix has ${count(size)} cells; shorten its lists, or give --yes for more than ${mostCells}`,
      })
  }
  return problems
}

const repeatProblems = ({ matrix = {} }: MatrixFields): ReadonlyArray<Problem> =>
  Object.entries(matrix).flatMap(([key, list]) => {
    const seen = new Map<string, number>()
    return list.flatMap((value, i) => {
      const text = canonicalJson(value)
      const first = seen.get(text)
      if (first === undefined) seen.set(text, i)
      return first === undefined
        ? []
        : [
            {
              path: ["matrix", key, i],
              message: `this value repeats the one at ${first}; remove one, the same trial is run once`,
            },
          ]
    })
  })

const isPartOf = (part: Cell, whole: Cell): boolean =>
  Object.entries(part).every(([key, value]) => Object.hasOwn(whole, key) && same(whole[key], value))

/** `seed is never 9 there; 1 or 2 would be right` */
const absence = (key: string, value: unknown, list: ReadonlyArray<unknown>): string =>
  `${key} is never ${show(value)} in the matrix; ${oneOf(list.map((item) => show(item)))} would be right`

/** Entries of `exclude` that match nothing. */
const excludeProblems = ({ exclude = [], matrix = {} }: MatrixFields): ReadonlyArray<Problem> => {
  const keys = Object.keys(matrix)
  return exclude.flatMap((entry, i): ReadonlyArray<Problem> => {
    const unmatched = Object.entries(entry).flatMap(([key, value]): ReadonlyArray<Problem> => {
      const list = Object.hasOwn(matrix, key) ? matrix[key] : undefined
      const path = ["exclude", i, key]
      if (list === undefined)
        return [
          {
            path,
            at: "key",
            message: `no list of the matrix is called ${key}; ${keys.length === 0 ? "there is no matrix to exclude from" : didYouMean(key, keys)}`,
          },
        ]
      return list.some((item) => same(item, value))
        ? []
        : [{ path, message: `leaves nothing out: ${absence(key, value, list)}` }]
    })
    if (unmatched.length > 0) return unmatched
    const wider = exclude.findIndex(
      (other, j) => j !== i && isPartOf(other, entry) && (j < i || !isPartOf(entry, other)),
    )
    return wider < 0
      ? []
      : [
          {
            path: ["exclude", i],
            message: `leaves nothing out that the entry at ${wider} does not; remove it`,
          },
        ]
  })
}

/** A cell while it is built, with the entry that gave each value that no list gave. */
interface Row {
  readonly cell: Cell
  readonly by: Readonly<Record<string, number>>
}

/** The effect of an entry of `include`: the cells it fits, and whether it changed one of them or made a cell of its own. */
interface Included {
  readonly fits: boolean
  readonly changes: boolean
  /** The earlier entry that makes the same cell. */
  readonly repeats?: number
}

const combine = (fields: MatrixFields) => {
  const lists = Object.entries(fields.matrix ?? {})
  let product: ReadonlyArray<Cell> = lists.length === 0 ? [] : [{}]
  for (const [key, list] of lists)
    product = product.flatMap((cell) =>
      list.map((value) => Object.assign({}, cell, { [key]: value })),
    )
  const own = new Set(lists.map(([key]) => key))
  let rows: ReadonlyArray<Row> = product
    .filter((cell) => !(fields.exclude ?? []).some((entry) => isPartOf(entry, cell)))
    .map((cell) => ({ cell, by: {} }))
  const added = new Map<number, Cell>()
  const included = (fields.include ?? []).map((extra, i): Included => {
    // An entry that contradicts no list value of a cell is added to that cell; one that fits no cell makes a cell of its own.
    const fits = ({ cell }: Row) =>
      Object.entries(extra).every(([key, value]) => !own.has(key) || same(cell[key], value))
    if (!rows.some(fits)) {
      const [repeats] = [...added].find(([, cell]) => same(cell, extra)) ?? []
      added.set(i, extra)
      return { fits: false, changes: true, ...(repeats === undefined ? {} : { repeats }) }
    }
    let changes = false
    rows = rows.map((row) => {
      if (!fits(row)) return row
      const fresh = Object.keys(extra).filter((key) => !isPartOf({ [key]: extra[key] }, row.cell))
      changes ||= fresh.length > 0
      return {
        cell: { ...row.cell, ...extra },
        by: { ...row.by, ...Object.fromEntries(fresh.map((key) => [key, i])) },
      }
    })
    return { fits: true, changes }
  })
  return { lists, rows, added: [...added.values()], included }
}

/** Entries of `include` that add nothing, and those that make cells of their own beside a matrix. */
const includeProblems = (fields: MatrixFields): ReadonlyArray<Problem> => {
  const { include = [] } = fields
  if (include.length === 0) return []
  const { included, lists, rows } = combine(fields)
  const lasting = new Set(rows.flatMap(({ by }) => Object.values(by)))
  return include.flatMap((entry, i): ReadonlyArray<Problem> => {
    const { changes, fits, repeats } = included[i]!
    const at = { path: ["include", i] }
    if (Object.keys(entry).length === 0)
      return [{ ...at, message: "is empty; give keys with values, or remove it" }]
    if (repeats !== undefined)
      return [{ ...at, message: `repeats the combination at ${repeats}; remove one` }]
    if (fits && !changes)
      return [
        {
          ...at,
          message: "adds nothing: the combinations that it fits have all its values; remove it",
        },
      ]
    if (fits && !lasting.has(i))
      return [
        {
          ...at,
          message: "adds nothing that remains: later entries set the same keys again; remove one",
        },
      ]
    if (fits || lists.length === 0) return []
    const never = lists.flatMap(([key, list]) =>
      Object.hasOwn(entry, key) && !list.some((item) => same(item, entry[key]))
        ? [`${key} is never ${show(entry[key])} there`]
        : [],
    )
    const without = lists.flatMap(([key]) => (Object.hasOwn(entry, key) ? [] : [key]))
    const why = never.length === 0 ? "exclude leaves none that it fits" : never.join(", ")
    return [
      {
        ...at,
        message: `fits no combination of the matrix (${why}); it is one more combination of its own${without.length === 0 ? "" : `, with ${oneOf(without).replace(" or ", " and ")} as in the rest of the file`}`,
        severity: "warning",
      },
    ]
  })
}

/** The cells in the order of the lists (the last varies fastest), then those that only `include` makes. */
export const cells = (fields: MatrixFields): ReadonlyArray<Cell> => {
  const { added, lists, rows } = combine(fields)
  const all = [...rows.map(({ cell }) => cell), ...added]
  return lists.length === 0 && all.length === 0 ? [{}] : all
}
