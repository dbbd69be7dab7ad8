/** The lines of docs/export.md that run an ONNX file, as they stand: in Node, Python, C++ and a browser. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { basename, extname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chromiumProgram, openPage, startChromium } from "../../scripts/chromium.ts"
import { writeOnnx } from "../../src/export/onnx/OnnxModel.ts"
import { loadOrt } from "../../src/export/onnx/OnnxRuntime.ts"
import { usualOptions } from "../../src/export/Target.ts"
import { loadBackend } from "../tensor/support.ts"
import { modelOf } from "./models.ts"
import { exampleOf } from "./page.ts"
import { missingOf, onnxEnvironment } from "./python.ts"
import { onnxruntimeHeaders, onnxruntimeLibrary, onnxruntimeWeb } from "./runtimes.ts"
import { convolutions, first } from "./verified.ts"

const folder = mkdtempSync(join(tmpdir(), "fliqs-onnx-examples-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = join(folder, "model.onnx")
let classNames: ReadonlyArray<string>
/** The class that the lines print for an image of zeros. */
let answer: number

/** Runs the lines for JavaScript with an `ort`; what they print. */
const linesIn = async (ort: unknown, lines: string): Promise<ReadonlyArray<unknown>> => {
  const printed: Array<unknown> = []
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor
  const console = { log: (line: unknown) => printed.push(line) }
  await new AsyncFunction("ort", "console", lines)(ort, console)
  return printed
}

beforeAll(async () => {
  await loadBackend(true)
  const yaml = convolutions("", "INT4").replace("height: 12, width: 12", "height: 32, width: 32")
  const model = modelOf(yaml, first)
  classNames = model.classNames
  writeFileSync(file, writeOnnx(model, usualOptions))
  const [printed] = await linesIn(loadOrt(), exampleOf("ONNX", "js").replace("model.onnx", file))
  answer = printed as number
})

it("Node", () => {
  expect(answer).toBeOneOf([0, 1, 2, 3])
})

describe("Python", () => {
  let missing: string | undefined
  beforeAll(() => {
    missing = missingOf(onnxEnvironment.ensure, "onnx for Python")
  }, 600_000)

  it("prints the name of the class", ({ skip }) => {
    skip(missing !== undefined)
    const printed = execFileSync(onnxEnvironment.python, ["-c", exampleOf("ONNX", "python")], {
      cwd: folder,
      encoding: "utf8",
    })
    expect(printed.trim()).toBe(classNames[answer])
  })
})

describe("C++", () => {
  let missing: string | undefined
  beforeAll(() => {
    missing = missingOf(onnxruntimeHeaders, "the C++ headers of onnxruntime")
  }, 600_000)

  it("compiles and prints the class", ({ skip }) => {
    skip(missing !== undefined)
    writeFileSync(join(folder, "main.cc"), exampleOf("ONNX", "cpp"))
    const library = join(onnxruntimeLibrary(), "libonnxruntime.so.1")
    const flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-isystem", onnxruntimeHeaders()]
    execFileSync("g++", [...flags, "main.cc", library, "-o", "main"], { cwd: folder })
    const printed = execFileSync(join(folder, "main"), {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, LD_LIBRARY_PATH: onnxruntimeLibrary() },
    })
    expect(Number(printed)).toBe(answer)
  }, 120_000)
})

describe.skipIf(chromiumProgram === undefined)("a browser", () => {
  let missing: string | undefined
  beforeAll(() => {
    missing = missingOf(onnxruntimeWeb, "onnxruntime-web")
  }, 600_000)

  const types: Readonly<Record<string, string>> = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
  }
  const page = `<!doctype html><title>ONNX</title><link rel="icon" href="data:,">
<script src="ort.min.js"></script>
<script type="module">
${exampleOf("ONNX", "js").replaceAll("console.log", "window.printed = ")}
</script>`

  it("prints the class", async ({ skip }) => {
    skip(missing !== undefined)
    const server = createServer(({ url = "/" }, reply) => {
      const name = basename(url)
      const content =
        name === ""
          ? page
          : readFileSync(name === "model.onnx" ? file : join(onnxruntimeWeb(), name))
      const type = types[extname(name) || ".html"] ?? "application/octet-stream"
      reply.writeHead(200, { "content-type": type }).end(content)
    })
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve)
    })
    const browser = await startChromium()
    const errors: Array<string> = []
    try {
      const address = server.address() as AddressInfo
      const opened = await openPage(browser, `http://127.0.0.1:${address.port}/`, errors)
      const printed = await opened.waitForFunction("window.printed")
      expect([await printed.jsonValue(), errors]).toEqual([answer, []])
    } finally {
      await browser.close()
      server.close()
    }
  }, 120_000)
})
