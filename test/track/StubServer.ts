/**
 * A small MLflow of our own over real HTTP, in memory, that misbehaves on demand: it keeps what it was sent by MLflow's
 * rules (identical points fall together, parameters are write-once, a deleted or forgotten run is refused) so that tests
 * can count what arrived.
 */
import { createServer } from "node:http"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"

export interface StoredRun {
  id: string
  name: string
  experimentId: string
  status: string
  endTime?: number
  deleted: boolean
  tags: Map<string, string>
  params: Map<string, string>
  points: Set<string>
  metricOrder: Array<string>
  datasets: Set<string>
  artifacts: Map<string, string>
}

/** What to do with one request instead of answering it. */
export type Misdeed =
  | { kind: "hang" }
  | { kind: "reset" }
  | { kind: "answer"; status: number; body: string; headers?: Record<string, string> }
  | { kind: "cut" }
  | { kind: "drip" }
  /** Does what was asked and then breaks the connection: the client cannot know. */
  | { kind: "doAndReset" }

export interface Seen {
  method: string
  path: string
  authorization: string | undefined
}

export class StubServer {
  readonly runs = new Map<string, StoredRun>()
  readonly experiments = new Map<
    string,
    { id: string; deleted: boolean; tags: Map<string, string> }
  >()
  readonly seen: Array<Seen> = []
  /** Asked before every request; the number counts requests from 0. */
  misbehave: (request: Seen, count: number) => Misdeed | undefined = () => undefined
  private server: Server
  private readonly sockets = new Set<Socket>()
  private next = 1
  port = 0

  constructor() {
    this.server = this.create()
  }

  get url() {
    return `http://127.0.0.1:${this.port}`
  }

  async listen() {
    this.server = this.create()
    await new Promise<void>((resolve) => this.server.listen(this.port, "127.0.0.1", resolve))
    this.port = (this.server.address() as AddressInfo).port
  }

