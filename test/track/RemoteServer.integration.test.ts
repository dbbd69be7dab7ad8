/**
 * Servers of somebody else, for real: MLflow with its basic-auth app, behind nginx with a path prefix, TLS, a token and a wrong
 * host header, and one that takes no artifacts. `doctor` names the fix for each; with it everything arrives. Left out where
 * there is no nginx.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { cacheDirectory } from "../../src/disk/Installation.ts"
import * as ServerInstallation from "../../src/track/ServerInstallation.ts"
import { fliqs, json } from "../cli/fliqs.ts"
import { writeGrid, writeTrial } from "./grid.ts"
import { ProxyServer } from "./ProxyServer.ts"

const nginx = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin"]
  .map((place) => join(place, "nginx"))
  .find((file) => existsSync(file))
if (nginx === undefined) console.warn("left out, since there is no nginx: servers of somebody else")
const minutes = (count: number): number => 60_000 * count
const token = "a-good-token-17"
const user = { MLFLOW_TRACKING_USERNAME: "admin", MLFLOW_TRACKING_PASSWORD: "a-long-password-9" }

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

describe.skipIf(nginx === undefined)("a server of somebody else", () => {
  const folder = mkdtempSync(join(tmpdir(), "fliqs-remote-"))
  const children: Array<ChildProcess> = []
  let plain = 0
  let secure = 0
  let foreign = 0
  let guarded = 0
  let direct = 0

  /** Starts MLflow, which belongs to a group of its own, and waits until it answers. */
  const startMlflow = async (
    port: number,
    words: ReadonlyArray<string>,
    env: Readonly<Record<string, string>> = {},
  ) => {
    children.push(
      spawn(
        ServerInstallation.pythonOf(cacheDirectory()),
        [..."-m mlflow server --host 127.0.0.1 --workers 1 --port".split(" "), `${port}`, ...words],
        {
          cwd: folder,
          detached: true,
          stdio: "ignore",
          env: {
            ...process.env,
            TMPDIR: folder,
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
            MLFLOW_DISABLE_TELEMETRY: "true",
            ...env,
          },
        },
      ),
    )
    const isUp = () =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
    while (!(await isUp())) await new Promise((resolve) => setTimeout(resolve, 500))
  }

  beforeAll(async () => {
    const mlflow = await freePort()
    plain = await freePort()
    secure = await freePort()
    foreign = await freePort()
    guarded = await freePort()
    direct = await freePort()
    const at = (name: string) => join(folder, name)
    writeFileSync(
      at("auth.ini"),
      `[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///${at("auth.db")}\nadmin_username = admin\nadmin_password = ${user.MLFLOW_TRACKING_PASSWORD}\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n`,
    )
    execFileSync(
      "openssl",
      `req -x509 -newkey rsa:2048 -nodes -keyout ${at("key.pem")} -out ${at("cert.pem")} -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1`.split(
        " ",
      ),
      { stdio: "ignore" },
    )
    const pass = (host: string) =>
      `location / { return 404; } location /mlflow/ { proxy_pass http://127.0.0.1:${mlflow}/; proxy_set_header Host ${host}; }`
    const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    writeFileSync(
      at("nginx.conf"),
      [
        `daemon off; pid ${at("nginx.pid")}; error_log ${at("error.log")};`,
        "events { worker_connections 64; }",
        `http { access_log off; client_max_body_size 0;`,
        ...places.map((place) => `${place}_temp_path ${at(place)};`),
        `server { listen 127.0.0.1:${plain}; ${pass("$host")} }`,
        `server { listen 127.0.0.1:${foreign}; ${pass("evil.example")} }`,
        `server { listen 127.0.0.1:${guarded}; if ($http_authorization != "Bearer ${token}") { return 401; } location / { proxy_pass http://127.0.0.1:${direct}; proxy_set_header Host $host; proxy_set_header Authorization ""; } }`,
        `server { listen 127.0.0.1:${secure} ssl; ssl_certificate ${at("cert.pem")}; ssl_certificate_key ${at("key.pem")}; ${pass("$host")} }`,
        "}",
      ].join("\n"),
    )
    children.push(spawn(nginx!, ["-p", folder, "-c", at("nginx.conf")], { stdio: "ignore" }))
    mkdirSync(at("artifacts"))
    await Promise.all([
      startMlflow(
        mlflow,
        [
          ..."--app-name basic-auth --backend-store-uri".split(" "),
          `sqlite:///${at("mlflow.db")}`,
          "--artifacts-destination",
          at("artifacts"),
        ],
        {
          MLFLOW_AUTH_CONFIG_PATH: at("auth.ini"),
          MLFLOW_FLASK_SERVER_SECRET_KEY: "for this test",
        },
      ),
      startMlflow(direct, [
        "--no-serve-artifacts",
        "--default-artifact-root",
        "s3://a-bucket/of-ours",
        "--backend-store-uri",
        `sqlite:///${at("direct.db")}`,
      ]),
    ])
  }, minutes(4))

  afterAll(() => {
    for (const child of children)
      try {
        process.kill(child.spawnargs.includes("mlflow") ? -child.pid! : child.pid!, "SIGTERM")
      } catch {
        // It has ended.
      }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const doctor = async (env: Readonly<Record<string, string>>) => {
    const answer = await fliqs(["doctor", "--state", join(folder, "none"), "--json"], { env })
    return json<ReadonlyArray<{ name: string; state: string; found: string; fix?: string }>>(
      answer,
    ).find(({ name }) => name === "mlflow")!
  }

  it(
    "doctor names the fix for what it finds",
    async () => {
      const address = `http://127.0.0.1:${plain}/mlflow`
      const encrypted = `https://127.0.0.1:${secure}/mlflow`
      const cases: ReadonlyArray<readonly [Readonly<Record<string, string>>, RegExp]> = [
        [
          { MLFLOW_TRACKING_URI: address },
          /set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD/,
        ],
        [
          { MLFLOW_TRACKING_URI: address, ...user, MLFLOW_TRACKING_PASSWORD: "wrong-password" },
          /does not know the user "admin" with this password/,
        ],
        [
          { MLFLOW_TRACKING_URI: address, MLFLOW_TRACKING_TOKEN: "a-token" },
          /does not take this token/,
        ],
        [
          {
            MLFLOW_TRACKING_URI: `http://127.0.0.1:${guarded}`,
            MLFLOW_TRACKING_TOKEN: "a-bad-token-17",
          },
          /does not take this token/,
        ],
        [{ MLFLOW_TRACKING_URI: address.replace("/mlflow", ""), ...user }, /write the path too/],
        [
          { MLFLOW_TRACKING_URI: `http://127.0.0.1:${foreign}/mlflow`, ...user },
          /--allowed-hosts .*proxy_set_header Host \$host/,
        ],
        [{ MLFLOW_TRACKING_URI: encrypted, ...user }, /MLFLOW_TRACKING_SERVER_CERT_PATH/],
        [{ MLFLOW_TRACKING_URI: encrypted.replace("https", "http"), ...user }, /begin with https/],
        [{ MLFLOW_TRACKING_URI: address.replace("http", "https"), ...user }, /begin with http:/],
      ]
      for (const [env, fix] of cases) {
        const found = await doctor(env)
        expect([found.state, found.fix]).toEqual(["problem", expect.stringMatching(fix)])
        expect(JSON.stringify(found)).not.toContain(user.MLFLOW_TRACKING_PASSWORD)
      }
    },
    minutes(3),
  )

  it(
    "doctor says that a server takes no artifacts, of one that takes the token",
    async () => {
      const env = {
        MLFLOW_TRACKING_URI: `http://127.0.0.1:${guarded}`,
        MLFLOW_TRACKING_TOKEN: token,
      }
      const found = await doctor(env)
      expect(found).toMatchObject({
        state: "warning",
        found: expect.stringContaining("keeps artifacts at s3://a-bucket/of-ours"),
        fix: expect.stringContaining("--serve-artifacts --artifacts-destination"),
      })
      expect(JSON.stringify(found)).not.toContain(token)
    },
    minutes(1),
  )

  it(
    "doctor says what is wrong with a proxy, and how to go around it",
    async () => {
      const proxy = new ProxyServer()
      await proxy.listen()
      const env = {
        MLFLOW_TRACKING_URI: `http://127.0.0.1:${plain}/mlflow`,
        ...user,
        HTTP_PROXY: `http://${proxy.address}`,
      }
      expect(await doctor(env)).toMatchObject({
        state: "ok",
        found: expect.stringContaining(`through the proxy http://${proxy.address} of HTTP_PROXY`),
      })
      proxy.refusal = 407
      const around = "; requests go through HTTP_PROXY: NO_PROXY=127.0.0.1 goes around it"
      expect(await doctor(env)).toMatchObject({
        state: "problem",
        fix: `the proxy asks who you are: write user and password into HTTP_PROXY, as USER:PASSWORD@ before the host${around}`,
      })
      expect(await doctor({ ...env, NO_PROXY: "127.0.0.1" })).toMatchObject({ state: "ok" })
      await proxy.close()
      const away = await doctor(env)
      expect(away).toMatchObject({ state: "problem", fix: expect.stringContaining(around) })
    },
    minutes(2),
  )

  it(
    "everything arrives, encrypted, under the path, with user and password",
    async () => {
      const state = join(folder, "state")
      writeGrid(state)
      writeTrial(state, "aaaa", 3)
      const env = {
        MLFLOW_TRACKING_URI: `https://127.0.0.1:${secure}/mlflow`,
        MLFLOW_TRACKING_SERVER_CERT_PATH: join(folder, "cert.pem"),
        ...user,
      }
      expect(await doctor(env)).toMatchObject({ state: "ok" })
      const { MLFLOW_TRACKING_SERVER_CERT_PATH: _, ...careless } = env
      expect(await doctor({ ...careless, MLFLOW_TRACKING_INSECURE_TLS: "true" })).toMatchObject({
        state: "ok",
      })
      const sent = json(await fliqs(["sync", "--state", state, "--json"], { env }))
      expect(sent).toMatchObject({ waiting: 0, rejected: 0, problem: null })
    },
    minutes(3),
  )
})
