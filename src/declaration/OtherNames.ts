/**
 * Words that other tools and papers use for what has another name here, or for what there is not here.
 *
 * A table stands beside the words it is of. Words are compared without letter case, spaces and punctuation: `per_channel` is
 * `perChannel`. Left out: slips of the hand (`Suggest.ts`).
 */
import type { Schema } from "effect"
import type { OtherNames } from "./Suggest.ts"

/** The word here -> the words elsewhere, spaces between. */
type Table = Readonly<Record<string, string>>

export interface OtherWords {
  /** What the words are of: `activation`. */
  readonly what: string
  /** Other names of the same thing. */
  readonly same?: Table
  /** What there is not here, by what comes nearest in meaning. */
  readonly near?: Table
  /** What is said of words that neither holds for, by what is to be said. */
  readonly say?: Table
}

const plain = (word: string): string => word.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "")

/** A table as a function of the word. */
export const otherNames = ({ near = {}, same = {}, say = {}, what }: OtherWords): OtherNames => {
  const known = new Map<string, string>()
  const note = (table: Table, words: (here: string) => string) => {
    for (const [here, elsewhere] of Object.entries(table))
      for (const word of elsewhere.split(" ")) known.set(plain(word), words(here))
  }
  note(near, (here) => `there is no such ${what} here, and ${here} is nearest in meaning`)
  note(same, (here) => `it is ${here} here`)
  note(say, (text) => text)
  return (word) => known.get(plain(word))
}

/** The schema with what is said of words that it refuses. */
export const withOtherNames = <S extends Schema.Top>(schema: S, others: OtherNames): S =>
  schema.annotate({ otherNames: others } as never) as S

/** The mapping with what is said of keys that it does not have. */
export const withOtherKeys = <S extends Schema.Top>(schema: S, others: OtherNames): S =>
  schema.annotate({ otherKeys: others } as never) as S

type Annotated = { readonly annotations?: object | undefined } | undefined

/** What a mapping says of a key that it does not have. */
export const otherKeyOf = (ast: Annotated, key: string): string | undefined =>
  (ast?.annotations as { readonly otherKeys?: OtherNames } | undefined)?.otherKeys?.(key)

/** What a schema says of a word that it refuses. */
export const otherNameOf = (ast: Annotated, word: unknown): string | undefined => {
  const others = (ast?.annotations as { readonly otherNames?: OtherNames } | undefined)?.otherNames
  return typeof word === "string" ? others?.(word) : undefined
}
