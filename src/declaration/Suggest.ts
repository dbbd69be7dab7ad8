/**
 * "Did you mean": the known words that a misspelt word probably means, and the meaning of words of other tools.
 *
 * A misspelt word keeps its first letter, or swaps it with the second, and keeps its numbers: UINT8 is not a misspelt INT8,
 * prelu not relu, cifar100 not cifar10. If no word is near, the known words are listed.
 */
import { distance } from "fastest-levenshtein"

// Longer words are never typed by hand, and the distance is quadratic in their length.
const longest = 100
const most = 3

const numbersOf = (word: string): string => (word.match(/\d+/g) ?? []).map(Number).join()

/** Whether one of two words may be the other one misspelt; both in lower case. */
const isSlip = (word: string, other: string): boolean => {
  const numbers = numbersOf(word)
  return (
    (word[0] === other[0] || (word[0] === other[1] && word[1] === other[0])) &&
    // A number may be forgotten; it is not mistyped.
    (numbers === "" || numbers === numbersOf(other))
  )
}

/** Of the candidates that `word` may mean, the nearest by edit distance, ignoring case; usually one or none. */
export const nearest = (word: string, candidates: Iterable<string>): ReadonlyArray<string> => {
  if (word.length === 0 || word.length > longest) return []
  const lower = word.toLowerCase()
  let found: Array<string> = []
  let least = Math.max(1, Math.floor(word.length * 0.4))
  for (const candidate of candidates) {
    if (candidate.length > longest) continue
    const other = candidate.toLowerCase()
    if (!isSlip(lower, other)) continue
    const d = swapped(lower, other) ? 1 : distance(lower, other)
    if (d > least) continue
    if (d < least) found = []
    least = d
    found.push(candidate)
  }
  return found
}

/** The one word that is meant; undefined if several are equally near. */
export const suggest = (word: string, candidates: Iterable<string>): string | undefined => {
  const [first, second] = nearest(word, candidates)
  return second === undefined ? first : undefined
}

/** Whether two neighbouring letters are swapped: one slip, although the edit distance is 2. */
const swapped = (a: string, b: string): boolean => {
  if (a.length !== b.length) return false
  const i = [...a].findIndex((letter, at) => letter !== b[at])
  return i >= 0 && a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2)
}

/** `did you mean X?`; undefined if nothing is near. */
export const meant = (word: string, candidates: Iterable<string>): string | undefined => {
  const near = nearest(word, candidates)
  return near.length === 0 || near.length > most ? undefined : `did you mean ${oneOf(near)}?`
}

/** The second half of a message for a word of other tools; undefined for other words. */
export type OtherNames = (word: string) => string | undefined

/** The second half of a message: `did you mean X?`, the meaning of a word of other tools, or the whole list. */
export const didYouMean = (
  word: string,
  candidates: ReadonlyArray<string>,
  others?: OtherNames,
): string => others?.(word) ?? meant(word, candidates) ?? `${oneOf(candidates)} would be right`

/** Longer lists are shortened; a schema with so many names describes them in words (`Field.inWords`). */
const longestList = 30

/** `a, b or c`; of a very long list the beginning and the number of words. */
export const oneOf = (words: ReadonlyArray<string>): string => {
  if (words.length > longestList)
    return `${words.slice(0, 12).join(", ")}, ... (${words.length} in all)`
  return words.length < 2
    ? (words[0] ?? "nothing")
    : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
}
