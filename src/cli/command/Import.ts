/**
 * `fliqs import FILE`: a policy file as a network again, checked against its weights; with `--out DIR` the files that an
 * experiment names to train that network on.
 */
import { Effect, FileSystem, Option, Result } from "effect"
import { join } from "node:path"
import { decode } from "../../declaration/Decode.ts"
import { read } from "../../declaration/Document.ts"
import { pathText } from "../../declaration/Errors.ts"
import * as Durable from "../../disk/Durable.ts"
import { stored } from "../../disk/Patience.ts"
import { readWeights } from "../../experiment/TrainedWeights.ts"
import { modelOf, networkOf, policyProblems } from "../../export/PolicyTarget.ts"
import { Policy } from "../../export/PolicyFile.ts"
import { safetensors } from "../../export/SafetensorsTarget.ts"
import { note, print, printJson, short, table } from "../Output.ts"
import { Wrong } from "../ErrorMessages.ts"

interface Input {
  readonly file: string
  readonly weights: Option.Option<string>
  readonly out: Option.Option<string>
  readonly json: boolean
}

/** `found.json` -> `found.safetensors` */
const beside = (file: string): string => `${file.replace(/\.[^./]*$/u, "")}.safetensors`

/** The weights file: the named one, or the one beside the policy if it is there. */
const weightsFile = Effect.fnUntraced(function* ({ file, weights }: Input) {
  if (Option.isSome(weights)) return weights.value
  const fs = yield* FileSystem.FileSystem
  const path = beside(file)
  const isThere = yield* Effect.orElseSucceed(fs.exists(path), () => false)
  return isThere ? path : undefined
})

const readModel = Effect.fnUntraced(function* (policy: Policy, file: string) {
  const found = yield* readWeights(file).pipe(Effect.mapError((message) => new Wrong({ message })))
  const model = modelOf(policy, found.tensors)
  return Result.isFailure(model)
    ? yield* new Wrong({ message: `${pathText(file)}: ${model.failure}` })
    : model.success
})

const jsonFile = (value: unknown) => [
  new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`),
]

/** Name -> contents of the files of an experiment. */
const filesOf = (policy: Policy, weights: ReadonlyArray<Uint8Array> | undefined) => ({
  "space.yaml": jsonFile(policy.space),
  "assignment.json": jsonFile(policy.assignment),
  ...(weights === undefined ? {} : { "weights.safetensors": weights }),
})

const writeFiles = Effect.fnUntraced(function* (
  folder: string,
  files: Readonly<Record<string, ReadonlyArray<Uint8Array>>>,
) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(stored("write", folder))
  for (const name of Object.keys(files)) {
    const path = join(folder, name)
    if (yield* Effect.orElseSucceed(fs.exists(path), () => false))
      return yield* new Wrong({
        message: `${pathText(path)} is there already; give --out another folder`,
      })
  }
  for (const [name, parts] of Object.entries(files))
    yield* Durable.replace(join(folder, name), parts)
})

const layerRows = ({ layers, operands }: Policy): string =>
  table(
    ["layer", "weights", "activations", "MMACs", "weight kB"],
    layers.map(({ bytes, macs, path }) => [
      path,
      operands[`${path}.weights`]!.format,
      operands[`${path}.activations`]!.format,
      short(macs / 1e6),
      short(bytes / 1e3),
    ]),
  )

export const run = Effect.fn("import")(function* (input: Input) {
  const policy = yield* decode(Policy, yield* read(input.file), policyProblems)
  const weights = yield* weightsFile(input)
  const model = weights === undefined ? undefined : yield* readModel(policy, weights)
  const { name } = networkOf(policy).network
  if (Option.isSome(input.out))
    yield* writeFiles(
      input.out.value,
      filesOf(policy, model === undefined ? undefined : safetensors(model)),
    )
  if (input.json)
    return yield* printJson({
      network: name,
      trial: policy.trial,
      version: policy.version,
      weights: weights ?? null,
      layers: policy.layers,
      ...(Option.isSome(input.out) ? { out: input.out.value } : {}),
    })
  yield* print(layerRows(policy))
  yield* print(`${name}, found by trial ${policy.trial} of fliqs ${policy.version}`)
  if (weights === undefined)
    yield* note(
      `no weights: ${pathText(beside(input.file))} is not there, and --weights names no other`,
    )
  else yield* print(`its weights are in ${pathText(weights)}`)
})
