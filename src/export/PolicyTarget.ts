/**
 * A found network as a policy file, and back: the space and the assignment say the network, the rest says in numbers what
 * this fliqs makes of them, so that one which would make something else refuses the file.
 *
 * Left out: weights (`SafetensorsTarget.ts`; the file has their digest).
 */
import { Result } from "effect"
import { Memory } from "../cost/Memory.ts"
import type { Problem } from "../declaration/Errors.ts"
import { suggest } from "../declaration/Suggest.ts"
import { explain, parse } from "../format/Formats.ts"
import type { Network } from "../network/Network.ts"
import { formatSites } from "../network/Sites.ts"
import { valueOf } from "../space/Quantity.ts"
import type { Tensors } from "../train/Safetensors.ts"
import { formatNumbers } from "./FormatNumbers.ts"
import type { FoundModel } from "./FoundModel.ts"
import { amaxesOf, formatsOf, frozenSites, zeroPointsOf } from "./Metadata.ts"
import { quantizedOperands } from "./Operands.ts"
import { type Policy, policyVersion } from "./PolicyFile.ts"
import { rebuild, type Rebuilt } from "./Rebuild.ts"
import { foundWeights, weightsDigest } from "./SafetensorsTarget.ts"
import { type ExportTarget, Refused } from "./Target.ts"

type Numbers = Policy["operands"][string]

/** The operands of a policy file; learned scales are weights, and are left out. */
const operandsOf = (network: Network): Policy["operands"] => {
  const amax = new Float32Array(0)
  const rules = new Map(
    network.table.layers.flatMap(({ path, scaleRule = "absmax" }) => [
      [`${path}.weights`, scaleRule],
      [`${path}.activations`, scaleRule],
    ]),
  )
  // of learned scales the file has the rule alone
  const layers = network.table.layers.map(({ scaleRule, ...layer }) =>
    scaleRule === undefined || scaleRule === "learned" ? layer : { ...layer, scaleRule },
  )
  const plain = { ...network, table: { layers } }
  return Object.fromEntries(
    quantizedOperands({ network: plain, weights: new Map(), amax }).map((operand) => {
      const { blockSize, format, granularity, path, sharedExponent } = operand
      const said: Numbers = {
        format: format.name,
        range: [format.lo, format.hi],
        granularity,
        ...(blockSize === undefined ? {} : { blockSize }),
        rule: rules.get(path) ?? "absmax",
        ...(sharedExponent === undefined ? {} : { sharedExponent }),
      }
      return [path, said]
    }),
  )
}

const layersOf = ({ table }: Network): Policy["layers"] =>
  table.layers.map((layer) => ({
    path: layer.path,
    kind: layer.kind,
    macs: valueOf(layer.macs, []),
    weights: valueOf(layer.weights, []),
    bytes: valueOf(Memory.layerCost(layer), []),
  }))

/** The contents of the file. */
export const policyOf = (model: FoundModel) => ({
  policy: policyVersion,
  version: model.version,
  trial: model.trial,
  space: model.space,
  assignment: model.assignment,
  formats: formatsOf(model),
  operands: operandsOf(model.network),
  amax: amaxesOf(model),
  ...zeroPointsOf(model),
  layers: layersOf(model.network),
  classes: model.classNames,
  preprocessing: model.preprocessing,
  weights: { digest: weightsDigest(model.weights) },
})

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The first place where two values of plain JSON differ. */
const firstDifference = (
  said: unknown,
  here: unknown,
  path: Problem["path"],
): Problem | undefined => {
  if (!isPlain(said) || !isPlain(here)) {
    if (Object.is(said, here)) return undefined
    const words = (value: unknown) => (value === undefined ? "nothing" : JSON.stringify(value))
    return { path, message: `is ${words(said)} in the file; this fliqs has ${words(here)} there` }
  }
  const keys = new Set([...Object.keys(here), ...Object.keys(said)])
  for (const key of keys) {
    const step = Array.isArray(here) ? Number(key) : key
    const found = firstDifference(said[key], here[key], [...path, step])
    if (found !== undefined) return found
  }
  return undefined
}

const formatProblems = ({ formats }: Policy): ReadonlyArray<Problem> =>
  Object.entries(formats).flatMap(([name, numbers]): ReadonlyArray<Problem> => {
    const format = parse(name)
    if (format === undefined)
      return [
        {
          path: ["formats", name],
          at: "key",
          message: `${name} is no format of this fliqs; ${explain(name)}`,
        },
      ]
    const difference = firstDifference(numbers, formatNumbers(format), ["formats", name])
    return difference === undefined ? [] : [difference]
  })

