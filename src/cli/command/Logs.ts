/** `fliqs logs TRIAL`: what the processes of a trial printed, on whatever machine they ran. */
import { Effect, FileSystem, type Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import * as Result from "../../orchestrator/Result.ts"
import * as State from "../../orchestrator/State.ts"
import { findTrial, stateFolder } from "../Locations.ts"
import { print, printable } from "../Output.ts"

const followEvery = "500 millis"
const longestPart = 1 << 16

/** Lines without the control characters that a terminal would obey. */
const plain = (text: string): string => text.split("\n").map(printable).join("\n")

/** Prints a log from an offset to its end, and returns where that is; half a line stays for the next time. */
const printFrom = Effect.fnUntraced(function* (path: string, from: number, isLast: boolean) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path)
  yield* file.seek(BigInt(from), "start")
  let offset = from
  for (;;) {
    const bytes = new Uint8Array(longestPart)
    const count = Number(yield* file.read(bytes))
    const part = bytes.subarray(0, count)
    const whole = isLast || count === longestPart ? count : part.lastIndexOf(10) + 1
    if (whole === 0) return offset
    yield* print(plain(new TextDecoder().decode(part.subarray(0, whole))).replace(/\n$/, ""))
    offset += whole
    yield* file.seek(BigInt(offset), "start")
  }
}, Effect.scoped)

export const run = Effect.fn("logs")(function* (input: {
  readonly trial: string
  readonly follow: boolean
  readonly state: Option.Option<string>
}) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* stateFolder(input.state)
  const id = yield* findTrial(folder, input.trial)
  const path = State.logFile(folder, id)
  let offset = 0
  for (;;) {
    const result = yield* Effect.orElseSucceed(
      Result.read(State.resultFile(folder, id)),
      () => undefined,
    )
    const isLast = !input.follow || result !== undefined
    if (yield* Effect.orElseSucceed(fs.exists(path), () => false))
      offset = yield* printFrom(path, offset, isLast)
    else if (isLast) yield* print(`the processes of ${id} have printed nothing: ${pathText(path)}`)
    if (isLast) return
    yield* Effect.sleep(followEvery)
  }
})
