import * as fs from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { ConfigProvider, Effect, Layer, Logger, Option, References } from "effect"
import { afterEach, describe, expect, it } from "vitest"
import * as Settings from "../../src/track/Settings.ts"
import { layerMlflow, Tracker } from "../../src/track/Tracker.ts"
import { makeState, writeGrid, writeTrial } from "./grid.ts"
import { StubServer } from "./StubServer.ts"

const read = (variables: Record<string, string>) =>
  Effect.runPromise(
    Settings.fromEnvironment.pipe(
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables))),
    ),
  )

describe("the environment", () => {
  it("without an address names no server", async () => {
    expect(Option.isNone(await read({}))).toBe(true)
    expect(Option.isNone(await read({ MLFLOW_TRACKING_URI: "" }))).toBe(true)
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
        MLFLOW_TRACKING_SERVER_CERT_PATH: "/ca.pem",
        MLFLOW_EXPERIMENT_NAME: "e",
        MLFLOW_HTTP_REQUEST_TIMEOUT: "7",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES: "2",
      }),
    )
    expect(all).toMatchObject({
      url: "https://h/some/path",
      insecureTls: true,
      serverCertificate: "/ca.pem",
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

  it.each([
    ["not a url", "is not a URL"],
    ["ftp://h", "expected http or https"],
    ["file:///mlruns", "expected http or https"],
    ["databricks", "is not a URL"],
  ])("refuses %s", async (address, words) => {
    await expect(read({ MLFLOW_TRACKING_URI: address })).rejects.toThrow(words)
  })

  it("refuses numbers that are none", async () => {
    await expect(
      read({ MLFLOW_TRACKING_URI: "http://h", MLFLOW_HTTP_REQUEST_TIMEOUT: "soon" }),
    ).rejects.toThrow("MLFLOW_HTTP_REQUEST_TIMEOUT is soon; expected a number")
  })
})

const base64 = (text: string) => Buffer.from(text).toString("base64").replace(/=+$/, "")

/** A secret in every spelling in which it travels. */
const spell = (canary: string, user: string | undefined) => [
  canary,
  encodeURIComponent(canary),
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
      for (let i = 0; i < 5; i++) {
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
