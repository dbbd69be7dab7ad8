/** A headless Chromium with a fresh profile, for tests and for the pictures of pages in docs/. Needs the program in PATH. */
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"

const programs = ["chromium", "chromium-browser", "google-chrome"]

/** The program; undefined where there is none. */
export const chromiumProgram: string | undefined = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((place) => programs.map((name) => join(place, name)))
  .find((file) => existsSync(file))

export const startChromium = (): Promise<Browser> => {
  if (chromiumProgram === undefined)
    throw new Error(`no Chromium in PATH: one of ${programs.join(", ")} would be right`)
  return chromium.launch({ executablePath: chromiumProgram, args: ["--no-sandbox"] })
}

/** What MLflow's own page complains about in every fresh browser. */
const isOfMlflow = (text: string, url: string): boolean =>
  url.endsWith("/ajax-api/2.0/mlflow/users/current") || /ResizeObserver loop/.test(text)

/** Opens a page in a fresh profile; other errors of its console are collected. */
export const openPage = async (
  browser: Browser,
  url: string,
  errors: Array<string>,
  size = { width: 1440, height: 900 },
): Promise<Page> => {
  const context = await browser.newContext({ viewport: size })
  const page = await context.newPage()
  page.on("console", (message) => {
    const { url: place } = message.location()
    if (message.type() === "error" && !isOfMlflow(message.text(), place))
      errors.push(`${message.text()} (${place})`)
  })
  page.on("pageerror", (error) => errors.push(String(error)))
  await page.goto(url)
  return page
}
