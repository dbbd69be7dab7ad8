/**
 * The stub of MLflow as a process that keeps what it was sent, as its database would: every request is on disk before it is
 * answered. `node tracker.ts PORT FILE`; port 0 takes any. `GET /state` tells what it holds.
 */
import * as fs from "node:fs"
import { createServer, request } from "node:http"
import { type StoredRun, StubServer } from "../track/StubServer.ts"

/** What a round compares of a run: all but ids and times. */
export interface TrackedRun {
  readonly name: string
  readonly status: string
  readonly trialId: string | undefined
  readonly params: Readonly<Record<string, string>>
  readonly alarms: Readonly<Record<string, string>>
  readonly points: ReadonlyArray<string>
  readonly datasets: ReadonlyArray<string>
  readonly artifacts: Readonly<Record<string, string>>
}

const describe = (run: StoredRun): TrackedRun => ({
  name: run.name,
  status: run.status,
  trialId: run.tags.get("fliqs.trial_id"),
  params: Object.fromEntries([...run.params].sort()),
  alarms: Object.fromEntries([...run.tags].filter(([key]) => key.startsWith("fliqs.alarm."))),
  points: [...run.points]
    .map((point) => JSON.parse(point) as [string, number, number, number])
    .map(([key, step, value]) => `${key} ${step} ${value}`)
    .sort(),
  datasets: [...run.datasets].sort(),
  artifacts: Object.fromEntries([...run.artifacts].sort()),
})

if (import.meta.main) {
  const [port = "0", file = ""] = process.argv.slice(2)
  const stub = new StubServer()
  await stub.listen()
  const send = (path: string, method: string, body: Buffer) =>
    new Promise<[number, Buffer]>((resolve, reject) => {
      const call = request(`${stub.url}${path}`, { method }, (answer) => {
        const parts: Array<Buffer> = []
        answer.on("data", (part: Buffer) => parts.push(part))
        answer.on("end", () => resolve([answer.statusCode ?? 500, Buffer.concat(parts)]))
      })
      call.on("error", reject)
      call.end(body)
    })
  // What was cut off by a kill was not answered.
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").slice(0, -1) : []
  for (const line of lines) {
    const { body, method, path } = JSON.parse(line) as Record<"body" | "method" | "path", string>
    await send(path, method, Buffer.from(body, "base64"))
  }
  const kept = lines.map((line) => `${line}\n`).join("")
  fs.writeFileSync(file, kept)
  const log = fs.openSync(file, "a")
  const server = createServer((asked, answer) => {
    const parts: Array<Buffer> = []
    asked.on("data", (part: Buffer) => parts.push(part))
    asked.on("end", () => {
      const [path = "", method = ""] = [asked.url, asked.method]
      if (path === "/state")
        return void answer.end(
          JSON.stringify([...stub.runs.values()].filter((run) => !run.deleted).map(describe)),
        )
      const body = Buffer.concat(parts)
      if (method !== "GET")
        fs.writeSync(log, `${JSON.stringify({ path, method, body: body.toString("base64") })}\n`)
      void send(path, method, body).then(([status, text]) =>
        answer.writeHead(status, { "content-type": "application/json" }).end(text),
      )
    })
  })
  server.listen(Number(port), "127.0.0.1", () => {
    const address = server.address()
    console.log(typeof address === "object" ? address?.port : port)
  })
}
