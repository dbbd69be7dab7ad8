/** `fliqs data list|pull|verify`: data sets in the cache, and one's own. */
import { Effect, Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import * as Datasets from "../../data/Datasets.ts"
import { didYouMean } from "../../declaration/Suggest.ts"
import { cacheDirectory } from "../Files.ts"
import { green, print, printJson, table } from "../Output.ts"
import { Wrong } from "../Words.ts"

const kindOf = (name: string) => {
  const kind = Datasets.datasets.kinds.find((known) => known === name)
  return kind === undefined
    ? Effect.fail(
        new Wrong({
          message: `there is no data set ${name}; ${didYouMean(name, Datasets.datasets.kinds)}`,
        }),
      )
    : Effect.succeed(kind)
}

const size = (bytes: number): string => (bytes === 0 ? "" : `${(bytes / 1e6).toFixed(1)} MB`)

const report = Effect.fnUntraced(function* (
  status: Datasets.DatasetStatus,
  json: boolean,
  words: string,
) {
  if (json) return yield* printJson(status)
  yield* print(`${green("OK")} ${status.kind}: ${words}`)
  if (status.where !== undefined) yield* print(`${pathText(status.where)}  ${size(status.bytes)}`)
  for (const [split, digest] of Object.entries(status.digests ?? {}))
    yield* print(`${split.padEnd(6)} ${digest}`)
})

export const list = Effect.fn("data list")(function* ({ json }: { readonly json: boolean }) {
  const all = yield* Datasets.list(cacheDirectory())
  if (json) return yield* printJson(all)
  yield* print(
    table(
      ["data set", "state", "size", "what"],
      all.map(({ bytes, kind, state, summary }) => [kind, state, size(bytes), summary]),
    ),
  )
})

export const pull = Effect.fn("data pull")(function* (input: {
  readonly name: string
  readonly path: Option.Option<string>
  readonly json: boolean
}) {
  const kind = yield* kindOf(input.name)
  const status = yield* Datasets.pull(kind, cacheDirectory(), Option.getOrUndefined(input.path))
  const words = { made: "made on the spot", own: "your own; nothing is fetched" } as const
  yield* report(
    status,
    input.json,
    status.state === "made" || status.state === "own" ? words[status.state] : "in the cache",
  )
})

export const verify = Effect.fn("data verify")(function* (input: {
  readonly name: string
  readonly path: Option.Option<string>
  readonly json: boolean
}) {
  const kind = yield* kindOf(input.name)
  const status = yield* Datasets.verify(kind, cacheDirectory(), Option.getOrUndefined(input.path))
  const words = status.state === "own" ? "every image can be decoded" : "every byte is right"
  yield* report(status, input.json, words)
})
