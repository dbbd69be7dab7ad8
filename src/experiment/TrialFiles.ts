/**
 * A resolved trial as the two files that a person runs: an experiment of one trial, and its space. The trial that they plan
 * has the same id.
 */
import { stringify } from "yaml"

export interface TrialFiles {
  readonly experiment: string
  readonly space: string
  /** The digest of initial weights that have to stand beside them as `initial.safetensors`. */
  readonly initialDigest: string | undefined
}

export const spaceFile = "space.yaml"
export const initialFile = "initial.safetensors"

type Mapping = Readonly<Record<string, unknown>>

const isMapping = (value: unknown): value is Mapping =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The files of a declaration; undefined when it is none. `name` is that of the experiment. */
export const trialFiles = (declaration: unknown, name: string): TrialFiles | undefined => {
  if (!isMapping(declaration)) return undefined
  const { space, train, ...rest } = declaration
  if (!isMapping(space) || !isMapping(train)) return undefined
  const { initial, ...training } = train
  const weights = isMapping(initial) ? initial : undefined
  const declared =
    weights === undefined
      ? training
      : {
          ...training,
          initial: {
            safetensors: initialFile,
            ...("skip" in weights ? { skip: weights["skip"] } : {}),
          },
        }
  const digest = weights?.["digest"]
  return {
    experiment: stringify({ name, space: spaceFile, ...rest, train: declared }),
    space: stringify(space),
    initialDigest: typeof digest === "string" ? digest : undefined,
  }
}
