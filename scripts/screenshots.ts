/**
 * Draws the pictures of MLflow's pages in docs/pictures/: a grid of 12 trials with controls, seen in a fresh browser.
 *
 *     npm run screenshots                                    # trains a tiny grid, about a minute
 *     npm run screenshots -- experiments/x.yaml --state DIR  # of a grid that is there
 *
 * Needs Chromium in PATH.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Page } from "playwright-core"
import { openPage, startChromium } from "./chromium.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { state: { type: "string" } },
})
const root = fileURLToPath(new URL("..", import.meta.url))
const pictures = join(root, "docs", "pictures")

const space = `name: small
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 8, kernel: 3 }
  - conv: { name: body, filters: 16, kernel: 3, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
widthRounding: exact
formats: { oneOf: [INT4, INT5, INT6, INT8] }
`
const experiment = `name: comparison
space: space.yaml
data: { kind: synthetic, batchSize: 16, heldOut: 64, height: 8, width: 8 }
train: { steps: 200, learningRate: { kind: cosine, peak: 0.02, warmupSteps: 5 } }
reward: { cost: { kind: gbops, target: { times: 1, uniform: INT5 } } }
matrix: { seed: [1, 2], reward.cost.target.times: [1, 1.4], search.kind: [reinforce, evolution] }
controls: [uniform]
`

const folder = mkdtempSync(join(tmpdir(), "fliqs-screenshots-"))
writeFileSync(join(folder, "space.yaml"), space)
writeFileSync(join(folder, "comparison.yaml"), experiment)
const file = positionals[0] ?? join(folder, "comparison.yaml")
const state = values.state ?? join(folder, "state")

const fliqs = (...words: ReadonlyArray<string>): string =>
  execFileSync(
    process.execPath,
    ["--no-deprecation", join(root, "src/cli/main.ts"), ...words, "--state", state],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, MLFLOW_TRACKING_URI: "" },
    },
  )

/** Waits until the page is quiet, and draws it. */
const draw = async (page: Page, name: string): Promise<void> => {
  await page.waitForTimeout(4000)
  await page.screenshot({ path: join(pictures, `${name}.png`) })
  process.stdout.write(`docs/pictures/${name}.png\n`)
}

const browser = await startChromium()
try {
  if (positionals[0] === undefined) fliqs("run", file)
  const errors: Array<string> = []
  const page = await openPage(browser, fliqs("open", file).trim(), errors)
  await page.locator(".scatterlayer .point").first().waitFor()
  await draw(page, "mlflow-comparison")
  const experimentPage = page.url()
  const comparison = await page
    .getByRole("link", { name: "The whole comparison" })
    .first()
    .getAttribute("href")
  const opened = page.context().waitForEvent("page")
  await page.locator("strong a, b a").first().click()
  const trial = await opened
  await trial.getByText("Formats:").first().waitFor()
  await draw(trial, "mlflow-trial")
  await page.goto(new URL(comparison ?? "", experimentPage).href)
  await page.getByText("Show more").first().click()
  await draw(page, "mlflow-grid")
  for (const error of errors) process.stderr.write(`console: ${error}\n`)
} finally {
  await browser.close()
  fliqs("ui", "--stop")
  rmSync(folder, { recursive: true, force: true })
}
