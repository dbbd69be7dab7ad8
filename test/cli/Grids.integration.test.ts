/** Grids that share trials, in MLflow: every grid finds all of its trials, whoever ran them first. */
import { inflateSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Answer, experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"

const files = {
  "space.yaml": space,
  "experiment.yaml": experiment
    .replace("steps: 300", "steps: 8")
    .replace("seed: [1, 2]", "seed: [1]")
    .replace("track: { kind: none }\n", ""),
}
const { folder, remove } = makeFolder(files)
const at = { cwd: folder }
let url = ""

beforeAll(async () => {
  url = json<{ url: string }>(await fliqs(["ui", "--json"], at)).url
})
afterAll(async () => {
  await fliqs(["ui", "--stop"], at)
  remove()
})

interface Found {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
}

interface ViewState {
  readonly searchFilter: string
  readonly orderByKey: string
  readonly orderByAsc: boolean
}

/** The saved view that a short link leads to, in its experiment. */
const viewOf = async (link: string) => {
  const page = await (await fetch(link)).text()
  const address = /<a href="\/#([^"]*)"/.exec(page)![1]!.replaceAll("&amp;", "&")
  const [path = "", query] = address.split("?")
  const id = path.split("/")[2]!
  const key = new URLSearchParams(query).get("viewStateShareKey")
  const answer = await fetch(`${url}/api/2.0/mlflow/experiments/get?experiment_id=${id}`)
  const { experiment } = (await answer.json()) as {
    experiment: { tags: Array<{ key: string; value: string }> }
  }
  const tag = experiment.tags.find((one) => one.key === `mlflow.sharedViewState.${key}`)
  const { state } = JSON.parse(tag!.value) as { state: string }
  const packed = Buffer.from(state.replace("deflate;", ""), "base64")
  return { id, state: JSON.parse(inflateSync(packed).toString()) as ViewState }
}

/** The experiments that trials of a grid are in and the filter, of a short link or a whole one. */
const searchOf = async (link: string) => {
  const { hash } = new URL(link)
  if (hash === "") {
    const { id, state } = await viewOf(link)
    return { experiments: [id], ...state }
  }
  const [path = "", query] = hash.slice(1).split("?")
  const parameters = new URLSearchParams(query)
  const experiments = parameters.get("experiments")
  return {
    experiments:
      experiments === null ? [path.split("/")[2]!] : (JSON.parse(experiments) as Array<string>),
    searchFilter: parameters.get("searchFilter")!,
    orderByKey: parameters.get("orderByKey")!,
    orderByAsc: parameters.get("orderByAsc") === "true",
  }
}

/** What MLflow shows when the link is opened. */
const behind = async (link: string): Promise<ReadonlyArray<Found>> => {
  const { experiments, orderByAsc, orderByKey, searchFilter } = await searchOf(link)
  const answer = await fetch(`${url}/api/2.0/mlflow/runs/search`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      experiment_ids: experiments,
      filter: searchFilter,
      order_by: [`${orderByKey} ${orderByAsc ? "ASC" : "DESC"}`],
      max_results: 100,
    }),
  })
  expect(answer.status).toBe(200)
  const { runs = [] } = (await answer.json()) as {
    runs?: Array<{
      info: { run_name: string }
      data: { tags: Array<{ key: string; value: string }> }
    }>
  }
  return runs.map(({ info, data }) => ({
    name: info.run_name,
    tags: Object.fromEntries(data.tags.map(({ key, value }) => [key, value])),
  }))
}

const linkOf = ({ stdout }: Answer): string => /^MLflow {2}(\S+)$/m.exec(stdout.toString())![1]!
const idsOf = (found: ReadonlyArray<Found>) =>
  found.map(({ tags }) => tags["fliqs.trial_id"]).sort()
const run = async (...words: ReadonlyArray<string>) => {
  const answer = await fliqs(["run", "experiment.yaml", ...words], at)
  expect(answer.code).toBe(0)
  return answer
}
const planned = async (...words: ReadonlyArray<string>) =>
  json<{ gridId: string; trials: Array<{ id: string }> }>(
    await fliqs(["plan", "experiment.yaml", "--json", ...words], at),
  )
const listed = async (...words: ReadonlyArray<string>) =>
  json<Array<{ id: string; gridId: string; gridIds: Array<string> }>>(
    await fliqs(["list", "--json", ...words], at),
  )

const wider = ["--set", "matrix.seed=[1, 2]"]
const fewer = ["--set", "controls=[]"]
const renamed = [
  "--set",
  "name=another name",
  "--set",
  "matrix.seed=[1, 3]",
  "--set",
  "controls=[]",
]

describe("a grid that shares trials with another", () => {
  it.each([
    ["is run", []],
    ["has one seed more", wider],
    ["has nothing left to do", fewer],
    ["is in another experiment of MLflow", renamed],
    ["is run again", []],
  ])("%s: its link shows all of its trials", async (_, words) => {
    const { gridId, trials } = await planned(...words)
    const found = await behind(linkOf(await run(...words)))
    expect(idsOf(found)).toEqual(trials.map(({ id }) => id).sort())
    const inList = await listed("--filter", `gridId=${gridId}`)
    expect(inList.map(({ id }) => id).sort()).toEqual(trials.map(({ id }) => id).sort())
  })

  it("is told to MLflow by sync when it was run without a tracker", async () => {
    const words = ["--set", "matrix.seed=[2, 3]", "--set", "controls=[]"]
    const { gridId, trials } = await planned(...words)
    await run("--no-track", ...words)
    expect((await fliqs(["sync"], at)).code).toBe(0)
    const link = linkOf(await run(...words))
    expect(idsOf(await behind(link))).toEqual(trials.map(({ id }) => id).sort())
    expect((await searchOf(link)).searchFilter).toContain(gridId)
  })

  it("keeps the grid that planned a trial first, in MLflow and in the list", async () => {
    const first = await planned()
    const all = await listed()
    const shared = all.find(({ id }) => id === first.trials[0]!.id)!
    expect(shared.gridId).toBe(first.gridId)
    expect(shared.gridIds[0]).toBe(first.gridId)
    expect(shared.gridIds).toHaveLength(4)
    const found = await behind(linkOf(await run()))
    const inMlflow = found.find(({ tags }) => tags["fliqs.trial_id"] === shared.id)
    expect(inMlflow!.tags["fliqs.grid_id"]).toBe(first.gridId)
    const shown = json<{ gridIds: Array<string> }>(await fliqs(["show", shared.id, "--json"], at))
    expect(shown.gridIds).toEqual(shared.gridIds)
  })
})
