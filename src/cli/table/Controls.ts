/** Whether `--control` names an arm or a kind of control that there is. */
import { Effect } from "effect"
import { didYouMean } from "../../declaration/Suggest.ts"
import { groupedBy } from "../../report/Arms.ts"
import { controlsNamed } from "../../report/Figures.ts"
import { Wrong } from "../ErrorMessages.ts"
import type { TrialRow } from "./TrialRows.ts"

export const checkControl = Effect.fnUntraced(function* (
  control: string | undefined,
  rows: ReadonlyArray<TrialRow>,
) {
  if (control === undefined) return
  const all = [...groupedBy(rows, ({ figures }) => figures).keys()].flatMap(({ arms }) => arms)
  if (controlsNamed(all, control).length > 0) return
  const kinds = all.flatMap((arm) => arm.control ?? [])
  const names = [...new Set([...kinds, ...all.map(({ label }) => label)])]
  return yield* new Wrong({
    message: `--control ${control}: there is no such arm; ${didYouMean(control, names)}`,
  })
})
