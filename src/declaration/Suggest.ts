/**
 * "Did you mean": the known words that a misspelt one is a slip of, and what words of other tools come to here.
 *
 * A slip keeps its first letter, or swaps it with the second, and keeps its numbers: UINT8 is another thing than INT8, prelu
 * than relu, cifar100 than cifar10. Where that leaves nothing, the known words are listed.
 */
import { distance } from "fastest-levenshtein"

// Longer words are never typed by hand, and the distance is quadratic in their length.
const longest = 100
const most = 3

const numbersOf = (word: string): string => (word.match(/\d+/g) ?? []).map(Number).join()

/** Two words that may be one word, once right and once misspelt; both in small letters. */
const isSlip = (word: string, other: string): boolean => {
  const numbers = numbersOf(word)
  return (
    (word[0] === other[0] || (word[0] === other[1] && word[1] === other[0])) &&
    // a number may be forgotten, but is not mistyped
    (numbers === "" || numbers === numbersOf(other))
  )
}

/** Of the candidates that `word` may be a slip of the nearest by edit distance, letter case ignored; mostly one or none. */
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

/** The one word that is meant; undefined where several are as near. */
export const suggest = (word: string, candidates: Iterable<string>): string | undefined => {
  const [first, second] = nearest(word, candidates)
  return second === undefined ? first : undefined
}

/** Whether two neighbouring letters changed places: one slip, where the edit distance is 2. */
const swapped = (a: string, b: string): boolean => {
  if (a.length !== b.length) return false
  const i = [...a].findIndex((letter, at) => letter !== b[at])
  return i >= 0 && a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2)
}

/** `did you mean X?`, undefined when nothing is near. */
export const meant = (word: string, candidates: Iterable<string>): string | undefined => {
  const near = nearest(word, candidates)
  return near.length === 0 || near.length > most ? undefined : `did you mean ${oneOf(near)}?`
}

/** What a word that is none here comes to: the second half of a message; undefined for words nobody uses. */
export type OtherNames = (word: string) => string | undefined

/** `did you mean X?`, what the word means elsewhere, or the whole list: the second half of a message. */
export const didYouMean = (
  word: string,
  candidates: ReadonlyArray<string>,
  others?: OtherNames,
): string => others?.(word) ?? meant(word, candidates) ?? `${oneOf(candidates)} would be right`

/** Longer lists are cut: what has as many names says in its own words what they are (`Field.inWords`). */
const longestList = 30

/** `a, b or c`; of a very long list the beginning and how many there are. */
export const oneOf = (words: ReadonlyArray<string>): string => {
  if (words.length > longestList)
    return `${words.slice(0, 12).join(", ")}, ... (${words.length} in all)`
  return words.length < 2
    ? (words[0] ?? "nothing")
    : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
}
