/** A small proxy: forwards requests by HTTP, tunnels CONNECT, and sends every name to 127.0.0.1. */
import { createServer, request as send, type IncomingMessage, type ServerResponse } from "node:http"
import { type AddressInfo, connect } from "node:net"
import type { Duplex } from "node:stream"

export class ProxyServer {
  /** `GET http://host/path` and `CONNECT host:port`, as they came. */
  readonly seen: Array<string> = []
  readonly authorizations: Array<string | undefined> = []
  /** Answered in place of forwarding. */
  refusal: number | undefined
  port = 0
  private readonly sockets = new Set<Duplex>()
  private readonly server = createServer((request, response) => this.forward(request, response))

  constructor() {
    this.server.on("connect", (request: IncomingMessage, socket: Duplex) =>
      this.tunnel(request, socket),
    )
    this.server.on("connection", (socket) => this.sockets.add(socket))
  }

  get address() {
    return `127.0.0.1:${this.port}`
  }

  async listen() {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve))
    this.port = (this.server.address() as AddressInfo).port
  }

  async close() {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  private note({ method, url, headers }: IncomingMessage) {
    this.seen.push(`${method} ${url}`)
    this.authorizations.push(headers["proxy-authorization"])
  }

  private forward(request: IncomingMessage, response: ServerResponse) {
    this.note(request)
    if (this.refusal !== undefined) return void response.writeHead(this.refusal).end("no")
    const { port, pathname, search } = new URL(request.url!)
    const { "proxy-authorization": _, ...headers } = request.headers
    const onward = send(
      { host: "127.0.0.1", port, path: pathname + search, method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on("error", () => response.destroy())
    request.pipe(onward)
  }

  private tunnel(request: IncomingMessage, socket: Duplex) {
    this.note(request)
    this.sockets.add(socket)
    socket.on("error", () => {})
    if (this.refusal !== undefined) return void socket.end(`HTTP/1.1 ${this.refusal} No\r\n\r\n`)
    const onward = connect(Number(request.url!.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
      onward.pipe(socket).pipe(onward)
    })
    onward.on("error", () => socket.destroy())
  }
}
