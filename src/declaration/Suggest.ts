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
    const d = distance(lower, candidate.toLowerCase())
    if (d < least) {
      least = d
      best = candidate
    }
  }
  return best
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