  async close() {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  /** As a server started again on another database. */
  forget() {
    this.runs.clear()
    this.experiments.clear()
  }

  run(trial: (run: StoredRun) => boolean): StoredRun {
    const found = [...this.runs.values()].filter((run) => !run.deleted && trial(run))
    if (found.length !== 1) throw new Error(`${found.length} runs instead of one`)
    return found[0]!
  }

  private create() {
    const server = createServer((request, response) => void this.serve(request, response))
    server.on("connection", (socket) => {
      this.sockets.add(socket)
      socket.on("close", () => this.sockets.delete(socket))
    })
    return server
  }

  private async serve(request: IncomingMessage, response: ServerResponse) {
    const parts: Array<Buffer> = []
    try {
      for await (const part of request) parts.push(part as Buffer)
    } catch {
      return
    }
    const path = request.url!
    const { authorization } = request.headers
    const seen: Seen = { method: request.method!, path, authorization }
    const misdeed = this.misbehave(seen, this.seen.length)
    this.seen.push(seen)
    if (misdeed?.kind === "hang") return
    if (misdeed?.kind === "reset") return void request.socket.destroy()
    if (misdeed?.kind === "answer") {
      return void response.writeHead(misdeed.status, misdeed.headers ?? {}).end(misdeed.body)
    }
    const [status, body] = this.answer(seen, Buffer.concat(parts))
    if (misdeed?.kind === "doAndReset") return void request.socket.destroy()
    if (misdeed?.kind === "cut") {
      response.writeHead(status, { "content-length": String(body.length + 100) })
      response.write(body.slice(0, 1))
      return void setTimeout(() => request.socket.destroy(), 20)
    }
    if (misdeed?.kind === "drip") {
      response.writeHead(status)
      const timer = setInterval(() => response.write(" "), 100)
      return void request.socket.on("close", () => clearInterval(timer))
    }
    response.writeHead(status, { "content-type": "application/json" }).end(body)
  }

  private answer(seen: Seen, raw: Buffer): [number, string] {
    const url = new URL(seen.path, "http://stub")
    if (url.pathname === "/health") return [200, "OK"]
    if (url.pathname === "/version") return [200, "3.18.0"]
    const upload =
      /^\/api\/2\.0\/mlflow-artifacts\/artifacts\/[^/]+\/([^/]+)\/artifacts\/(.*)$/.exec(
        url.pathname,
      )
    if (upload !== null) {
      this.runs.get(upload[1]!)?.artifacts.set(decodeURIComponent(upload[2]!), raw.toString())
      return [200, ""]
    }
    const body =
      raw.length === 0
        ? Object.fromEntries(url.searchParams)
        : (JSON.parse(raw.toString()) as object)
    try {
      return [
        200,
        JSON.stringify(this.call(url.pathname.replace("/api/2.0/mlflow", ""), body as Body)),
      ]
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return [error.status, JSON.stringify({ error_code: error.code, message: error.message })]
    }
  }

  private active(id: string): StoredRun {
    const run = this.runs.get(id)
    if (run === undefined)
      throw new Refusal(404, "RESOURCE_DOES_NOT_EXIST", `Run with id=${id} not found`)
    if (run.deleted)
      throw new Refusal(
        400,
        "INVALID_PARAMETER_VALUE",
        `The run ${id} must be in the 'active' state.`,
      )
    return run
  }

  private describe(run: StoredRun) {
    return {
      info: {
        run_id: run.id,
        experiment_id: run.experimentId,
        status: run.status,
        artifact_uri: `mlflow-artifacts:/${run.experimentId}/${run.id}/artifacts`,
      },
      data: { metrics: [...run.points] },
    }
  }

  private call(path: string, body: Body): unknown {
    switch (path) {
      case "/experiments/get-by-name": {
        const found = this.experiments.get(body.experiment_name)
        if (found === undefined)
          throw new Refusal(404, "RESOURCE_DOES_NOT_EXIST", "no such experiment")
        const tags = [...found.tags].map(([key, value]) => ({ key, value }))
        const stage = found.deleted ? "deleted" : "active"
        return {
          experiment: {
            experiment_id: found.id,
            name: body.experiment_name,
            lifecycle_stage: stage,
            tags,
          },
        }
      }
      case "/experiments/create": {
        if (this.experiments.has(body.name))
          throw new Refusal(400, "RESOURCE_ALREADY_EXISTS", "there already")
        const id = String(this.next++)
        this.experiments.set(body.name, { id, deleted: false, tags: new Map() })
        return { experiment_id: id }
      }
      case "/experiments/restore":
        for (const one of this.experiments.values())
          if (one.id === body.experiment_id) one.deleted = false
        return {}
      case "/experiments/set-experiment-tag":
        for (const one of this.experiments.values())
          if (one.id === body.experiment_id) one.tags.set(body.key, body.value)
        return {}
      case "/runs/search": {
        const [, key, value] = /^tags\.(.+) = '(.*)'$/.exec(body.filter)!
        const runs = [...this.runs.values()].filter(
          (run) => !run.deleted && run.tags.get(key!) === value,
        )
        return runs.length === 0 ? {} : { runs: runs.map((run) => this.describe(run)) }
      }
      case "/experiments/search":
        return {}
      case "/runs/create": {
        const run: StoredRun = {
          id: `r${this.next++}`,
          name: body.run_name,
          experimentId: body.experiment_id,
          status: "RUNNING",
          deleted: false,
          tags: new Map(body.tags.map(({ key, value }) => [key, value])),
          params: new Map(),
          points: new Set(),
          metricOrder: [],
          datasets: new Set(),
          artifacts: new Map(),
        }
        this.runs.set(run.id, run)
        return { run: this.describe(run) }
      }
      case "/runs/get":
        if (!this.runs.has(body.run_id))
          throw new Refusal(404, "RESOURCE_DOES_NOT_EXIST", "no such run")
        return { run: this.describe(this.runs.get(body.run_id)!) }
      case "/runs/update": {
        const run = this.active(body.run_id)
        run.status = body.status
        if (body.end_time !== undefined) run.endTime = body.end_time
        return {}
      }
      case "/runs/delete":
        this.active(body.run_id).deleted = true
        return {}
      case "/runs/log-inputs":
        for (const { dataset, tags } of body.datasets)
          this.active(body.run_id).datasets.add(
            `${dataset.name} ${dataset.digest} ${tags[0]!.value}`,
          )
        return {}
      case "/runs/log-batch":
        return this.logBatch(this.active(body.run_id), body)
    }
    throw new Refusal(404, "ENDPOINT_NOT_FOUND", path)
  }

  private logBatch(run: StoredRun, { metrics = [], params = [], tags = [] }: Body) {
    if (metrics.length > 1000 || params.length > 100 || tags.length > 100) {
      throw new Refusal(400, "INVALID_PARAMETER_VALUE", "batch too large")
    }
    for (const { key, value } of params) {
      if ((run.params.get(key) ?? value) !== value) {
        throw new Refusal(400, "INVALID_PARAMETER_VALUE", "Changing param values is not allowed.")
      }
    }
    for (const { key, value } of [...params, ...tags]) {
      if (typeof value !== "string") throw new Error(`${key} is no text`)
    }
    for (const { key, value } of params) run.params.set(key, value)
    for (const { key, value } of tags) run.tags.set(key, value)
    for (const { key, value, step, timestamp } of metrics) {
      if (key === "refused") throw new Refusal(400, "INVALID_PARAMETER_VALUE", "bad key")
      // Not a number has a word of its own in JSON of protocol buffers.
      const isKeptPlace = value === "NaN"
      if (
        ![step, timestamp].every(Number.isSafeInteger) ||
        !(isKeptPlace || Number.isFinite(value))
      )
        throw new Error(`${key} has a bad point`)
      if (!isKeptPlace) run.points.add(JSON.stringify([key, step, value, timestamp]))
      if (!run.metricOrder.includes(key)) run.metricOrder.push(key)
    }
    return {}
  }
}

class Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

interface Body {
  experiment_name: string
  experiment_id: string
  name: string
  key: string
  value: string
  filter: string
  run_id: string
  run_name: string
  status: string
  end_time?: number
  tags: Array<{ key: string; value: string }>
  params?: Array<{ key: string; value: string }>
  metrics?: Array<{ key: string; value: number | "NaN"; step: number; timestamp: number }>
  datasets: Array<{ tags: Array<{ value: string }>; dataset: { name: string; digest: string } }>
}
