/**
 * How long MLflow's own page takes to show a large grid, from the link that `run` prints to the points of its charts.
 *
 *     npm run bench:mlflow-page [-- TRIALS]
 *
 * The grid is made up (`SyntheticGrid.ts`), of 204 trials by default: 4 targets x 2 searches x seeds, with a uniform control
 * of each target and seed. Its local MLflow server and a headless Chromium with a fresh profile are real. Prints how long sending took,
 * and how long each view takes until its charts are drawn, the first one twice. `--pictures DIR` keeps a picture of each.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import { parseArgs } from "node:util"
import type { Page } from "playwright-core"
import { openPage, startChromium } from "../scripts/chromium.ts"
import { writeGrid } from "./SyntheticGrid.ts"
import { writeRuns } from "./SyntheticRuns.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { pictures: { type: "string" } },
})
const perSeed = 12
const seeds = Math.ceil(Number(positionals[0] ?? 204) / perSeed)
const file = "experiments/resnet8-cost-sweep.yaml"
const sets = [
  `matrix={ reward.cost.target.times: [0.75, 1, 1.5, 2], search: [{ kind: reinforce }, { kind: evolution }], seed: [${Array.from({ length: seeds }, (_, i) => i + 1).join()}] }`,
  "controls=[uniform]",
]
const state = mkdtempSync(join(tmpdir(), "fliqs-page-"))

const fliqs = (...words: ReadonlyArray<string>): string => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--no-deprecation", "src/cli/main.ts", ...words, "--state", state],
    { encoding: "utf8", env: { ...process.env, MLFLOW_TRACKING_URI: "" } },
  )
  if (status !== 0) throw new Error(`${words[0]} ended with ${status}: ${stderr}`)
  return stdout
}

const timed = async (name: string, run: () => unknown): Promise<void> => {
  const began = performance.now()
  await run()
  console.log(`${name.padEnd(34)} ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`)
}

/** Until what the view is for can be seen. */
const shown = (page: Page, view: string): Promise<void> =>
  page
    .locator(
      {
        accuracy: ".scatterlayer .point",
        arms: ".barlayer .point",
        curves: ".scatterlayer .js-line",
        trials: ".ag-row",
      }[view] ?? "main",
    )
    .first()
    .waitFor({ timeout: 120_000 })

const browser = await startChromium()
try {
  const plan = await writeGrid(file, state, { sets })
  console.log(`${plan.trials.length} trials`)
  await writeRuns(plan, state)
  const flags = [file, ...sets.flatMap((set) => ["--set", set]), "--yes"]
  fliqs("ui")
  await timed("run and sync: sends it all", () => {
    fliqs("run", ...flags)
    fliqs("sync")
  })
  const link = fliqs("open", ...flags).trim()
  const errors: Array<string> = []
  for (const view of ["accuracy", "accuracy", "arms", "curves", "trials"]) {
    const before = await openPage(browser, "about:blank", errors)
    await timed(view, async () => {
      await before.goto(`${link}/${view}`)
      await shown(before, view)
    })
    if (values.pictures !== undefined) {
      await before.waitForTimeout(3000)
      await before.screenshot({ path: join(values.pictures, `page-${view}.png`) })
    }
    await before.context().close()
  }
  for (const error of errors) console.log(`console: ${error}`)
} finally {
  await browser.close()
  fliqs("ui", "--stop")
  rmSync(state, { recursive: true, force: true })
}
