/**
 * One network of a space, with fresh weights and a uniform format, written as `fliqs export` writes it: seconds, bytes, and
 * the most memory the process ever held.
 *
 *     npm run bench:export -- --space spaces/resnet50.yaml --uniform INT8 --to onnx --out model.onnx --images 2
 *
 * With `--images N` a runtime runs what was written, beside the network, on N random images. The weights are random and
 * frozen scales are all 1: the values do not matter for what is measured here.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { decode } from "../src/declaration/Decode.ts"
import { parse } from "../src/declaration/Document.ts"
import { targetNamed } from "../src/export/Exports.ts"
import type { FoundModel } from "../src/export/FoundModel.ts"
import { compare, openChild } from "../src/export/Verify.ts"
import { build } from "../src/network/Build.ts"
import { uniformTable } from "../src/network/format/Uniform.ts"
import { activationSites, formatSites } from "../src/network/Sites.ts"
import { Space } from "../src/network/SpaceFile.ts"
import { randomStream } from "../src/space/RandomStream.ts"
import { extract } from "../src/supernet/Child.ts"
import { makeSupernet } from "../src/supernet/Supernet.ts"
import { load } from "../src/tensor/Backend.ts"

const { values } = parseArgs({
  options: {
    space: { type: "string", default: "spaces/resnet50.yaml" },
    uniform: { type: "string", default: "INT8" },
    to: { type: "string", default: "onnx" },
    out: { type: "string" },
    images: { type: "string", default: "0" },
    python: { type: "string" },
    threads: { type: "string", default: "2" },
  },
})
if (values.out === undefined) throw new Error("--out is missing: a file or folder to write")
const out = values.out
const target = targetNamed(values.to)
if (target === undefined) throw new Error(`--to ${values.to} is no target`)

const peak = (): string => `${(process.resourceUsage().maxRSS / 2 ** 20).toFixed(2)} GiB`
let last = performance.now()
const tell = (what: string): void => {
  const now = performance.now()
  console.log(`${what}: ${((now - last) / 1000).toFixed(1)} s, peak so far ${peak()}`)
  last = performance.now()
}

await Effect.runPromise(load({ threads: Number(values.threads) }))
const declared = Effect.runSync(
  Effect.flatMap(parse(values.space, readFileSync(values.space, "utf8")), (document) =>
    decode(Space, document),
  ),
)
const { network: whole, problems } = build(declared)
if (whole === undefined) throw new Error(problems.map(({ message }) => message).join("; "))
const { choices, table } = uniformTable(whole, values.uniform)
const network = extract({ ...whole, table }, choices)
const supernet = makeSupernet(network, 1)
const weights = new Map(
  supernet.variables.map(({ name, variable }) => [
    name,
    { shape: variable.shape, values: (variable.dataSync() as Float32Array).slice() },
  ]),
)
supernet.dispose()
const amax = new Float32Array(formatSites(network).length)
for (const { site } of activationSites(network)) amax[site] = 1
const { channels, classes } = { ...network.graph.input, classes: network.graph.classes }
const model: FoundModel = {
  network,
  weights,
  amax,
  assignment: {},
  space: declared,
  classNames: Array.from({ length: classes }, (_, i) => `class ${i}`),
  preprocessing: {
    mean: Array<number>(channels).fill(0.5),
    std: Array<number>(channels).fill(0.25),
  },
  trial: "0123456789abcdef",
  version: "bench",
}
tell("the network")

const options = {
  input: "float32",
  emulate: false,
  flavour: "portable",
  ...(values.python === undefined ? {} : { python: values.python }),
} as const
let bytes = 0
rmSync(out, { recursive: true, force: true })
for (const { parts, path } of target.write(model, options)) {
  const file = path === "" ? out : join(out, path)
  mkdirSync(dirname(file), { recursive: true })
  const descriptor = openSync(file, "w")
  for (const part of parts) bytes += writeSync(descriptor, part)
  closeSync(descriptor)
}
tell(`${target.name}, ${(bytes / 1e6).toFixed(1)} MB`)

const count = Number(values.images)
if (count > 0 && target.open !== undefined) {
  const runner = await target.open(out, model, options)
  if ("notRun" in runner) throw new Error(runner.notRun)
  const child = openChild(model)
  const random = randomStream(1, "images")
  const { height, width } = network.graph.input
  const draw = () =>
    Uint8Array.from({ length: height * width * channels }, () => random.integer(256))
  const batches = Array.from({ length: count }, () => ({ images: draw(), count: 1 }))
  console.log(JSON.stringify(await compare(child, runner, classes, batches)))
  await runner.close()
  child.dispose()
  tell(`${count} images in ${runner.runtime}`)
}
