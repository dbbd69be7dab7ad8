/**
 * What the metadata of an exported file says of its network: class names, normalisation, size, what the runtime must be told,
 * and the network itself, rebuilt from its space and assignment.
 *
 * A file of another program has none of it: whatever is missing is left out and named. Left out: the metadata's writers
 * (`../Metadata.ts`, `../onnx/OnnxModel.ts`).
 */
import { Option, Result, Schema } from "effect"
import { Space } from "../../network/SpaceFile.ts"
import type { Network } from "../../network/Network.ts"
import { OptionValue } from "../../space/Option.ts"
import type { Preprocessing } from "../FoundModel.ts"
import { rebuild } from "../Rebuild.ts"

const Texts = Schema.Array(Schema.String)
const Numbers = Schema.Array(Schema.Finite)
const Size = Schema.Tuple([Schema.Int, Schema.Int, Schema.Int])
const Stored = Schema.Record(
  Schema.String,
  Schema.Struct({
    weights: Schema.String,
    activations: Schema.String,
    stored: Schema.String,
  }),
)

/** Formats of a layer, and what its weight is in the file. */
export type StoredLayer = (typeof Stored.Type)[string]

export interface FileModel {
  /** Id of the trial that found it. */
  readonly trial?: string
  readonly classNames?: ReadonlyArray<string>
  readonly preprocessing?: Preprocessing
  /** [height, width, channels] of an image. */
  readonly size?: readonly [number, number, number]
  readonly sessionOptions: Readonly<Record<string, string>>
  /** What the runtime is told so that it multiplies integers; there where it can. */
  readonly integerOptions?: Readonly<Record<string, string>>
  /** Path of a layer -> its formats; empty where the file does not say them. */
  readonly layers: Readonly<Record<string, StoredLayer>>
  /** Without decisions; or why there is none. */
  readonly network: Network | string
  /** Keys of the metadata that running it needs and that are not there. */
  readonly missing: ReadonlyArray<string>
}

/** Keys that hold something else than they should. */
export class Unreadable extends Error {}

const needed = ["fliqs.classes", "fliqs.mean", "fliqs.std", "fliqs.size"] as const

/** The network of the space and the assignment, if it is the one that the file's layers are of. */
const networkOf = (
  space: unknown,
  assignment: Readonly<Record<string, OptionValue>>,
  layers: FileModel["layers"],
): Network | string => {
  const decoded = Schema.decodeUnknownOption(Space)(space)
  if (Option.isNone(decoded)) return "this fliqs cannot read its fliqs.space"
  const rebuilt = rebuild(decoded.value, assignment)
  if (Result.isFailure(rebuilt))
    return `fliqs.assignment does not fit fliqs.space: ${rebuilt.failure.map(({ message }) => message).join("; ")}`
  const { network } = rebuilt.success
  const other = network.table.layers.find(({ activationFormat, path, weightFormat }) => {
    const said = layers[path]
    return (
      said?.weights !== weightFormat.formats[0]!.name ||
      said.activations !== activationFormat.formats[0]!.name
    )
  })
  return other === undefined && Object.keys(layers).length === network.table.layers.length
    ? network
    : `this fliqs makes another network of its fliqs.space (layer ${other?.path ?? Object.keys(layers).at(-1)})`
}

/** Reads the metadata of a file. Throws `Unreadable` where a key holds something else than it should. */
export const fileModelOf = (metadata: ReadonlyMap<string, string>): FileModel => {
  const read = <A>(key: string, schema: Schema.Codec<A, unknown>): A | undefined => {
    const text = metadata.get(key)
    if (text === undefined) return undefined
    const value = Schema.decodeUnknownOption(Schema.fromJsonString(schema))(text)
    if (Option.isNone(value)) throw new Unreadable(`its metadata has ${key}: ${text.slice(0, 60)}`)
    return value.value
  }
  const trial = metadata.get("fliqs.trial")
  const classNames = read("fliqs.classes", Texts)
  const mean = read("fliqs.mean", Numbers)
  const std = read("fliqs.std", Numbers)
  const size = read("fliqs.size", Size)
  const layers = read("fliqs.stored", Stored) ?? {}
  const space = read("fliqs.space", Schema.Unknown)
  const assignment = read("fliqs.assignment", Schema.Record(Schema.String, OptionValue))
  const integerOptions = read("fliqs.integerOptions", Schema.Record(Schema.String, Schema.String))
  return {
    ...(trial === undefined ? {} : { trial }),
    ...(integerOptions === undefined ? {} : { integerOptions }),
    ...(classNames === undefined ? {} : { classNames }),
    ...(mean === undefined || std === undefined ? {} : { preprocessing: { mean, std } }),
    ...(size === undefined ? {} : { size }),
    sessionOptions: read("fliqs.sessionOptions", Schema.Record(Schema.String, Schema.String)) ?? {},
    layers,
    network:
      space === undefined || assignment === undefined
        ? "its metadata has no fliqs.space"
        : networkOf(space, assignment, layers),
    missing: needed.filter((key) => !metadata.has(key)),
  }
}
