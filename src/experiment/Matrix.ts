/**
 * The cells of a matrix: the product of its lists, less what `exclude` matches, and with what `include` adds, as in GitHub Actions.
 */
import { didYouMean } from "../declaration/Suggest.ts"
import { canonicalJson } from "./Canonical.ts"
import type { Problem } from "../declaration/Errors.ts"

export type Cell = Readonly<Record<string, unknown>>

export interface MatrixFields {
  readonly matrix?: Readonly<Record<string, ReadonlyArray<unknown>>>
  readonly exclude?: ReadonlyArray<Cell>
  readonly include?: ReadonlyArray<Cell>
}

/** More cells than this need `--yes`. */
export const mostCells = 1_000
/** More are refused whatever is said: each is decoded, hashed and kept. */
export const hardMostCells = 10_000

/** How many cells the lists multiply to, without making them; Infinity when float64 cannot count them. */
export const productSize = (fields: MatrixFields): number =>
  Object.values(fields.matrix ?? {}).reduce((product, list) => product * list.length, 1)

/** What is wrong with a matrix before any cell is made. */
export const matrixProblems = (fields: MatrixFields, yes: boolean): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const keys = Object.keys(fields.matrix ?? {})
  for (const [key, list] of Object.entries(fields.matrix ?? {})) {
    const seen = new Map<string, number>()
    list.forEach((value, i) => {
      const text = canonicalJson(value)
      const first = seen.get(text)
      if (first !== undefined)
        problems.push({
          path: ["matrix", key, i],
          message: `this value repeats that at ${first}; remove one, the same trial is run once`,
        })
      else seen.set(text, i)
    })
  }
  for (const [i, cell] of (fields.exclude ?? []).entries())
    for (const key of Object.keys(cell))
      if (!keys.includes(key))
        problems.push({
          path: ["exclude", i, key],
          at: "key",
          message: `no list of the matrix is called ${key}; ${keys.length === 0 ? "there is no matrix to exclude from" : didYouMean(key, keys)}`,
        })
  const size = productSize(fields)
  if (size > hardMostCells)
    problems.push({
      path: ["matrix"],
      at: "key",
      message: `the matrix has ${count(size)} cells; ${hardMostCells} is the most, shorten its lists`,
    })
  else if (size > mostCells && !yes)
    problems.push({
      path: ["matrix"],
      at: "key",
      message: `the matrix has ${count(size)} cells; shorten its lists, or say --yes for more than ${mostCells}`,
    })
  return problems
}

const count = (size: number): string => (size < 1e15 ? String(size) : size.toExponential(0))

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b)

/** The cells, in the order of the lists (the last varies fastest), then those only `include` makes. */
export const cells = (fields: MatrixFields): ReadonlyArray<Cell> => {
  const lists = Object.entries(fields.matrix ?? {})
  let product: ReadonlyArray<Cell> = lists.length === 0 ? [] : [{}]
  for (const [key, list] of lists)
    product = product.flatMap((cell) =>
      list.map((value) => Object.assign({}, cell, { [key]: value })),
    )
  const kept = product.filter(
    (cell) =>
      !(fields.exclude ?? []).some((excluded) =>
        Object.entries(excluded).every(([key, value]) => key in cell && same(cell[key], value)),
      ),
  )
  const own = new Set(lists.map(([key]) => key))
  const added: Array<Cell> = []
  let widened: ReadonlyArray<Cell> = kept
  for (const extra of fields.include ?? []) {
    // An entry that contradicts no value of a cell's own lists is added to that cell; one that fits none is a cell itself.
    const fits = (cell: Cell) =>
      Object.entries(extra).every(([key, value]) => !own.has(key) || same(cell[key], value))
    if (widened.some(fits))
      widened = widened.map((cell) => (fits(cell) ? { ...cell, ...extra } : cell))
    else added.push(extra)
  }
  const all = [...widened, ...added]
  return lists.length === 0 && all.length === 0 ? [{}] : all
}
