/** `fliqs report EXPERIMENT`: the grid as one page that needs no network, as far as it has run. */
import { Effect, Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { counted } from "../../picture/Picture.ts"
import { reportOf } from "../../report/ReadReport.ts"
import { readPlan, writeOut } from "../Locations.ts"
import { print, printJson } from "../Output.ts"
import { program } from "../Program.ts"

export const run = Effect.fn("report")(function* (input: {
  readonly experiment: string
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly state: Option.Option<string>
  readonly out: string
  readonly json: boolean
}) {
  const { folder, plan } = yield* readPlan("report", input)
  const page = yield* reportOf(plan, folder, {
    program,
    sets: input.set,
    ...(Option.isSome(input.state) ? { state: input.state.value } : {}),
  })
  yield* writeOut(input.out, page)
  const bytes = Buffer.byteLength(page)
  if (input.json) return yield* printJson({ page: input.out, bytes, trials: plan.trials.length })
  yield* print(
    `${pathText(input.out)}  ${counted(plan.trials.length, "trial")}, ${(bytes / 1e6).toFixed(1)} MB`,
  )
})
