/**
 * What a trial keeps of the network that it found: weights, frozen activation magnitudes and what is known of its images, as
 * one safetensors file. Its space is in the trial's declaration and is not kept again.
 *
 *     stem.weight, ...         the child's variables in the child's shapes, learned scales [1]
 *     activation.magnitudes    [sites of the child], 0 where there is none
 *     activation.zeroPoints    the same; there where a format has one
 *     __metadata__             assignment, class names, mean and standard deviation, version
 *
 * Left out: the network around them (`export/`).
 */
import { Option, Result, Schema } from "effect"
import type { Images } from "../data/Dataset.ts"
import * as Container from "../disk/TensorFile.ts"
import { activationSites, formatSites } from "../network/Sites.ts"
import type { Choices } from "../space/Decision.ts"
import { toAssignment } from "../space/DecisionSpace.ts"
import { OptionValue } from "../space/Option.ts"
import { childWeights, extract } from "../supernet/Child.ts"
import type { FrozenScales } from "../supernet/FrozenScales.ts"
import type { Supernet } from "../supernet/Supernet.ts"
import { variableShapes } from "../supernet/Variables.ts"
import { floatPart, tensorsOf } from "./Safetensors.ts"
import type { KeptModel } from "./TrainEvent.ts"

/** Cuts the found network out of a supernet whose norms are frozen. */
export const keptModel = (
  supernet: Supernet,
  choices: Choices,
  { amax, zeroPoints }: FrozenScales,
  { classes, mean, std }: Pick<Images, "classes" | "mean" | "std">,
): KeptModel => {
  const child = extract(supernet.network, choices)
  const shapes = variableShapes(child)
  const sites = new Map(supernet.activations.map(({ path, site }) => [path, site]))
  const ofChild = (values: Float32Array): Float32Array => {
    const own = new Float32Array(formatSites(child).length)
    for (const { path, site } of activationSites(child)) own[site] = values[sites.get(path)!]!
    return own
  }
  const weights = childWeights(child, supernet.variables)
  return {
    weights: new Map(
      [...weights].map(([name, values]) => [name, { shape: shapes.get(name)!, values }]),
    ),
    amax: ofChild(amax),
    ...(zeroPoints === undefined ? {} : { zeroPoints: ofChild(zeroPoints) }),
    assignment: toAssignment(supernet.network.space, choices),
    classNames: classes,
    mean,
    std,
  }
}

const kind = "fliqs model"
const version = 1
const magnitudesName = "activation.magnitudes"
const zeroPointsName = "activation.zeroPoints"

const Meta = Schema.Struct({
  kind: Schema.Literal(kind),
  fliqs: Schema.String,
  assignment: Schema.fromJsonString(Schema.Record(Schema.String, OptionValue)),
  classes: Schema.fromJsonString(Schema.Array(Schema.String)),
  mean: Schema.fromJsonString(Schema.Array(Schema.Finite)),
  std: Schema.fromJsonString(Schema.Array(Schema.Finite)),
})
const decodeMeta = Schema.decodeUnknownOption(Meta)

/** The parts of the file, in order. `fliqs` is the version that trained it. */
export const encode = (model: KeptModel, fliqs: string): ReadonlyArray<Uint8Array> => {
  const { amax, assignment, classNames, mean, std, weights, zeroPoints } = model
  return Container.encode(
    [
      ...[...weights].map(([name, tensor]) => floatPart(name, tensor)),
      floatPart(magnitudesName, { shape: [amax.length], values: amax }),
      ...(zeroPoints === undefined
        ? []
        : [floatPart(zeroPointsName, { shape: [zeroPoints.length], values: zeroPoints })]),
    ],
    {
      kind,
      version: String(version),
      fliqs,
      assignment: JSON.stringify(assignment),
      classes: JSON.stringify(classNames),
      mean: JSON.stringify(mean),
      std: JSON.stringify(std),
    },
  )
}

/** What `encode` wrote, with the fliqs that did; or why it cannot be used. */
export const decode = (
  bytes: Uint8Array,
): Result.Result<{ readonly model: KeptModel; readonly fliqs: string }, string> =>
  Result.flatMap(Container.decode(bytes), (container) => modelIn(container, bytes))

const modelIn = (container: Container.Container, bytes: Uint8Array): ReturnType<typeof decode> => {
  const found = Number(container.metadata["version"])
  if (found > version)
    return Result.fail(`it has version ${found}, this fliqs knows up to ${version}`)
  if (Container.checksum(bytes) !== "right") return Result.fail("its checksum does not match")
  const meta = Option.getOrUndefined(decodeMeta(container.metadata))
  const tensors = tensorsOf(container)
  const amax = tensors.get(magnitudesName)
  if (meta === undefined || amax === undefined) return Result.fail("it is no model of a trial")
  const zeroPoints = tensors.get(zeroPointsName)
  const weights = new Map(
    [...tensors].filter(([name]) => name !== magnitudesName && name !== zeroPointsName),
  )
  const { assignment, classes, fliqs, mean, std } = meta
  return Result.succeed({
    model: {
      weights,
      amax: amax.values,
      ...(zeroPoints === undefined ? {} : { zeroPoints: zeroPoints.values }),
      assignment,
      classNames: classes,
      mean,
      std,
    },
    fliqs,
  })
}
