/** What an editor with YAML support does: `yaml-language-server` over stdio, one document at a time. */
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"

const server = join(
  dirname(createRequire(import.meta.url).resolve("yaml-language-server/package.json")),
  "bin/yaml-language-server",
)

export interface Completion {
  readonly label: string
  readonly insertText?: string
  readonly textEdit?: { readonly newText: string }
  readonly documentation?: string | { readonly value: string }
}

export interface Diagnostic {
  readonly message: string
  readonly range: { readonly start: Position; readonly end: Position }
}

interface Position {
  readonly line: number
  readonly character: number
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: any
  readonly result?: any
  readonly error?: { readonly message: string }
}

const settings = { validate: true, hover: true, completion: true, format: { enable: false } }

/** A language server at work. */
export const startServer = async () => {
  const child = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] })
  const answers = new Map<number, (message: Message) => void>()
  const diagnosed = new Map<string, (found: ReadonlyArray<Diagnostic>) => void>()
  let received = Buffer.alloc(0)
  let last = 0

  const send = (message: object) => {
    const text = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }))
    child.stdin.write(`Content-Length: ${text.length}\r\n\r\n`)
    child.stdin.write(text)
  }
  const ask = (method: string, params: object): Promise<any> =>
    new Promise((resolve, reject) => {
      const id = ++last
      answers.set(id, ({ error, result }) =>
        error === undefined ? resolve(result) : reject(new Error(error.message)),
      )
      send({ id, method, params })
    })
  const onMessage = ({ id, method, params, ...message }: Message) => {
    if (method === undefined) return answers.get(id!)?.(message)
    if (method === "textDocument/publishDiagnostics")
      return diagnosed.get(params.uri)?.(params.diagnostics)
    if (id === undefined) return
    const wanted = { yaml: settings } as Record<string, unknown>
    const result =
      method === "workspace/configuration"
        ? params.items.map(({ section }: { section: string }) => wanted[section] ?? {})
        : null
    send({ id, result })
  }
  child.stdout.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    for (;;) {
      const end = received.indexOf("\r\n\r\n")
      const length = Number(/Content-Length: (\d+)/i.exec(received.toString("latin1", 0, end))?.[1])
      if (end < 0 || received.length < end + 4 + length) return
      const text = received.toString("utf8", end + 4, end + 4 + length)
      received = received.subarray(end + 4 + length)
      onMessage(JSON.parse(text) as Message)
    }
  })

  await ask("initialize", {
    processId: process.pid,
    rootUri: null,
    capabilities: {
      workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
      textDocument: { completion: { completionItem: { snippetSupport: true } } },
    },
  })
  send({ method: "initialized", params: {} })

  let count = 0
  /** Opens a text that `schema` (a path) describes; `|` marks where the cursor is. */
  const open = (schema: string, marked: string) => {
    const at = marked.indexOf("|")
    const head = `# yaml-language-server: $schema=${pathToFileURL(schema).href}\n`
    const text = head + (at < 0 ? marked : marked.slice(0, at) + marked.slice(at + 1))
    const before = head + (at < 0 ? marked : marked.slice(0, at))
    const uri = `file:///document/${++count}.yaml`
    const lines = before.split("\n")
    const position = { line: lines.length - 1, character: lines.at(-1)!.length }
    const diagnostics = new Promise<ReadonlyArray<Diagnostic>>((resolve) =>
      diagnosed.set(uri, resolve),
    )
    send({
      method: "textDocument/didOpen",
      params: { textDocument: { uri, languageId: "yaml", version: 1, text } },
    })
    const params = { textDocument: { uri }, position }
    const close = () => send({ method: "textDocument/didClose", params: { textDocument: { uri } } })
    return { params, diagnostics, close }
  }

  return {
    /** The text shown over a place. */
    hover: async (schema: string, marked: string): Promise<string> => {
      const { close, params } = open(schema, marked)
      const found = await ask("textDocument/hover", params)
      close()
      return found?.contents?.value ?? ""
    },
    complete: async (schema: string, marked: string): Promise<ReadonlyArray<Completion>> => {
      const { close, params } = open(schema, marked)
      const found = await ask("textDocument/completion", params)
      close()
      return found?.items ?? found ?? []
    },
    diagnose: async (schema: string, text: string): Promise<ReadonlyArray<Diagnostic>> => {
      const { close, diagnostics } = open(schema, text)
      const found = await diagnostics
      close()
      return found
    },
    stop: () => void child.kill(),
  }
}
