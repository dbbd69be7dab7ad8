/** Which proxy an address goes through, and that requests do go through it. */
import { readFileSync } from "node:fs"
import { createServer } from "node:https"
import { type AddressInfo } from "node:net"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { ConfigProvider, Effect, Layer, Option, Redacted } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as MlflowHealth from "../../src/track/mlflow/MlflowHealth.ts"
import * as MlflowHttp from "../../src/track/mlflow/MlflowHttp.ts"
import { proxyFor } from "../../src/track/Proxy.ts"
import * as Settings from "../../src/track/TrackingSettings.ts"
import { ProxyServer } from "./ProxyServer.ts"
import { StubServer } from "./StubServer.ts"

const decide = (address: string, variables: Record<string, string>) => {
  const proxy = proxyFor(new URL(address), variables)
  return typeof proxy === "object" ? Redacted.value(proxy.address) : proxy
}

const [plain, secure] = ["http://h.example:5000/", "https://h.example/"]
const [one, two, three] = ["http://one:1/", "http://two:2/", "http://three:3/"]

describe("the proxy of an address", () => {
  it.each<[string, string, Record<string, string>, string | undefined]>([
    ["none without a variable", plain, {}, undefined],
    ["HTTP_PROXY for http", plain, { HTTP_PROXY: one }, one],
    ["not HTTP_PROXY for https", secure, { HTTP_PROXY: one }, undefined],
    ["HTTPS_PROXY for https", secure, { HTTPS_PROXY: two, HTTP_PROXY: one }, two],
    ["not HTTPS_PROXY for http", plain, { HTTPS_PROXY: two }, undefined],
    ["lower case first", plain, { HTTP_PROXY: one, http_proxy: two }, two],
    ["an empty lower case: none", plain, { HTTP_PROXY: one, http_proxy: "" }, undefined],
    ["ALL_PROXY for both", secure, { ALL_PROXY: three }, three],
    ["ALL_PROXY last", plain, { ALL_PROXY: three, HTTP_PROXY: one }, one],
    ["without a scheme", plain, { HTTP_PROXY: "one:1" }, one],
    ["with user and password", plain, { HTTP_PROXY: "u:p@one:1" }, "http://u:p@one:1/"],
    ["by https itself", secure, { https_proxy: "https://one" }, "https://one/"],
    ["blank: none", plain, { HTTP_PROXY: "  " }, undefined],
  ])("%s", (_, address, variables, found) => expect(decide(address, variables)).toBe(found))

  it.each([
    ["socks5://one:1", "scheme socks5"],
    ["http://one:99999", "is no address"],
    ["http://", "is no address"],
  ])("refuses %s by name", (proxy, words) => {
    expect(decide(plain, { HTTP_PROXY: proxy })).toContain("HTTP_PROXY")
    expect(decide(plain, { HTTP_PROXY: proxy })).toContain(words)
    // What does not apply is not looked at.
    expect(decide(secure, { HTTP_PROXY: proxy })).toBeUndefined()
    expect(decide(plain, { HTTP_PROXY: proxy, NO_PROXY: "*" })).toBeUndefined()
  })

  it.each([
    ["*", plain, true],
    ["other, *", plain, true],
    ["*:80", plain, false],
    ["h.example", plain, true],
    ["H.Example", plain, true],
    ["h.example.", plain, true],
    ["example", plain, true],
    [".example", plain, true],
    ["*.example", plain, true],
    ["*.h.example", plain, false],
    [".h.example", plain, true],
    ["xample", plain, false],
    ["h.example:5000", plain, true],
    ["h.example:80", plain, false],
    ["h.example:443", secure, true],
    ["h.example:80", secure, false],
    ["a b,h.example", plain, true],
    ["", plain, false],
    ["127.0.0.1", "http://127.0.0.1:5000", true],
    ["127.0.0.1:5000", "http://127.0.0.1:5000", true],
    ["127.0.0.1:5001", "http://127.0.0.1:5000", false],
    ["127.0.0.1", "http://localhost:5000", false],
    ["localhost", "http://localhost:5000", true],
    ["0.0.1", "http://127.0.0.1:5000", true],
    ["10.0.0.0/8", "http://10.2.3.4", true],
    ["10.0.0.0/8", "http://11.2.3.4", false],
    ["10.0.0.0/8:80", "http://10.2.3.4", true],
    ["10.0.0.0/99", "http://10.2.3.4", false],
    ["127.0.0.0/8", "http://127.9.9.9:1", true],
    ["10.0.0.0/8", "http://h.example", false],
    ["::1", "http://[::1]:5000", true],
    ["[::1]", "http://[::1]:5000", true],
    ["[::1]:5000", "http://[::1]:5000", true],
    ["[::1]:1", "http://[::1]:5000", false],
    ["fd00::/8", "http://[fd12::3]", true],
    ["fd00::/8", "http://[fe80::3]", false],
  ])("NO_PROXY=%s for %s", (list, address, isExcepted) => {
    const all = { HTTP_PROXY: one, HTTPS_PROXY: one }
    const found = isExcepted ? undefined : one
    expect(decide(address, { ...all, NO_PROXY: list })).toBe(found)
    expect(decide(address, { ...all, NO_PROXY: "*", no_proxy: list })).toBe(found)
  })
})

