/**
 * "Did you mean": the nearest known word to a misspelt one.
 */
import { distance } from "fastest-levenshtein"

// Longer words are never typed by hand, and the distance is quadratic in their length.
const longest = 100

/** The candidate nearest to `word` by edit distance, letter case ignored, if it is near enough to be meant. */
export const suggest = (word: string, candidates: Iterable<string>): string | undefined => {
  if (word.length === 0 || word.length > longest) return undefined
  const lower = word.toLowerCase()
  let best: string | undefined
  let least = Math.max(1, Math.floor(word.length * 0.4)) + 1
  for (const candidate of candidates) {
    if (candidate.length > longest) continue
    const other = candidate.toLowerCase()
    const d = swapped(lower, other) ? 1 : distance(lower, other)
    if (d < least) {
      least = d
      best = candidate
    }
  }
  return best
}

/** Whether two neighbouring letters changed places: one slip, where the edit distance is 2. */
const swapped = (a: string, b: string): boolean => {
  if (a.length !== b.length) return false
  const i = [...a].findIndex((letter, at) => letter !== b[at])
  return i >= 0 && a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2)
}

/** `did you mean X?`, or the whole list when nothing is near: the second half of a message. */
export const didYouMean = (word: string, candidates: ReadonlyArray<string>): string => {
  const near = suggest(word, candidates)
  return near === undefined ? `${oneOf(candidates)} would be right` : `did you mean ${near}?`
}

/** `a, b or c`, cut after twelve. */
export const oneOf = (words: ReadonlyArray<string>): string => {
  if (words.length > 12) return `${words.slice(0, 12).join(", ")}, ...`
  return words.length < 2
    ? (words[0] ?? "nothing")
    : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
}
