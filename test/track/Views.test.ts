/** The saved views that a grid writes into MLflow, and what a person has made of them. */
import { inflateSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { renewed } from "../../src/track/mlflow/MlflowViews.ts"
import * as NoteLinks from "../../src/track/NoteLinks.ts"
import { storedViews } from "../../src/track/ViewState.ts"

const views = { type: "views", cost: "final/gbops", differing: ["search.kind"] } as const
const [accuracy, , , trials] = storedViews(views, "0123456789abcdef")
const stateOf = (state: string) =>
  JSON.parse(
    inflateSync(Buffer.from(state.replace("deflate;", ""), "base64")).toString(),
  ) as Record<string, unknown>

describe("a saved view", () => {
  it("shows accuracy against cost by arm, of the trials of its grid", () => {
    const state = stateOf(accuracy!.state)
    expect(state).toMatchObject({
      searchFilter: "tags.`fliqs.grid.0123456789abcdef` = 'trial'",
      orderByKey: "metrics.`final/accuracy`",
      groupBy: { groupByKeys: [{ mode: "tag", groupByData: "arm" }] },
    })
    expect(state["compareRunCharts"]).toMatchObject([
      { type: "SCATTER", xaxis: { key: "final/gbops" }, yaxis: { key: "final/accuracy" } },
      { type: "BAR", metricKey: "final/accuracy" },
    ])
    expect(stateOf(trials!.state)["selectedColumns"]).toContain("params.`search.kind`")
  })

  it("keeps the arms folded, by the names that MLflow gives groups", () => {
    const [first] = storedViews({ ...views, colours: { "x1 reinforce": "#0072b2" } })
    expect(stateOf(first!.state)["groupsExpanded"]).toEqual({ "tag.arm.x1 reinforce": false })
  })

  it("says when MLflow's page reads some of the trials only", () => {
    const names = (trials: number, gridId?: string) =>
      storedViews({ ...views, trials }, gridId).map(
        ({ state }) =>
          (stateOf(state)["compareRunSections"] as ReadonlyArray<{ name: string }>)[0]!.name,
      )
    expect(names(100, "0123456789abcdef")[0]).toBe("Accuracy against cost")
    expect(names(204, "0123456789abcdef")[0]).toBe("Accuracy against cost: 100 of 204 trials")
    const [large] = storedViews({ ...views, trials: 204 }, "0123456789abcdef")
    // means over the best ones would flatter what scatters most
    expect(stateOf(large!.state)).toMatchObject({ orderByKey: "params.`seed`", orderByAsc: true })
  })

  it("fits into a tag of an experiment, whatever differs", () => {
    const differing = Array.from({ length: 100 }, (_, i) => `search.some.longer.name${i}`)
    const arms = Array.from({ length: 200 }, (_, i) => [`x1.${i} ${i * i} reinforce`, "#000000"])
    const colours = Object.fromEntries(arms) as Record<string, string>
    for (const view of storedViews({ ...views, differing, colours }, "0123456789abcdef"))
      expect(renewed(view, { value: undefined, wasWritten: false }, 1e13)!.length).toBeLessThan(
        5000,
      )
  })

  it("is written once, renewed as long as nobody has changed it, and else left alone", () => {
    const first = renewed(accuracy!, { value: undefined, wasWritten: false }, 1)!
    expect(JSON.parse(first)).toMatchObject({ createdAt: 1, updatedAt: 1 })
    expect(renewed(accuracy!, { value: first, wasWritten: true }, 2)).toBeUndefined()
    const [other] = storedViews({ ...views, cost: "final/cost" }, "0123456789abcdef")
    const second = renewed(other!, { value: first, wasWritten: true }, 2)!
    expect(JSON.parse(second)).toMatchObject({ createdAt: 1, updatedAt: 2, state: other!.state })
    // what MLflow's page writes over it keeps the name and changes the state
    const changed = JSON.stringify({ ...JSON.parse(first), state: trials!.state })
    expect(renewed(other!, { value: changed, wasWritten: true }, 3)).toBeUndefined()
    expect(renewed(other!, { value: undefined, wasWritten: true }, 3)).toBeUndefined()
  })
})

describe("links in notes", () => {
  const known = {
    run: { experimentId: "1", runId: "r" },
    kind: "grid",
    gridId: "0123456789abcdef",
    experimentIds: ["1"],
    hasViews: true,
    trials: new Map([["aa", { experimentId: "2", runId: "t" }]]),
  } as const

  it("lead to views, trials, files; without a run there is only text", () => {
    const note =
      "[v](fliqs:view/curves) [a](fliqs:trial/aa) [b\\]](fliqs:trial/bb) ![p](fliqs:file/a b.png) [g](fliqs:grid/)"
    expect(NoteLinks.trialsIn(note)).toEqual(["aa", "bb"])
    expect(NoteLinks.resolve(note.replace("a b", "a"), known)).toBe(
      "[v](#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=curves-0123456789abcdef&compareRunsMode=CHART) " +
        "[a](#/experiments/2/runs/t?workflowType=machine_learning) b\\] " +
        "![p](get-artifact?path=a.png&run_uuid=r) [g](#/experiments/1/runs/r?workflowType=machine_learning)",
    )
  })

  it("lead to the same trials by a filter where the server has no views, or the trials are in several experiments", () => {
    for (const other of [{ hasViews: false }, { experimentIds: ["1", "2"] }])
      expect(NoteLinks.resolve("[v](fliqs:view/arms)", { ...known, ...other })).toContain(
        "searchFilter=tags.%60fliqs.grid.",
      )
  })

  it("stand before a note of an earlier version", () => {
    expect(NoteLinks.resolve("# Grid", known)).toMatch(/^\[Trials of this grid, best first\]\(#\//)
    expect(NoteLinks.resolve("# Trial", { ...known, kind: "trial" })).toBe("# Trial")
  })
})
