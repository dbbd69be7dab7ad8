/** Commands and the tracking settings: what can never work is refused before anything begins, and no secret comes out. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { ProxyServer } from "../track/ProxyServer.ts"
import { StubServer } from "../track/StubServer.ts"
import { type Answer, experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"

const tracked = experiment.replace("track: { kind: none }\n", "").replace("steps: 300", "steps: 8")
const files = { "space.yaml": space, "experiment.yaml": tracked }
const { folder, remove } = makeFolder(files)
afterAll(remove)

const said = ({ stdout, stderr }: Answer) => `${stdout.toString()}\n${stderr}`

const refused: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
  ["sqlite:///mlflow.db", "a database", ["run", "experiment.yaml"]],
  ["./mlruns", "no scheme", ["run", "experiment.yaml"]],
  ["file:///mlruns", "a folder", ["sync"]],
  ["databricks", "Databricks", ["ui"]],
  ["databricks://profile", "Databricks", ["doctor"]],
  ["postgresql://h/db", "a database", ["trial", "--id", "0123456789abcdef", "--state", ".fliqs"]],
]

describe("an address that can never work", () => {
  it.each(refused)("%s (%s) is refused by %j before it begins", async (address, words, command) => {
    const env = { MLFLOW_TRACKING_URI: address }
    const answer = await fliqs(command, { cwd: folder, env })
    expect(answer.code).toBe(2)
    expect(said(answer)).toContain(`MLFLOW_TRACKING_URI is "${address}"`)
    expect(said(answer)).toContain(words)
    expect(said(answer)).toContain("unset it, and fliqs starts a server of its own")
    expect(existsSync(join(folder, ".fliqs"))).toBe(false)
  })

  it("does not keep a run without a tracker from its trials", async () => {
    const answer = await fliqs(["run", "experiment.yaml", "--no-track", "--state", "untracked"], {
      cwd: folder,
      env: { MLFLOW_TRACKING_URI: "sqlite:///mlflow.db" },
    })
    expect(answer.code).toBe(0)
  })
})

describe("an address that is plain enough", () => {
  it("is read as one by HTTP, and that is said", async () => {
    const stub = new StubServer()
    await stub.listen()
    const env = { MLFLOW_TRACKING_URI: stub.url.replace("http://", "") }
    const answer = await fliqs(["doctor", "--json"], { cwd: folder, env })
    await stub.close()
    expect(answer.stderr).toContain(`read as ${stub.url}/`)
    const findings = json<Array<{ name: string; found: string }>>(answer)
    expect(findings.find(({ name }) => name === "mlflow")?.found).toBe(
      `${stub.url}, version 3.18.0`,
    )
  })
})

describe("proxies", () => {
  it("are gone through by doctor and named, unless NO_PROXY names the host", async () => {
    const [proxy, stub] = [new ProxyServer(), new StubServer()]
    await Promise.all([proxy.listen(), stub.listen()])
    const named = `http://tracker.test:${stub.port}`
    const env = { MLFLOW_TRACKING_URI: named, http_proxy: `http://ann:hunter22@${proxy.address}` }
    const through = await fliqs(["doctor"], { cwd: folder, env })
    const around = await fliqs(["doctor"], {
      cwd: folder,
      env: { ...env, MLFLOW_TRACKING_URI: stub.url, no_proxy: "localhost,127.0.0.1" },
    })
    await Promise.all([proxy.close(), stub.close()])
    expect(said(through)).toContain(
      `${named}, version 3.18.0, through the proxy http://${proxy.address} of http_proxy`,
    )
    expect(said(around)).toContain(`${stub.url}, version 3.18.0\n`)
    expect(new Set(proxy.seen)).toEqual(
      new Set([
        `GET ${named}/health`,
        `GET ${named}/version`,
        `POST ${named}/api/2.0/mlflow/experiments/search`,
      ]),
    )
    expect(said(through) + said(around)).not.toContain("hunter22")
  })
})

const password = `c4nary/p4ss w"ord+1'&<`
const spellings = [
  password,
  encodeURIComponent(password),
  encodeURIComponent(password).replace(/%../g, (code) => code.toLowerCase()),
  encodeURIComponent(password).replaceAll("%2F", "/"),
  new URLSearchParams({ "": password }).toString().slice(1),
  password.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`),
  password.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;"),
  JSON.stringify(password).slice(1, -1),
  password.replace(/["'&</+]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`),
  encodeURIComponent(encodeURIComponent(password)),
  Buffer.from(`ann:${password}`).toString("base64"),
  Buffer.from(password).toString("base64"),
]
const env = { MLFLOW_TRACKING_USERNAME: "ann", MLFLOW_TRACKING_PASSWORD: password }

const filesIn = (path: string): ReadonlyArray<string> =>
  readdirSync(path, { recursive: true, encoding: "utf8" })
    .map((name) => join(path, name))
    .filter((name) => statSync(name).isFile())
    .map((name) => readFileSync(name, "latin1"))

describe("a server that echoes the password", () => {
  const stub = new StubServer()
  beforeAll(() => stub.listen())
  afterAll(() => stub.close())
  afterEach(() => (stub.misbehave = () => undefined))

  const withoutSecrets = (text: string) => {
    expect(spellings.filter((spelling) => text.includes(spelling))).toEqual([])
    expect(text).not.toContain("p4ss")
  }

  it.each([200, 401, 404, 500])("with %s: doctor tells none of it", async (status) => {
    stub.misbehave = ({ path }) =>
      path === "/health"
        ? undefined
        : { kind: "answer", status, body: `you sent ${spellings.join(" ")}!` }
    const answer = await fliqs(["doctor", "--json"], {
      cwd: folder,
      env: { ...env, MLFLOW_TRACKING_URI: stub.url },
    })
    expect(answer.code).toBe(3)
    withoutSecrets(said(answer))
  })

  it("run and sync tell none of it, and no file holds it", async () => {
    stub.misbehave = (_, count) => ({
      kind: "answer",
      status: [400, 401, 500, 200][count % 4]!,
      body:
        count % 3 === 0 ? spellings.join(" ") : JSON.stringify({ message: spellings.join(" ") }),
    })
    const at = {
      cwd: folder,
      env: { ...env, MLFLOW_TRACKING_URI: stub.url, MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0" },
    }
    const ran = await fliqs(["run", "experiment.yaml", "--set", "train.steps=9"], at)
    expect(ran.code).toBe(0)
    expect(ran.stderr).toContain("<redacted>")
    stub.misbehave = () => ({ kind: "answer", status: 401, body: spellings.join(" ") })
    const sent = await fliqs(["sync", "--json"], at)
    expect(sent.code).toBe(3)
    expect(said(sent)).toContain("<redacted>")
    withoutSecrets(said(ran) + said(sent))
    withoutSecrets(filesIn(join(folder, ".fliqs")).join("\n"))
  })
})
