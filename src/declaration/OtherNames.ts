/**
 * Words of other tools and papers for things that have another name here or do not exist here.
 *
 * A table is beside the words that it belongs to. Words are compared without letter case, spaces and punctuation: `per_channel`
 * is `perChannel`. Left out: misspelt words (`Suggest.ts`).
 */
import type { Schema } from "effect"
import type { OtherNames } from "./Suggest.ts"

/** The word here -> the words elsewhere, spaces between. */
type Table = Readonly<Record<string, string>>

export interface OtherWords {
  /** The noun for the words: `activation`. */
  readonly what: string
  /** Other names of the same thing. */
  readonly same?: Table
  /** Words for things that do not exist here, by what is nearest in meaning. */
  readonly near?: Table
  /** Other words, by the message for them. */
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

/** The schema with messages for words that it rejects. */
export const withOtherNames = <S extends Schema.Top>(schema: S, others: OtherNames): S =>
  schema.annotate({ otherNames: others }) as S

/** The mapping with messages for keys that it does not have. */
export const withOtherKeys = <S extends Schema.Top>(schema: S, others: OtherNames): S =>
  schema.annotate({ otherKeys: others }) as S

type Annotated = { readonly annotations?: object | undefined } | undefined

/** The message of a mapping for a key that it does not have. */
export const otherKeyOf = (ast: Annotated, key: string): string | undefined =>
  (ast?.annotations as { readonly otherKeys?: OtherNames } | undefined)?.otherKeys?.(key)

/** The message of a schema for a word that it rejects. */
export const otherNameOf = (ast: Annotated, word: unknown): string | undefined => {
  const others = (ast?.annotations as { readonly otherNames?: OtherNames } | undefined)?.otherNames
  return typeof word === "string" ? others?.(word) : undefined
}
