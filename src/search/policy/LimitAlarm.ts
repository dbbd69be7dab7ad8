/** The alarm of limits: at the last step, for each that the final assignment comes close to. */
import type { Limit } from "../../cost/LimitKinds.ts"
import type { Choices } from "../../space/Decision.ts"
import type { Alarm, Problem, Searcher } from "../Search.ts"

/** Share of a limit from which on it binds: what is left pays for next to nothing. */
const close = 0.98

const bindingAlarms = (limits: ReadonlyArray<Limit>, choices: Choices): ReadonlyArray<Alarm> =>
  limits.flatMap(({ kind, max, of, unit }) => {
    const share = of(choices) / max
    if (share < close) return []
    return [
      {
        alarm: "limitBinds",
        message:
          `limit binds: ${kind} of the final assignment is ${(100 * share).toFixed(1)} % of its limit of ${max} ${unit}; ` +
          "the search may have found better beyond it: raise its max if there is room",
      },
    ]
  })

/** A search that says at its last step which limits bind; the same search where there are none. */
export const withLimitAlarms = <State>(
  searcher: Searcher<State>,
  { limits = [], steps }: Pick<Problem, "limits" | "steps">,
): Searcher<State> =>
  limits.length === 0
    ? searcher
    : {
        ...searcher,
        alarms: (state, step) => [
          ...searcher.alarms(state, step),
          ...(step + 1 === steps ? bindingAlarms(limits, searcher.final(state)) : []),
        ],
      }
