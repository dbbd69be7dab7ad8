/**
 * `fliqs demo TRIAL --out DIR`: a static page that runs the network of a finished trial in a browser, on test images and
 * on one's own. The graph model in it is compared with the network before anything is written, as an export is.
 */
import { Effect, FileSystem, type Option } from "effect"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { openBatches } from "../../data/Batches.ts"
import * as Datasets from "../../data/Datasets.ts"
import { pathText } from "../../declaration/Errors.ts"
import { shellCommand } from "../../declaration/Shell.ts"
import { cacheDirectory } from "../../disk/Installation.ts"
import { stored } from "../../disk/Patience.ts"
import { type DemoCost, demoFiles, type DemoImage } from "../../export/demo/DemoFiles.ts"
import type { FoundModel } from "../../export/FoundModel.ts"
import type { ExportOptions } from "../../export/Target.ts"
import { TfjsTarget } from "../../export/tensorflow/TfjsTarget.ts"
import { compileCost } from "../../network/CostTarget.ts"
import type * as State from "../../orchestrator/State.ts"
import { valueOf } from "../../space/Quantity.ts"
import * as Backend from "../../tensor/Backend.ts"
import { Ended, exitCodes } from "../ErrorMessages.ts"
import { filesOf, outcomeOf, problemOf, verify, wordsOf, writeAll } from "../ExportedFiles.ts"
import { declarationOf, readFinished, readModel } from "../FoundModels.ts"
import { findTrial, sayTemporary, stateFolder } from "../Locations.ts"
import { note, print, printJson, short } from "../Output.ts"

const options: ExportOptions = { input: "uint8", emulate: false, flavour: "portable" }

/** What logits may differ by: this share of the largest, as for `export`. */
const bound = 0.05

/** Images on the page, and how many are looked through for them. */
const shown = 12
const looked = 1024

/** The first images of the test split that show as many classes as they can. */
const chooseImages = Effect.fnUntraced(function* (trial: State.TrialFile, model: FoundModel) {
  const { data, seed } = yield* declarationOf(trial)
  const dataset = yield* Datasets.load(data, cacheDirectory(), trial.execution.folder ?? ".")
  const { channels, height, width } = model.network.graph.input
  const pixels = height * width * channels
  return yield* Effect.promise(async () => {
    const batches = openBatches(dataset, { ...data, seed })
    const found: Array<DemoImage & { readonly turn: number }> = []
    const seen = new Map<number, number>()
    try {
      for await (const { count, images, labels } of batches.testBatches(32)) {
        if (!(images instanceof Uint8Array)) break
        for (let i = 0; i < count; i++) {
          const label = labels[i]!
          const turn = seen.get(label) ?? 0
          seen.set(label, turn + 1)
          if (turn < shown)
            found.push({ bytes: images.slice(i * pixels, (i + 1) * pixels), label, turn })
        }
        const first = found.filter(({ turn }) => turn === 0).length
        if (first >= Math.min(shown, model.network.graph.classes) && found.length >= shown) break
        if ([...seen.values()].reduce((a, b) => a + b, 0) >= looked) break
      }
    } finally {
      await batches.close()
    }
    return found.toSorted((a, b) => a.turn - b.turn).slice(0, shown)
  })
})

/** By the cost that the search was for; by GBOPs where it was for none. */
const costOf = Effect.fnUntraced(function* (trial: State.TrialFile, { network }: FoundModel) {
  const { reward } = yield* declarationOf(trial)
  const cost = compileCost(network, reward?.cost)
  const total = cost.of([])
  const { printUnit, scale } = cost.model
  return {
    total: short(total / scale),
    unit: printUnit,
    shares: cost.terms.map((term) => valueOf(term, []) / total),
  } satisfies DemoCost
})

export const run = Effect.fn("demo")(function* (input: {
  readonly trial: string
  readonly out: string
  readonly images: number
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  const { json, out } = input
  const fs = yield* FileSystem.FileSystem
  const state = yield* stateFolder(input.state)
  const id = yield* findTrial(state, input.trial)
  const trial = yield* readFinished(state, id)
  yield* sayTemporary
  yield* Backend.load({ threads: trial.execution.threads })
  const model = yield* readModel(state, trial)
  const graph = yield* filesOf(TfjsTarget, model, options)
  const folder = yield* fs.makeTempDirectoryScoped().pipe(stored("create", "a temporary folder"))
  yield* writeAll(folder, graph)
  const how = { bound, images: input.images }
  const verified = yield* verify(folder, TfjsTarget, model, trial, options, how)
  const problem = problemOf(verified)
  if (typeof verified === "string" || problem !== undefined) {
    yield* note(`${pathText(out)} was not written: ${problem}`)
    return yield* new Ended({ code: exitCodes.failed })
  }
  const images = yield* chooseImages(trial, model)
  const cost = yield* costOf(trial, model)
  const files = yield* Effect.promise(() => demoFiles(model, graph, images, cost))
  yield* writeAll(out, files)
  const bytes = files.flatMap(({ parts }) => parts).reduce((sum, part) => sum + part.length, 0)
  const page = join(out, "index.html")
  if (json) return yield* printJson({ trial: id, path: out, page, bytes, ...outcomeOf(verified) })
  yield* print(`${pathText(out)}: ${id}, ${short(bytes / 1e6)} MB`)
  yield* print(wordsOf(verified))
  yield* print(
    `open ${pathToFileURL(page).href}, or serve it: ${shellCommand(["npx", "serve", out])}`,
  )
}, Effect.scoped)
