import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Result } from "effect"
import { read } from "../../src/declaration/Document.ts"
import { expand, type Options } from "../../src/experiment/Plan.ts"
import { readSafetensors } from "../../src/train/Safetensors.ts"
import { f32, safetensors } from "../train/safetensorsFile.ts"

const space = `
name: small
input: { height: 8, width: 8, channels: 1 }
classes: 4
network:
  - conv: { name: stem, filters: 2, kernel: 3, norm: none }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT4, INT8] }
`
const experiment = (initial: string) => `space: space.yaml
data: { kind: synthetic, height: 8, width: 8, channels: 1, classes: 4 }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
train:
  steps: 10
  initial: ${initial}
`
const parts = {
  "stem.weight": f32(
    [3, 3, 1, 2],
    Array.from({ length: 18 }, (_, i) => i),
  ),
  "stem.bias.bias": f32([2], [1, 2]),
  "classifier.weight": f32(
    [2, 4],
    Array.from({ length: 8 }, (_, i) => i),
  ),
  "classifier.bias.bias": f32([4], [1, 2, 3, 4]),
}
const { "stem.weight": _, ...withoutStem } = parts

const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "fliqs-initial-"))
  writeFileSync(join(folder, "space.yaml"), space)
  writeFileSync(join(folder, "good.safetensors"), safetensors(parts))
  writeFileSync(join(folder, "again.safetensors"), safetensors(parts))
  writeFileSync(
    join(folder, "head.safetensors"),
    safetensors({ ...parts, "classifier.bias.bias": f32([4], [0, 0, 0, 0]) }),
  )
  writeFileSync(
    join(folder, "short.safetensors"),
    safetensors({ ...withoutStem, more: f32([1], [1]) }),
  )
  writeFileSync(join(folder, "broken.safetensors"), "no such thing")
  mkdirSync(join(folder, "folder"))
  return folder
}

const planned = (initial: string, options?: Options) =>
  Effect.acquireUseRelease(
    Effect.sync(makeFolder),
    (folder) =>
      Effect.gen(function* () {
        const file = join(folder, "x.yaml")
        writeFileSync(file, experiment(initial))
        return yield* Effect.flatMap(read(file), (document) => expand(document, options))
      }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
  )
const idOf = (initial: string, options?: Options) =>
  Effect.map(planned(initial, options), ({ trials }) => trials[0]!.id)
const errorsOf = (initial: string, options?: Options) =>
  Effect.map(Effect.flip(planned(initial, options)), ({ errors }) =>
    errors.map(({ text }) => text.replace(/\S*fliqs-initial-\w+\//g, "")),
  )

layer(NodeFileSystem.layer)("train.initial", (it) => {
  describe("a plan", () => {
    it.effect("knows weights by what they are, wherever they lie", () =>
      Effect.gen(function* () {
        const good = yield* idOf("{ safetensors: good.safetensors }")
        assert.strictEqual(yield* idOf("{ safetensors: ./again.safetensors }"), good)
        assert.notStrictEqual(yield* idOf("{ safetensors: head.safetensors }"), good)
        const skipped = yield* idOf('{ safetensors: good.safetensors, skip: ["classifier.**"] }')
        assert.notStrictEqual(skipped, good)
        assert.strictEqual(
          yield* idOf('{ safetensors: head.safetensors, skip: ["classifier.**"] }'),
          skipped,
        )
        const tensors = Result.getOrThrow(readSafetensors(safetensors(parts)))
        const trialWeights = (id: string) =>
          id === "0123456789abcdef"
            ? Effect.succeed({ file: "checkpoint", tensors })
            : Effect.fail(`no trial ${id}`)
        assert.strictEqual(yield* idOf("{ trial: 0123456789abcdef }", { trialWeights }), good)
        assert.deepStrictEqual(yield* errorsOf("{ trial: 1123456789abcdef }", { trialWeights }), [
          "x.yaml:6:21 train.initial.trial: no trial 1123456789abcdef",
        ])
      }),
    )

    it.effect("tells what is wrong with a file, with the place that names it", () =>
      Effect.gen(function* () {
        const [short] = yield* errorsOf("{ safetensors: short.safetensors }")
        assert.match(
          short!,
          /^x\.yaml:6:27 train\.initial\.safetensors: stem\.weight \[3, 3, 1, 2\] is missing; more \[1\] belongs to no variable; /,
        )
        const [broken] = yield* errorsOf("{ safetensors: broken.safetensors }")
        assert.match(broken!, /broken\.safetensors: its header would take/)
        const [missing] = yield* errorsOf("{ safetensors: missing.safetensors }")
        assert.match(missing!, /missing\.safetensors cannot be read \(NotFound\)$/)
        const [folder] = yield* errorsOf("{ safetensors: folder }")
        assert.match(folder!, /folder is not a file$/)
        const [skip] = yield* errorsOf('{ safetensors: good.safetensors, skip: ["clasifier.**"] }')
        assert.match(skip!, /skip clasifier\.\*\* matches no variable/)
      }),
    )
  })
})
