/** `fliqs data list|pull|verify`: data sets in the cache, and one's own. */
import { Effect, Option } from "effect"
import * as Datasets from "../../data/Datasets.ts"
import { leadsOut } from "../../data/ImageBytes.ts"
import { inspect } from "../../declaration/Decode.ts"
import { parse } from "../../declaration/Document.ts"
import { DeclarationErrors, pathText } from "../../declaration/Errors.ts"
import { didYouMean } from "../../declaration/Suggest.ts"
import { apply, parseSets } from "../../experiment/Overrides.ts"
import { cacheDirectory } from "../../disk/Installation.ts"
import { green, note, print, printJson, red, table } from "../Output.ts"
import { describeSplits, splitTable } from "../Splits.ts"
import { Ended, exitCodes, Wrong } from "../ErrorMessages.ts"

const kindOf = (name: string) => {
  const kind = Datasets.datasets.kinds.find((known) => known === name)
  return kind === undefined
    ? Effect.fail(
        new Wrong({
          message: `there is no data set ${name}; ${didYouMean(name, Datasets.datasets.kinds, Datasets.otherDatasets)}`,
        }),
      )
    : Effect.succeed(kind)
}

const size = (bytes: number): string => (bytes === 0 ? "" : `${(bytes / 1e6).toFixed(1)} MB`)

interface Input {
  readonly name: string
  readonly path: Option.Option<string>
  readonly set: ReadonlyArray<string>
  readonly json: boolean
}

/** The `data:` block that the flags come to; none where they say nothing. */
const blockOf = Effect.fnUntraced(function* (kind: Datasets.DataKind, { path, set }: Input) {
  if (set.length > 0 && !Datasets.isOwn(kind))
    return yield* new Wrong({
      message: `--set changes nothing of ${kind}: its bytes are always the same`,
    })
  if (Option.isNone(path) && set.length === 0) return undefined
  const plain = { kind, ...(Option.isSome(path) ? { [Datasets.pathKey(kind)]: path.value } : {}) }
  const document = yield* parse("--path", JSON.stringify(plain))
  const { changes, errors: unread } = parseSets(set)
  const changed = apply(document, changes)
  const { errors, value } = inspect(Datasets.datasets.schema, changed.document)
  const all = [...unread, ...changed.errors, ...errors]
  if (all.length > 0 || value === undefined) return yield* new DeclarationErrors({ errors: all })
  if (value.kind !== kind)
    return yield* new Wrong({
      message: `--set kind is not to be changed; give the name of the data set in the place of ${kind}`,
    })
  return value
})

const described = ({ report, ...status }: Datasets.DatasetStatus) => ({
  ...status,
  ...describeSplits(report),
})

const report = Effect.fnUntraced(function* (
  status: Datasets.DatasetStatus,
  json: boolean,
  words: string,
) {
  const broken = status.brokenFiles ?? []
  if (json) yield* printJson(described(status))
  else {
    for (const warning of status.report?.warnings ?? []) yield* note(`warning: ${warning}`)
    if (broken.length === 0) yield* print(`${green("OK")} ${status.kind}: ${words}`)
    if (status.where !== undefined)
      yield* print(`${pathText(status.where)}  ${size(status.bytes)}`.trimEnd())
    if (status.report !== undefined) yield* print(splitTable(status.report))
    for (const [split, digest] of Object.entries(status.digests ?? {}))
      yield* print(`${split.padEnd(7)} ${digest}`)
  }
  if (broken.length === 0) return
  const isOut = broken.some(({ why }) => why === leadsOut)
  yield* note(
    `${red("corrupt")} ${status.shape?.name ?? status.kind}: ${broken.length} ${broken.length === 1 ? "file" : "files"} cannot be decoded; replace or remove ${broken.length === 1 ? "it" : "them"}${isOut ? ", or follow links by --set links=follow (links: follow in an experiment)" : ""}:`,
  )
  for (const { file, why } of broken) yield* note(`${pathText(file)} (${pathText(why)})`)
  return yield* new Ended({ code: exitCodes.failed })
})

export const list = Effect.fn("data list")(function* ({ json }: { readonly json: boolean }) {
  const all = yield* Datasets.list(cacheDirectory())
  if (json) return yield* printJson(all.map(described))
  yield* print(
    table(
      ["data set", "state", "size", "what"],
      all.map(({ bytes, kind, state, summary }) => [kind, state, size(bytes), summary]),
    ),
  )
})

export const pull = Effect.fn("data pull")(function* (input: Input) {
  const kind = yield* kindOf(input.name)
  const status = yield* Datasets.pull(kind, cacheDirectory(), yield* blockOf(kind, input))
  const words = { made: "made on the spot", own: "your own; nothing is fetched" } as const
  yield* report(
    status,
    input.json,
    status.state === "made" || status.state === "own" ? words[status.state] : "in the cache",
  )
})

export const verify = Effect.fn("data verify")(function* (input: Input) {
  const kind = yield* kindOf(input.name)
  const status = yield* Datasets.verify(kind, cacheDirectory(), yield* blockOf(kind, input))
  const words = status.state === "own" ? "every image can be decoded" : "every byte is right"
  yield* report(status, input.json, words)
})
