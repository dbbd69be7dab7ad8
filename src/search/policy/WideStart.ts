/**
 * A search whose weights train under the widest formats for a share of the steps, whatever it draws or has decided
 * (`widest`). Formats at their widest cost the weights nothing while they learn most; what remains of the steps adapts
 * them to the formats that were found. Sizes are trained as the search says, and proposals are measured as drawn.
 */
import type { DecisionSpace } from "../../space/Decision.ts"
import { withWidestFormats } from "../../space/DecisionSpace.ts"
import type { Searcher } from "../Search.ts"

/** The searcher with all formats at their widest in what its first `wideSteps` steps train. */
export const withWideStart = <State>(
  space: DecisionSpace,
  wideSteps: number,
  searcher: Searcher<State>,
): Searcher<State> =>
  wideSteps === 0
    ? searcher
    : {
        ...searcher,
        trainsProposal: false,
        propose: (state, step) => {
          const proposed = searcher.propose(state, step)
          if (step >= wideSteps) return proposed
          return { ...proposed, train: withWidestFormats(space, proposed.train) }
        },
      }
