/**
 * Draws the pictures of MLflow's pages in docs/pictures/: a grid of 12 cells with controls, seen in a fresh browser.
 *
 *     npm run screenshots                                    # trains 24 small networks on MNIST, about 4 minutes
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
input: { height: 28, width: 28, channels: 1 }
classes: 10
network:
  - conv: { name: stem, filters: 8, kernel: 3, stride: 2 }
  - conv: { name: middle, filters: 16, kernel: 3, stride: 2 }
  - conv: { name: last, filters: { oneOf: [16, 24, 32] }, kernel: { oneOf: [1, 3] } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
widthRounding: exact
formats: { oneOf: [INT3, INT4, INT5, INT6, INT8] }
`
const experiment = `name: comparison
description: Formats, a width and a kernel of a small network for handwritten digits, at two costs, by two kinds of search.
space: space.yaml
data: { kind: mnist, batchSize: 64, heldOut: 5000 }
train: { steps: 400, learningRate: { kind: cosine, peak: 0.05, warmupSteps: 20 } }
reward: { cost: { kind: gbops, target: { times: 1, uniform: INT4 } } }
matrix: { seed: [1, 2, 3], reward.cost.target.times: [1, 1.56], search.kind: [reinforce, evolution] }
controls: [uniform, random]
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