const siteProblems = (
  key: "amax" | "zeroPoints",
  values: Readonly<Record<string, number>>,
  sites: ReadonlyMap<string, number>,
): ReadonlyArray<Problem> =>
  Object.keys(values).flatMap((path): ReadonlyArray<Problem> => {
    if (sites.has(path)) return []
    const near = suggest(path, [...sites.keys()])
    const end = near === undefined ? "" : `; did you mean ${near}?`
    return [
      {
        path: [key, path],
        at: "key",
        message: `the network has no such activations${end}`,
      },
    ]
  })

const countProblems = ({ classes, preprocessing, space }: Policy): ReadonlyArray<Problem> => {
  const check = (path: Problem["path"], found: number, right: number): ReadonlyArray<Problem> =>
    found === right ? [] : [{ path, message: `has ${found} entries; ${right} would be right` }]
  return [
    ...check(["classes"], classes.length, space.classes),
    ...check(["preprocessing", "mean"], preprocessing.mean.length, space.input.channels),
    ...check(["preprocessing", "std"], preprocessing.std.length, space.input.channels),
  ]
}

const unknownVersion = (policy: number): Problem => ({
  path: ["policy"],
  message: `version ${policy} of policy files is unknown to this fliqs; it reads version ${policyVersion}`,
})

/** Everything that the schema cannot say, by paths into the file; empty where it can be imported. */
export const policyProblems = (policy: Policy): ReadonlyArray<Problem> => {
  if (policy.policy !== policyVersion) return [unknownVersion(policy.policy)]
  const early = [...formatProblems(policy), ...countProblems(policy)]
  const rebuilt = rebuild(policy.space, policy.assignment)
  if (Result.isFailure(rebuilt)) return [...early, ...rebuilt.failure]
  if (early.length > 0) return early
  const { network } = rebuilt.success
  const tables = [
    firstDifference(policy.formats, formatsOf({ network }), ["formats"]),
    firstDifference(policy.operands, operandsOf(network), ["operands"]),
    firstDifference(policy.layers, layersOf(network), ["layers"]),
  ]
  return [
    ...tables.filter((problem) => problem !== undefined),
    ...siteProblems("amax", policy.amax, frozenSites(network)),
    ...siteProblems("zeroPoints", policy.zeroPoints ?? {}, frozenSites(network)),
  ]
}

/** The network of a policy without problems. */
export const networkOf = ({ assignment, space }: Policy): Rebuilt => {
  const rebuilt = rebuild(space, assignment)
  if (Result.isFailure(rebuilt)) throw new Error("a policy with problems has no network")
  return rebuilt.success
}

/** The found network of a policy without problems and the tensors of its weights; words when they are not its weights. */
export const modelOf = (policy: Policy, tensors: Tensors): Result.Result<FoundModel, string> => {
  const rebuilt = networkOf(policy)
  const found = foundWeights(rebuilt, tensors)
  if (Result.isFailure(found)) return Result.fail(found.failure)
  const weights = found.success
  const digest = weightsDigest(weights)
  if (digest !== policy.weights.digest)
    return Result.fail(
      `these are other weights (${digest}); the policy belongs to ${policy.weights.digest}`,
    )
  const { network } = rebuilt
  const sites = frozenSites(network)
  const amax = new Float32Array(formatSites(network).length)
  for (const [path, value] of Object.entries(policy.amax)) amax[sites.get(path)!] = value
  const zeroPoints = new Float32Array(amax.length)
  for (const [path, value] of Object.entries(policy.zeroPoints ?? {}))
    zeroPoints[sites.get(path)!] = value
  const { assignment, classes, preprocessing, space, trial, version } = policy
  return Result.succeed({
    network,
    weights,
    amax,
    ...(policy.zeroPoints === undefined ? {} : { zeroPoints }),
    assignment,
    space,
    classNames: classes,
    preprocessing,
    trial,
    version,
  })
}

export const PolicyTarget: ExportTarget = {
  name: "policy",
  description: "The decisions as JSON: space, assignment, formats in numbers, frozen scales.",
  writes: "file",
  write: (model, { input }) => {
    if (input === "uint8") throw new Refused("a policy takes no images")
    const text = `${JSON.stringify(policyOf(model), undefined, 2)}\n`
    return [{ path: "", parts: [new TextEncoder().encode(text)] }]
  },
}
