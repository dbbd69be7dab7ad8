/**
 * Servers of somebody else, for real: MLflow with its basic-auth app, behind nginx with a path prefix, TLS and a wrong host
 * header. `doctor` names the fix for each; with it everything arrives. Left out where there is no nginx.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { cacheDirectory } from "../../src/disk/Installation.ts"
import * as ServerInstallation from "../../src/track/ServerInstallation.ts"
import { fliqs, json } from "../cli/fliqs.ts"
import { writeGrid, writeTrial } from "./grid.ts"

const nginx = ["/usr/sbin/nginx", "/usr/bin/nginx"].find((file) => existsSync(file))
if (nginx === undefined) console.warn("left out, since there is no nginx: servers of somebody else")
const minutes = (count: number): number => 60_000 * count
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

  beforeAll(async () => {
    const mlflow = await freePort()
    plain = await freePort()
    secure = await freePort()
    foreign = await freePort()
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
        `server { listen 127.0.0.1:${secure} ssl; ssl_certificate ${at("cert.pem")}; ssl_certificate_key ${at("key.pem")}; ${pass("$host")} }`,
        "}",
      ].join("\n"),
    )
    children.push(spawn(nginx!, ["-p", folder, "-c", at("nginx.conf")], { stdio: "ignore" }))
    mkdirSync(at("artifacts"))
    children.push(
      spawn(
        ServerInstallation.pythonOf(cacheDirectory()),
        [
          ..."-m mlflow server --app-name basic-auth --host 127.0.0.1 --workers 1".split(" "),
          "--port",
          String(mlflow),
          "--backend-store-uri",
          `sqlite:///${at("mlflow.db")}`,
          "--artifacts-destination",
          at("artifacts"),
        ],
        {
          cwd: folder,
          detached: true,
          stdio: "ignore",
          env: {
            ...process.env,
            TMPDIR: folder,
            MLFLOW_AUTH_CONFIG_PATH: at("auth.ini"),
            MLFLOW_FLASK_SERVER_SECRET_KEY: "for this test",
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
            MLFLOW_DISABLE_TELEMETRY: "true",
          },
        },
      ),
    )
    const isUp = () =>
      fetch(`http://127.0.0.1:${mlflow}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
    while (!(await isUp())) await new Promise((resolve) => setTimeout(resolve, 500))
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
      const sent = json(await fliqs(["sync", "--state", state, "--json"], { env }))
      expect(sent).toMatchObject({ waiting: 0, rejected: 0, problem: null })
    },
    minutes(3),
  )
})
