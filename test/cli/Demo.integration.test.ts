/** `fliqs demo`, and the page that it writes in a headless Chromium; the browser tests are left out without one. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { delimiter, extname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { createRequire } from "node:module"
import { Effect, Result } from "effect"
import { type Browser, chromium, type Page } from "playwright-core"
import sharp from "sharp"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { readFound } from "../../src/export/ReadFound.ts"
import { openChild } from "../../src/export/Verify.ts"
import { load } from "../../src/tensor/Backend.ts"
import { exampleOf } from "../export/page.ts"
import { experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"

const { folder, remove } = makeFolder({
  "space.yaml": space,
  "experiment.yaml": experiment
    .replace("steps: 300", "steps: 60")
    .replace("matrix: { seed: [1, 2] }\ncontrols: [uniform]\n", ""),
})
const at = { cwd: folder }
const minutes = (count: number): number => 60_000 * count

const programs = ["chromium", "chromium-browser", "google-chrome"]
const program = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((place) => programs.map((name) => join(place, name)))
  .find((file) => existsSync(file))
if (program === undefined) console.warn("left out, since no Chromium is in PATH: the browser")

/** What data.js gives the page, as far as it is read here. */
interface Data {
  readonly classes: ReadonlyArray<string>
  readonly images: ReadonlyArray<{ readonly png: string; readonly label: number }>
  readonly layers: ReadonlyArray<{ readonly path: string; readonly share: number }>
}
let data: Data
/** The network's own answers to the test images of the page. */
let answers: ReadonlyArray<string>
let id = ""

const pngOf = (image: string): Buffer => Buffer.from(image.split(",")[1]!, "base64")

const answersOf = async ({ classes, images }: Data): Promise<ReadonlyArray<string>> => {
  const trial = JSON.parse(readFileSync(join(folder, `.fliqs/trials/${id}/trial.json`), "utf8"))
  const kept = readFileSync(join(folder, `.fliqs/trials/${id}/model.safetensors`))
  const model = Result.getOrThrow(readFound(kept, { id, space: trial.declaration.space }))
  const bytes = await Promise.all(
    images.map(({ png }) => sharp(pngOf(png)).removeAlpha().raw().toBuffer()),
  )
  const child = openChild(model)
  const logits = child.logits({ images: Buffer.concat(bytes), count: images.length })
  child.dispose()
  return images.map((_, i) => {
    const own = logits.subarray(i * classes.length, (i + 1) * classes.length)
    return classes[own.indexOf(Math.max(...own))]!
  })
}

beforeAll(async () => {
  await Effect.runPromise(load({ threads: 1 }))
  const run = await fliqs(["run", "experiment.yaml"], at)
  if (run.code !== 0) throw new Error(run.stderr)
  const listed = json<ReadonlyArray<{ readonly id: string }>>(await fliqs(["list", "--json"], at))
  id = listed[0]!.id
}, minutes(3))
afterAll(remove)

describe("fliqs export", () => {
  it.each([
    ["tfjs", /TensorFlow\.js 4\.22\.0 on wasm: 32 of 32 test images/],
    ["savedmodel", /TensorFlow 2\.\d+\.\d+: 32 of 32 test images/],
  ])("--to %s compares what it wrote", async (to, words) => {
    const out = join(folder, to)
    const answer = await fliqs(["export", id, "--to", to, "--out", out, "--images", "32"], at)
    expect([answer.code, answer.stdout.toString()]).toEqual([0, expect.stringMatching(words)])
  })
})

