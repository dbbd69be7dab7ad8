import * as fs from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { ConfigProvider, Effect, Layer, Logger, Option, Redacted, References } from "effect"
import { afterEach, describe, expect, it } from "vitest"
import * as Settings from "../../src/track/TrackingSettings.ts"
import { layerMlflow, Tracker } from "../../src/track/Tracker.ts"
import { makeState, writeGrid, writeTrial } from "./grid.ts"
import { StubServer } from "./StubServer.ts"

const whole = (variables: Record<string, string>) =>
  Effect.runPromise(
    Settings.read.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables)))),
  )
const read = async (variables: Record<string, string>) => (await whole(variables)).settings
const notes = async (variables: Record<string, string>) => (await whole(variables)).notes
const certificate = join(import.meta.dirname, "fixtures", "server.crt")

describe("the environment", () => {
  it("without an address names no server", async () => {
    expect(Option.isNone(await read({}))).toBe(true)
    expect(Option.isNone(await read({ MLFLOW_TRACKING_URI: "" }))).toBe(true)
    expect(await notes({ MLFLOW_TRACKING_URI: "" })).toEqual([])
    expect(Option.isNone(await read({ MLFLOW_TRACKING_URI: " \t" }))).toBe(true)
    expect(await notes({ MLFLOW_TRACKING_URI: " \t" })).toEqual([
      "MLFLOW_TRACKING_URI is blank and taken as not set",
    ])
  })

  it("gives MLflow's own defaults and takes its own variables", async () => {
    const plain = Option.getOrThrow(await read({ MLFLOW_TRACKING_URI: "http://h:5000/" }))
    expect(plain).toMatchObject({
      url: "http://h:5000",
      target: "http://h:5000",
      credentials: { kind: "none" },
      insecureTls: false,
      timeout: 120_000,
      maxRetries: 5,
    })
    const all = Option.getOrThrow(
      await read({
        MLFLOW_TRACKING_URI: "https://h/some/path/?q#f",
        MLFLOW_TRACKING_INSECURE_TLS: "true",
        MLFLOW_TRACKING_SERVER_CERT_PATH: certificate,
        MLFLOW_EXPERIMENT_NAME: "e",
        MLFLOW_HTTP_REQUEST_TIMEOUT: "7",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES: "2",
      }),
    )
    expect(all).toMatchObject({
      url: "https://h/some/path",
      insecureTls: true,
      certificates: fs.readFileSync(certificate, "utf8"),
      experimentName: "e",
      timeout: 7000,
      maxRetries: 2,
    })
  })

  it("prefers user and password to a token, and variables to the address", async () => {
    const both = await read({
      MLFLOW_TRACKING_URI: "http://a:b@h",
      MLFLOW_TRACKING_USERNAME: "u",
      MLFLOW_TRACKING_PASSWORD: "p",
      MLFLOW_TRACKING_TOKEN: "t",
    })
    expect(Option.getOrThrow(both).credentials).toMatchObject({ kind: "basic", username: "u" })
    const token = await read({ MLFLOW_TRACKING_URI: "http://h", MLFLOW_TRACKING_TOKEN: "t" })
    expect(Option.getOrThrow(token).credentials.kind).toBe("bearer")
    const address = await read({ MLFLOW_TRACKING_URI: "http://a%40b:c@h" })
    expect(Option.getOrThrow(address)).toMatchObject({
      url: "http://h",
      credentials: { username: "a@b" },
    })
  })

  it("takes a user without a password from the address alone, as a token", async () => {
    const token = await read({ MLFLOW_TRACKING_URI: "http://t0k@h" })
    expect(Option.getOrThrow(token).credentials).toMatchObject({ kind: "basic", username: "t0k" })
  })

  it("takes a token without the line break of the file it came from", async () => {
    const found = await read({ MLFLOW_TRACKING_URI: "http://h", MLFLOW_TRACKING_TOKEN: "t0ken\n" })
    const { credentials } = Option.getOrThrow(found)
    expect(credentials.kind === "bearer" && Redacted.value(credentials.token)).toBe("t0ken")
  })

  it.each([
    [{ MLFLOW_TRACKING_URI: "h:5000" }, "MLFLOW_TRACKING_URI is"],
    [{ MLFLOW_TRACKING_USERNAME: "u" }, "MLFLOW_TRACKING_USERNAME is not used"],
    [{ MLFLOW_TRACKING_PASSWORD: "p" }, "MLFLOW_TRACKING_PASSWORD is not used"],
  ])("says of %j what became of it", async (variables: Record<string, string>, words) => {
    const said = await notes({ MLFLOW_TRACKING_URI: "http://h", ...variables })
    expect(said).toHaveLength(1)
    expect(said[0]).toContain(words)
  })

  it.each([
    [{ MLFLOW_TRACKING_URI: "sqlite:///x" }, "MLFLOW_TRACKING_URI is"],
    [{ MLFLOW_HTTP_REQUEST_TIMEOUT: "soon" }, "MLFLOW_HTTP_REQUEST_TIMEOUT is"],
    [{ MLFLOW_HTTP_REQUEST_TIMEOUT: "0" }, "expected a number of more than 0"],
    [{ MLFLOW_HTTP_REQUEST_MAX_RETRIES: "-1" }, "MLFLOW_HTTP_REQUEST_MAX_RETRIES is"],
    [{ MLFLOW_TRACKING_INSECURE_TLS: "yes" }, "expected true or false"],
    [{ MLFLOW_TRACKING_SERVER_CERT_PATH: "/nowhere.pem" }, "cannot be read (ENOENT)"],
    [{ MLFLOW_TRACKING_SERVER_CERT_PATH: "/" }, "cannot be read (EISDIR)"],
    [{ MLFLOW_TRACKING_SERVER_CERT_PATH: import.meta.filename }, "holds no certificate"],
    [{ MLFLOW_TRACKING_TOKEN: "a\nb" }, "MLFLOW_TRACKING_TOKEN holds a line break"],
    [{ MLFLOW_TRACKING_TOKEN: "a€b" }, "MLFLOW_TRACKING_TOKEN holds"],
    [{ HTTP_PROXY: "socks5://p:1" }, "HTTP_PROXY has the scheme socks5"],
  ])(
    "refuses %j by name, as a person's to change",
    async (variables: Record<string, string>, words) => {
      const failure: unknown = await read({ MLFLOW_TRACKING_URI: "http://h", ...variables }).catch(
        (cause: unknown) => cause,
      )
      expect(failure).toMatchObject({ reason: { _tag: "WrongSetting" }, isRetryable: false })
      expect(String(failure)).toContain(words)
    },
  )
})

