/** The searches there are: the only list. `schema` is the whole of an experiment's `search:` block. */
import type { Problem as Finding } from "../declaration/Errors.ts"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import type { RewardSpec } from "../reward/Rewards.ts"
import { Fixed } from "./Fixed.ts"
import { Reinforce } from "./Reinforce.ts"
import type { Problem, Searcher, SearchKind } from "./Search.ts"
import { resolve } from "./Settings.ts"

export const searches = oneOfKinds("Search", [Reinforce, Fixed], "reinforce")

/** A decoded `search:` block. */
export type SearchSpec = typeof searches.schema.Type

export const make = (spec: SearchSpec, problem: Problem): Searcher =>
  (searches.members[spec.kind] as unknown as SearchKind<SearchSpec>).make(spec, problem)

/** The block with every knob written out, as a run of `steps` uses them: what an id is made from. */
export const resolved = (search: SearchSpec, steps: number): SearchSpec => {
  if (search.kind === "fixed") return search
  const { preset, ...knobs } = resolve(search, steps)
  return { kind: search.kind, ...(preset === "none" ? {} : { preset }), ...knobs }
}

/** What no schema says about a search and its reward; paths are relative to the experiment. */
export const searchProblems = (
  search: SearchSpec,
  reward: RewardSpec | undefined,
): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  if (search.kind === "fixed") {
    if ((search.uniform === undefined) === (search.assignment === undefined))
      findings.push({
        path: ["search"],
        message: "a fixed search needs uniform or assignment, and not both; uniform: INT4, say",
      })
    return findings
  }
  const single = (search.proposals ?? (search.preset === undefined ? 4 : 1)) === 1
  if (single && search.baseline?.kind === "leaveOneOut")
    findings.push({
      path: ["search", "baseline", "kind"],
      message: "one proposal has no others to compare with; movingAverage, or proposals: 4",
    })
  if (search.preset === "fliqs" && reward !== undefined && reward.quality !== "trainLoss")
    findings.push({
      path: ["search", "preset"],
      message: `preset fliqs was published with reward.quality trainLoss, and this is ${reward.quality}; set it, or mind the difference`,
      severity: "warning",
    })
  return findings
}