const found = (variables: Record<string, string>) =>
  Effect.runPromise(
    Settings.fromEnvironment.pipe(
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables))),
    ),
  ).then(Option.getOrThrow)

const version = (settings: Settings.Settings) =>
  Effect.runPromise(
    MlflowHttp.make({ ...settings, timeout: 5000 }).pipe(
      Effect.flatMap(MlflowHealth.version),
      Effect.provide(MlflowHttp.layerHttp(settings).pipe(Layer.provideMerge(NodeServices.layer))),
    ),
  )

describe("requests", () => {
  let proxy: ProxyServer
  let stub: StubServer
  beforeEach(async () => {
    proxy = new ProxyServer()
    stub = new StubServer()
    await Promise.all([proxy.listen(), stub.listen()])
  })
  afterEach(() => Promise.all([proxy.close(), stub.close()]))

  const tracker = () => `http://tracker.test:${stub.port}`

  it("go through the proxy, which knows names that this machine does not", async () => {
    const settings = await found({
      MLFLOW_TRACKING_URI: tracker(),
      MLFLOW_TRACKING_TOKEN: "t0ken",
      HTTP_PROXY: `http://ann:p%40ss%20word@${proxy.address}`,
    })
    expect(await version(settings)).toBe("3.18.0")
    expect(proxy.seen).toEqual([`GET ${tracker()}/version`])
    expect(proxy.authorizations).toEqual([
      `Basic ${Buffer.from("ann:p@ss word").toString("base64")}`,
    ])
    expect(stub.seen.map(({ authorization }) => authorization)).toEqual(["Bearer t0ken"])
  })

  it("go around it where NO_PROXY says so", async () => {
    const settings = await found({
      MLFLOW_TRACKING_URI: stub.url,
      HTTP_PROXY: proxy.address,
      NO_PROXY: "127.0.0.1",
    })
    expect(await version(settings)).toBe("3.18.0")
    expect(proxy.seen).toEqual([])
  })

  it("by https tunnel through it, and the certificate is that of the server", async () => {
    const folder = join(import.meta.dirname, "fixtures")
    const server = createServer(
      {
        key: readFileSync(join(folder, "server.key")),
        cert: readFileSync(join(folder, "server.crt")),
      },
      (_, response) => response.end("3.18.0"),
    )
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    const variables = {
      MLFLOW_TRACKING_URI: `https://tracker.test:${port}`,
      https_proxy: `ann:secret@${proxy.address}`,
    }
    const trusting = await found({
      ...variables,
      MLFLOW_TRACKING_SERVER_CERT_PATH: join(folder, "server.crt"),
    })
    expect(await version(trusting)).toBe("3.18.0")
    const careless = await found({ ...variables, MLFLOW_TRACKING_INSECURE_TLS: "True" })
    expect(await version(careless)).toBe("3.18.0")
    await expect(version(await found(variables))).rejects.toThrow(/self-signed|SELF_SIGNED/)
    server.close()
    server.closeAllConnections()
    expect(proxy.seen).toEqual(Array.from({ length: 3 }, () => `CONNECT tracker.test:${port}`))
    expect(proxy.authorizations[0]).toBe(`Basic ${Buffer.from("ann:secret").toString("base64")}`)
  })

  it.each([407, 502, 403])(
    "refused by the proxy with %s name it, not its password",
    async (status) => {
      proxy.refusal = status
      for (const scheme of ["http", "https"]) {
        const settings = await found({
          MLFLOW_TRACKING_URI: `${scheme}://tracker.test:${stub.port}`,
          ALL_PROXY: `http://ann:hunter22@${proxy.address}`,
        })
        const error: unknown = await version(settings).catch((cause: unknown) => cause)
        expect(String(error)).toContain(String(status))
        expect(String(error)).toContain(`through the proxy http://${proxy.address} of ALL_PROXY`)
        expect(String(error)).not.toContain("hunter22")
      }
    },
  )

  it("to a proxy that is away say so, and may be tried again", async () => {
    const { address } = proxy
    await proxy.close()
    const settings = await found({ MLFLOW_TRACKING_URI: tracker(), HTTP_PROXY: address })
    const error: unknown = await version(settings).catch((cause: unknown) => cause)
    expect(String(error)).toContain(`through the proxy http://${address} of HTTP_PROXY`)
    expect(error).toMatchObject({ isRetryable: true })
    await proxy.listen()
  })

  it("to a server of our own go through none", () => {
    expect(Settings.local("http://127.0.0.1:1").proxy).toBeUndefined()
  })
})