const base64 = (text: string) => Buffer.from(text).toString("base64").replace(/=+$/, "")

/** A secret in every spelling in which it travels. */
const spell = (canary: string, user: string | undefined) => [
  canary,
  encodeURIComponent(canary),
  encodeURIComponent(canary).replace(/%../g, (code) => code.toLowerCase()),
  encodeURIComponent(canary).replaceAll("%2F", "/"),
  new URLSearchParams({ "": canary }).toString().slice(1),
  canary.replace(/[/+=]/g, (sign) => `&#x${sign.charCodeAt(0).toString(16)};`),
  canary.replace(/[/+= ]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`),
  encodeURIComponent(encodeURIComponent(canary)),
  base64(canary),
  ...(user === undefined ? [] : [base64(`${user}:${canary}`)]),
]

const files = (folder: string): ReadonlyArray<string> =>
  fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).flatMap((name) => {
    const path = join(folder, name)
    return fs.statSync(path).isFile() ? [fs.readFileSync(path, "utf8")] : []
  })

describe("secrets", () => {
  const canaries = ["c4nary/p4ss word+1", "c4naryT0ken=="]
  const state = makeState()
  afterEach(() => fs.rmSync(state, { recursive: true, force: true }))

  it.each([
    ["a password", { MLFLOW_TRACKING_USERNAME: "ann", MLFLOW_TRACKING_PASSWORD: canaries[0]! }],
    ["a token", { MLFLOW_TRACKING_TOKEN: canaries[1]! }],
    ["an address", {}],
  ])(
    "from %s reach the server and nothing else, even when it echoes them",
    async (from, variables) => {
      const spellings =
        from === "a token" ? spell(canaries[1]!, undefined) : spell(canaries[0]!, "ann")
      const stub = new StubServer()
      await stub.listen()
      const host =
        from === "an address"
          ? stub.url.replace("://", `://ann:${encodeURIComponent(canaries[0]!)}@`)
          : stub.url
      let echoes = 0
      stub.misbehave = ({ authorization = "" }, count) => {
        if (count % 2 === 0) return undefined
        echoes += 1
        const words = [authorization, authorization.split(" ")[1] ?? "", ...spellings].join(" ")
        const status = [400, 401, 500, 200, 302][echoes % 5]!
        const body = count % 4 === 1 ? words : JSON.stringify({ error_code: words, message: words })
        return { kind: "answer", status, body }
      }
      writeGrid(state)
      writeTrial(state, "a", 3)
      const logs: Array<unknown> = []
      const outcomes = []
      const world = Layer.mergeAll(
        Logger.layer([Logger.make(({ message, cause }) => logs.push(message, cause))]),
        Layer.succeed(References.MinimumLogLevel, "Trace"),
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            MLFLOW_TRACKING_URI: host,
            MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
            ...variables,
          }),
        ),
      )
      // A busy machine gets less done in one flush.
      const isEnough = () => echoes > 4
      for (let i = 0; i < 5 || (!isEnough() && i < 30); i++) {
        outcomes.push(
          await Effect.runPromise(
            Effect.flatMap(Tracker, (tracker) =>
              Effect.andThen(tracker.watchAll, tracker.flush(400)),
            ).pipe(
              Effect.provide(layerMlflow({ stateFolder: state }).pipe(Layer.provideMerge(world))),
            ),
          ),
        )
      }
      await stub.close()
      expect(echoes).toBeGreaterThan(4)
      expect(
        stub.seen.every(({ authorization }) => /^(Basic|Bearer) ./.test(authorization ?? "")),
      ).toBe(true)
      const told = [
        inspect(outcomes, { depth: 20, showHidden: true }),
        JSON.stringify(outcomes),
        inspect(logs, { depth: 20, showHidden: true }),
        ...outcomes.map(({ problem }) => `${problem} ${problem?.stack}`),
        ...files(state),
      ].join("\n")
      expect(told).toContain("<redacted>")
      expect(spellings.filter((spelling) => told.includes(spelling))).toEqual([])
    },
  )
})