it(
  "writes a folder that asks nothing of a network",
  async () => {
    const answer = await fliqs(["demo", id, "--out", "page", "--images", "32", "--json"], at)
    expect([answer.code, answer.stderr]).toEqual([0, ""])
    const said = json<{ readonly page: string; readonly verified: { readonly passed: boolean } }>(
      answer,
    )
    expect(said).toMatchObject({ trial: id, page: "page/index.html", verified: { passed: true } })
    for (const file of ["index.html", "style.css", "page.js"])
      expect(readFileSync(join(folder, "page", file), "utf8")).not.toMatch(/https?:/)
    const text = readFileSync(join(folder, "page/data.js"), "utf8")
    data = JSON.parse(text.replace("window.fliqsDemo = ", "")) as Data
    expect(data.images).toHaveLength(12)
    expect(data.layers.map(({ path }) => path)).toEqual(["stem", "body", "classifier"])
    expect(data.layers.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
    answers = await answersOf(data)
  },
  minutes(1),
)

describe.skipIf(program === undefined)("in a browser", () => {
  const types: Readonly<Record<string, string>> = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".png": "image/png",
  }
  let server: Server
  let browser: Browser
  let origin = ""
  const complaints: Array<string> = []

  beforeAll(async () => {
    server = createServer(({ url = "/" }, reply) => {
      const file = join(folder, url)
      const type = types[extname(file)] ?? "application/octet-stream"
      reply.writeHead(existsSync(file) ? 200 : 404, { "content-type": type })
      reply.end(existsSync(file) ? readFileSync(file) : "")
    })
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve)
    })
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await chromium.launch({
      executablePath: program!,
      args: ["--no-sandbox", "--disable-quic", "--disable-background-networking"],
    })
  }, minutes(1))
  afterAll(async () => {
    await browser.close()
    server.close()
  })

  /** A page in a profile of its own; what it complains of, and what it asks of elsewhere, is kept. */
  const open = async (url: string, colorScheme: "light" | "dark" = "light"): Promise<Page> => {
    complaints.length = 0
    const page = await (await browser.newContext({ colorScheme })).newPage()
    page.on("console", (message) => complaints.push(message.text()))
    page.on("pageerror", ({ message }) => complaints.push(message))
    page.on("request", (request) => {
      if (!/^(data|blob|file):/.test(request.url()) && !request.url().startsWith(origin))
        complaints.push(request.url())
    })
    await page.goto(url)
    return page
  }
  const answerTo = async (page: Page, words: string): Promise<string> => {
    await page.locator("#of", { hasText: words }).waitFor()
    return (await page.locator("#top li").first().textContent())!.replace(/: [\d.]+ %$/, "")
  }

  it("answers every test image as the network does, by keyboard alone", async () => {
    const page = await open(`${origin}/page/index.html`)
    await page.getByRole("radio").first().waitFor()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    const given: Array<string> = []
    for (const [i] of data.images.entries()) {
      given.push(await answerTo(page, `Test image ${i + 1}:`))
      await page.keyboard.press("ArrowRight")
    }
    expect(given).toEqual(answers)
    expect(await page.locator("#top li").count()).toBe(5)
    expect(await page.locator("#time").textContent()).toMatch(/^[\d.]+ ms on this machine/)
    await page.keyboard.press("Tab")
    expect(await page.locator("#file:focus").count()).toBe(1)
    expect(complaints).toEqual([])
  })

  it("has names for what is on it, and a row for every layer", async () => {
    const page = await open(`${origin}/page/index.html`, "dark")
    const name = `Test image 1: ${data.classes[data.images[0]!.label]!}`
    await page.getByRole("radio", { name, exact: true }).waitFor()
    expect(await page.getByLabel(/^Or an image of your own/).count()).toBe(1)
    expect(await page.getByRole("rowheader").allTextContents()).toEqual([
      "stem",
      "body",
      "classifier",
    ])
    expect(await page.getByRole("columnheader").count()).toBe(6)
    const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    expect(ground).toBe("rgb(22, 22, 26)")
    expect(complaints).toEqual([])
  })

  it("takes an image of one's own, chosen or dropped, and says what is none", async () => {
    const page = await open(`${origin}/page/index.html`)
    await page.getByRole("radio").first().waitFor()
    const own = { name: "own.png", mimeType: "image/png", buffer: pngOf(data.images[3]!.png) }
    await page.getByLabel(/^Or an image/).setInputFiles(own)
    expect(await answerTo(page, "own.png")).toBe(answers[3])
    const dropped = await page.evaluateHandle(`(async () => {
      const blob = await (await fetch(${JSON.stringify(data.images[5]!.png)})).blob()
      const transfer = new DataTransfer()
      transfer.items.add(new File([blob], "dropped.png", { type: "image/png" }))
      return transfer
    })()`)
    await page.dispatchEvent("body", "drop", { dataTransfer: dropped })
    expect(await answerTo(page, "dropped.png")).toBe(answers[5])
    const text = { name: "words.txt", mimeType: "text/plain", buffer: Buffer.from("words") }
    await page.getByLabel(/^Or an image/).setInputFiles(text)
    await page.getByText("words.txt is no image that this browser reads").waitFor()
    expect(complaints).toEqual([])
  })

  it("works when it is opened from the disk", async () => {
    const page = await open(pathToFileURL(join(folder, "page/index.html")).href)
    await page.getByRole("radio").first().check({ force: true })
    expect(await answerTo(page, "Test image 1:")).toBe(answers[0])
    expect(complaints).toEqual([])
  })

  it("runs the lines of docs/export.md", async () => {
    const out = join(folder, "found")
    const words = ["export", id, "--to", "tfjs", "--out", out, "--input", "uint8", "--images", "32"]
    expect((await fliqs(words, at)).code).toBe(0)
    const packages = createRequire(import.meta.url)
    const bundle = packages.resolve("@tensorflow/tfjs/dist/tf.min.js")
    writeFileSync(join(folder, "tf.min.js"), readFileSync(bundle))
    writeFileSync(join(folder, "image.png"), pngOf(data.images[1]!.png))
    const lines = exampleOf("TensorFlow.js", "html").replaceAll('"32"', '"8"')
    writeFileSync(join(folder, "example.html"), lines)
    const page = await open(`${origin}/example.html`)
    await page.waitForFunction(`document.title !== ''`)
    expect(await page.title()).toBe(answers[1])
  })
})
