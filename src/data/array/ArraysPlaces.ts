/**
 * Which arrays of the user's files are the examples and the labels of a split, by their names. Left out: whether they fit
 * (`ArraysFiles.ts`).
 */
import * as nodePath from "node:path"
import { Result } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import type { SpecProblem } from "../DataSpec.ts"
import type { Spec } from "./ArraysSpec.ts"
import { type Listing, listArrays } from "./NumpyFile.ts"

/** An array in a file. */
export interface Place {
  readonly file: string
  /** "" in a .npy file. */
  readonly name: string
}

/** Where the examples and the labels of a split are. */
export interface SplitPlaces {
  readonly examples: Place
  readonly labels: Place
}

export type Role = "train" | "test"
export type Found<A> = Result.Result<A, SpecProblem>

const exampleNames = "x images image data features inputs examples samples spectrograms windows"
const labelNames = "y labels label targets target class_ids"

export const problem = (key: string, message: string): SpecProblem => ({ path: [key], message })

export const fromFolder = (folder: string, file: string): string =>
  nodePath.isAbsolute(file) ? file : nodePath.join(folder, file)

/** Arrays that are called what such arrays are called, for a split in a file of its own or together with the other. */
const namedLike = (listing: Listing, words: string, role: Role, isShared: boolean) => {
  const expected = new Set(
    words
      .split(" ")
      .flatMap((base) => [
        ...(isShared && role === "test" ? [] : [base]),
        `${base}_${role}`,
        `${role}_${base}`,
        `${base}${role}`,
        `${role}${base}`,
      ]),
  )
  return [...listing.keys()].filter((name) => expected.has(name.toLowerCase()))
}

/**
 * The name of an array where the user gave one. In the file of both splits the test split has another one, by the same
 * word: without `train` in the name there is none.
 */
const given = (name: string, role: Role, isShared: boolean): string | undefined => {
  if (!isShared || role === "train") return name
  const other = name.replace(/train/iu, (word) => (word === "TRAIN" ? "TEST" : "test"))
  return other === name ? undefined : other
}

interface Wanted {
  readonly key: "examples" | "labels"
  readonly words: string
  readonly role: Role
  readonly isShared: boolean
  readonly listing: Listing
  readonly file: string
}

/** The name of the array that is wanted; undefined where the file has none for this split. */
const choose = (spec: Spec, wanted: Wanted): Found<string | undefined> => {
  const { file, isShared, key, listing, role, words } = wanted
  const all = [...listing.keys()].map(pathText).join(", ")
  const asked = spec[key]
  if (asked !== undefined) {
    const name = given(asked, role, isShared)
    if (name !== undefined && listing.has(name)) return Result.succeed(name)
    return role === "test" && isShared
      ? Result.succeed(undefined)
      : Result.fail(
          problem(key, `${pathText(file)} has no array ${pathText(asked)}; it has ${all}`),
        )
  }
  const [name, second] = namedLike(listing, words, role, isShared)
  if (second === undefined) return Result.succeed(name)
  return Result.fail(
    problem(
      key,
      `${pathText(file)} has several arrays that may be the ${key}, ${pathText(name!)} and ${pathText(second)}; ${key}: with the name of one would be right`,
    ),
  )
}

/** The places of examples and labels of a split in an archive. */
export const inArchive = (
  spec: Spec,
  role: Role,
  file: string,
  listing: Listing,
  isShared: boolean,
): Found<SplitPlaces | undefined> => {
  const common = { role, isShared, listing, file }
  const all = [...listing.keys()].map(pathText).join(", ")
  const missing = (key: "examples" | "labels") =>
    Result.fail(
      problem(
        key,
        `no array of ${pathText(file)} is named like ${key} of the ${role} split; it has ${all}; ${key}: with one of these would be right`,
      ),
    )
  return Result.gen(function* () {
    const examples = yield* choose(spec, { key: "examples", words: exampleNames, ...common })
    const labels = yield* choose(spec, { key: "labels", words: labelNames, ...common })
    if (isShared && role === "test" && (examples === undefined || labels === undefined))
      return undefined
    if (examples === undefined) return yield* missing("examples")
    if (labels === undefined) return yield* missing("labels")
    return { examples: { file, name: examples }, labels: { file, name: labels } }
  })
}

export const listed = (key: string, file: string): Found<Listing> =>
  Result.mapError(listArrays(file), (why) => problem(key, `${pathText(file)} ${why}`))

/** The places of a split with a file of its own. */
export const placesOf = (spec: Spec, folder: string, role: Role): Found<SplitPlaces> => {
  const labelKey = `${role}Labels` as const
  return Result.gen(function* () {
    const file = fromFolder(folder, spec[role]!)
    const listing = yield* listed(role, file)
    const labels = spec[labelKey]
    const whole = listing.get("")
    if (whole !== undefined)
      yield* Result.mapError(whole, (why) => problem(role, `${pathText(file)} ${why}`))
    if (!listing.has("")) {
      if (labels !== undefined)
        return yield* Result.fail(
          problem(
            labelKey,
            `${pathText(file)} is an archive, which holds its labels; ${labelKey} is for .npy files`,
          ),
        )
      return (yield* inArchive(spec, role, file, listing, false))!
    }
    if (labels === undefined)
      return yield* Result.fail(
        problem(
          role,
          `${pathText(file)} is one array; ${labelKey}: with the .npy file of its labels would be right`,
        ),
      )
    const labelFile = fromFolder(folder, labels)
    const own = yield* listed(labelKey, labelFile)
    if (!own.has(""))
      return yield* Result.fail(
        problem(labelKey, `${pathText(labelFile)} is an archive; a .npy file would be right`),
      )
    return { examples: { file, name: "" }, labels: { file: labelFile, name: "" } }
  })
}
