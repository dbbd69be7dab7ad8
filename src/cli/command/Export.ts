/**
 * `fliqs export TRIAL --to TARGET --out PATH`: the network of a finished trial as files for another runtime, which must
 * give the network's logits on test images before the export counts as done.
 */
import { Effect, FileSystem, type Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { oneOf } from "../../declaration/Suggest.ts"
import { stored } from "../../disk/Patience.ts"
import { targetNamed, targets } from "../../export/Exports.ts"
import type { ExportOptions } from "../../export/Target.ts"
import * as Backend from "../../tensor/Backend.ts"
import {
  filesOf,
  moveAll,
  outcomeOf,
  problemOf,
  verify,
  wordsOf,
  writeAll,
} from "../ExportedFiles.ts"
import { readFinished, readModel } from "../FoundModels.ts"
import { findTrial, sayTemporary, stateFolder } from "../Locations.ts"
import { note, print, printJson, short } from "../Output.ts"
import { readyStep } from "../Preparation.ts"
import { Ended, exitCodes, Wrong } from "../ErrorMessages.ts"

const wrong = (message: string) => Effect.fail(new Wrong({ message }))

export const run = Effect.fn("export")(function* (input: {
  readonly trial: string
  readonly to: string
  readonly out: string
  readonly input: ExportOptions["input"]
  readonly emulate: boolean
  readonly flavour: ExportOptions["flavour"]
  readonly images: number
  /** Of the largest logit. */
  readonly bound: number
  readonly python: Option.Option<string>
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  const { emulate, flavour, json, out, to } = input
  const target = targetNamed(to)
  if (target === undefined)
    return yield* wrong(`--to ${to}: ${oneOf(targets.map(({ name }) => name))} would be right`)
  const state = yield* stateFolder(input.state)
  const id = yield* findTrial(state, input.trial)
  const trial = yield* readFinished(state, id)
  if (target.needs !== undefined) yield* readyStep(target.needs)
  yield* sayTemporary
  yield* Backend.load({ threads: trial.execution.threads })
  const model = yield* readModel(state, trial)
  if (input.python._tag === "Some" && to !== "pytorch")
    yield* note(`--python changes nothing: what --to ${to} writes is not run in Python`)
  const python = input.python._tag === "None" ? {} : { python: input.python.value }
  const options: ExportOptions = { input: input.input, emulate, flavour, ...python }
  let files = yield* filesOf(target, model, options)
  // Under another name until it is verified: what stood there before is not lost to a bad file.
  const unverified = `${out}.unverified`
  const fs = yield* FileSystem.FileSystem
  const remove = fs
    .remove(unverified, { recursive: true, force: true })
    .pipe(stored("remove", unverified))
  yield* remove
  yield* writeAll(unverified, files)
  const verifyWith = (chosen: ExportOptions) =>
    target.open === undefined
      ? Effect.succeed({ notRun: "no runtime runs it" })
      : verify(unverified, target, model, trial, chosen, input)
  let verified = yield* verifyWith(options)
  if (typeof verified === "object" && "fast" in verified && verified.fast?.passed === false) {
    yield* note(
      `${verified.fast.runtime} gives other answers than integers should; the file does not offer them`,
    )
    const plain = { ...options, integers: false }
    files = yield* filesOf(target, model, plain)
    yield* writeAll(unverified, files)
    verified = yield* verifyWith(plain)
  }
  const problem = problemOf(verified)
  if (typeof verified === "string" || problem !== undefined) {
    yield* remove
    yield* note(`${pathText(out)} was not written: ${problem}`)
    return yield* new Ended({ code: exitCodes.failed })
  }
  const bytes = files.flatMap(({ parts }) => parts).reduce((sum, part) => sum + part.length, 0)
  yield* moveAll(unverified, out, files)
  yield* remove
  if (json) return yield* printJson({ trial: id, to, path: out, bytes, ...outcomeOf(verified) })
  yield* print(`${pathText(out)}: ${id}, ${short(bytes / 1e6)} MB`)
  yield* print(wordsOf(verified))
})
