/**
 * Recovery after mistakes of shape, as in compilers: guess what was meant, and apply the rules of the domain to the guess.
 *
 * A misspelt key is renamed and any other unknown key removed; a wrong or missing value is replaced by a right one. This is
 * done twice with different values, and only problems of both guesses are reported: nothing that depends on a guess.
 */
import { Result } from "effect"
import { formatPath, type Path, type Problem } from "./Errors.ts"
import type { ShapeProblem } from "./ShapeProblem.ts"

type Decoded<A> = Result.Result<A, ReadonlyArray<ShapeProblem>>

/** Right values of many fields, tried in turn; the two lists share none. */
const candidates: readonly [ReadonlyArray<unknown>, ReadonlyArray<unknown>] = [
  [8, 0.5, 2, "a", "x.yaml", false, [8], ["INT8"], {}],
  [16, 0.25, 3, "b", "y.yaml", true, [16], ["INT4"], {}],
]
const mostRounds = 30

/** Problems of domain rules that hold whatever was meant by the wrong parts. */
export const checkRecovered = <A>(
  decode: (value: unknown) => Decoded<A>,
  value: unknown,
  problems: ReadonlyArray<ShapeProblem>,
  check: (value: A) => ReadonlyArray<Problem>,
): ReadonlyArray<Problem> => {
  const guesses = [guess(decode, value, problems, 0), guess(decode, value, problems, 1)]
  const [first, second] = guesses
  if (first === undefined || second === undefined) return []
  const both = new Set(check(second.value).map(mistake))
  const wrong = new Set(problems.map((problem) => formatPath(problem.path)))
  return check(first.value)
    .filter((problem) => both.has(mistake(problem)))
    .map((problem) => asWritten(problem, first.renamed))
    .filter((problem) => !wrong.has(formatPath(problem.path)))
}

/** The first half of a message. The second half may name guessed values. */
const mistake = ({ path, message }: Problem): string =>
  `${JSON.stringify(path)} ${message.split(";", 1)[0]}`

interface Renamed {
  readonly path: Path
  readonly to: string
}

const guess = <A>(
  decode: (value: unknown) => Decoded<A>,
  value: unknown,
  problems: ReadonlyArray<ShapeProblem>,
  which: 0 | 1,
): { readonly value: A; readonly renamed: ReadonlyArray<Renamed> } | undefined => {
  const current = structuredClone(value)
  let left = problems
  const renamed: Array<Renamed> = []
  const tried = new Map<string, number>()
  for (let round = 0; round < mostRounds; round++) {
    for (const problem of left) {
      const { path } = problem
      const key = path.at(-1)
      if (key === undefined) return undefined
      const parent = reach(current, path.slice(0, -1))
      if (parent === undefined) continue
      if (problem.unknown !== undefined) {
        const { meant } = problem.unknown
        const item = parent[key]
        delete parent[key]
        if (meant !== undefined && !Object.hasOwn(parent, meant)) {
          parent[meant] = item
          renamed.push({ path, to: meant })
        }
        continue
      }
      if (problem.repeat === true && Array.isArray(parent)) {
        const items = new Map(parent.map((item) => [JSON.stringify(item), item]))
        parent.splice(0, parent.length, ...items.values())
        continue
      }
      const attempt = tried.get(formatPath(path)) ?? 0
      tried.set(formatPath(path), attempt + 1)
      const { words } = problem
      const options =
        words === undefined ? candidates[which] : [which === 0 ? words[0] : words.at(-1)]
      if (attempt < options.length) parent[key] = structuredClone(options[attempt])
      else if (Array.isArray(parent) || attempt > options.length) return undefined
      else delete parent[key]
    }
    const decoded = decode(current)
    if (Result.isSuccess(decoded)) return { value: decoded.success, renamed }
    left = decoded.failure
  }
  return undefined
}

const reach = (value: unknown, path: Path): Record<string | number, unknown> | undefined => {
  let here = value
  for (const key of path) {
    if (typeof here !== "object" || here === null) return undefined
    here = (here as Record<string | number, unknown>)[key]
  }
  return typeof here === "object" && here !== null
    ? (here as Record<string | number, unknown>)
    : undefined
}

/** A problem of a guess, moved to its path in the file. */
const asWritten = (problem: Problem, renamed: ReadonlyArray<Renamed>): Problem => ({
  ...problem,
  path: pathAsWritten(problem.path, renamed),
})

const pathAsWritten = (path: Path, renamed: ReadonlyArray<Renamed>): Path =>
  renamed.reduceRight<Path>((result, { path: from, to }) => {
    const depth = from.length - 1
    const inside =
      String(result[depth]) === to &&
      from.slice(0, depth).every((key, i) => String(key) === String(result[i]))
    return inside ? result.with(depth, from[depth]!) : result
  }, path)
