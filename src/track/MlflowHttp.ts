/**
 * One request to an MLflow server: address, credentials, time limit, size limit, what an answer means, and trying again.
 * The calls themselves are in `MlflowClient.ts`.
 *
 * Tried again, exponentially with jitter (or after the server's own Retry-After): 408, 429, 5xx, connections refused,
 * reset or too slow, answers that are not MLflow's, and the HTTP 400 that a server with too few database connections
 * gives ("QueuePool limit"). Redirects are followed within the same origin only: credentials go nowhere else.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type Undici from "@effect/platform-node/Undici"
import { Duration, Effect, FileSystem, Layer, Redacted, Schedule, Schema, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import type { HttpClientError, HttpClientResponse } from "effect/http"
import { Rejected, TrackerError, Unreachable } from "./Errors.ts"
import { longestSpelling } from "./Secrets.ts"
import type { Settings } from "./Settings.ts"

const maxAnswerBytes = 32 << 20
const maxDetailLength = 300
const maxSearched = 4 * longestSpelling
const maxRetryAfter = 60_000
const maxRedirects = 5

/** What is sent: JSON, the bytes of a file, or nothing. */
export interface Call {
  /** For people: "log metrics". */
  readonly operation: string
  readonly method: "GET" | "POST" | "PUT"
  /** Below the server's address, each segment percent-encoded. */
  readonly path: string
  readonly query?: Record<string, string>
  readonly json?: unknown
  /** A file, or a text, to send as it is. */
  readonly file?: string
  readonly text?: string
  /** False for calls that must not be made twice without looking in between (`runs/create`). */
  readonly retry?: boolean
}

/** What requests are dispatched by: directly, or through the proxy, which encrypted connections only tunnel through. */
const makeDispatcher = async (settings: Settings): Promise<Undici.Dispatcher> => {
  const { default: undici } = await import("@effect/platform-node/Undici")
  const tls = {
    rejectUnauthorized: !settings.insecureTls,
    ...(settings.certificates === undefined ? {} : { ca: settings.certificates }),
  }
  const connections = 4
  return settings.proxy === undefined
    ? new undici.Agent({ connections, connect: tls })
    : new undici.ProxyAgent({
        uri: Redacted.value(settings.proxy.address),
        connections,
        requestTls: tls,
        proxyTls: tls,
      })
}

/** An `HttpClient` for these settings: certificates to trust, a proxy, and no more than a few connections. */
export const layerHttp = (settings: Settings): Layer.Layer<HttpClient.HttpClient> =>
  NodeHttpClient.layerUndiciNoDispatcher.pipe(
    Layer.provide(
      Layer.effect(
        NodeHttpClient.Dispatcher,
        Effect.acquireRelease(
          Effect.promise(() => makeDispatcher(settings)),
          (dispatcher) => Effect.promise(() => dispatcher.destroy()),
        ),
      ),
    ),
  )

/** The beginning of what a server said, on one line and without secrets, nor the beginning of one that was cut in two. */
const brief = (settings: Settings, body: string): string => {
  const clean = settings.scrub(body.slice(0, maxSearched))
  const whole = body.length > maxSearched ? clean.slice(0, -longestSpelling) : clean
  const text = whole.replace(/\s+/g, " ").trim()
  return text.length > maxDetailLength ? `${text.slice(0, maxDetailLength)}...` : text
}

/** Codes like ECONNRESET, wherever undici and node have wrapped them. */
const describeCause = (cause: unknown): string => {
  for (let at: unknown = cause; typeof at === "object" && at !== null;) {
    if ("code" in at && typeof at.code === "string") {
      return "message" in at && typeof at.message === "string"
        ? `${at.code}: ${at.message}`
        : at.code
    }
    at = "cause" in at ? at.cause : undefined
  }
  return cause instanceof Error ? cause.message : "the connection broke"
}

const retryAfter = (response: HttpClientResponse.HttpClientResponse): number | undefined => {
  const header = response.headers["retry-after"]
  if (header === undefined) return undefined
  const seconds = Number(header)
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(wait) ? Math.min(Math.max(0, wait), maxRetryAfter) : undefined
}

const ErrorBody = Schema.fromJsonString(
  Schema.Struct({
    error_code: Schema.optionalKey(Schema.String),
    message: Schema.optionalKey(Schema.String),
  }),
)
const decodeErrorBody = Schema.decodeUnknownOption(ErrorBody)

const overloaded = /QueuePool limit|database is locked|TEMPORARILY_UNAVAILABLE/

/** When to try again: exponentially with jitter, up to 10 s, or when the server says; only what may succeed later. */
export const backoff = (settings: Settings) =>
  Schedule.max([
    Schedule.min([Schedule.exponential(settings.retryDelay), Schedule.spaced("10 seconds")]),
    Schedule.recurs(settings.maxRetries),
  ]).pipe(
    Schedule.jittered,
    Schedule.setInputType<TrackerError>(),
    Schedule.while(({ input }) => input.isRetryable),
    Schedule.modifyDelay(({ input, duration }) => {
      const asked = input.reason._tag === "Unreachable" ? input.reason.retryAfter : undefined
      return Effect.succeed(asked === undefined ? duration : Duration.millis(asked))
    }),
  )

/** Makes the function that calls the server and gives back the text of a good answer. */
export const make = Effect.fnUntraced(function* (settings: Settings) {
  const http = yield* HttpClient.HttpClient
  const fs = yield* FileSystem.FileSystem
  const origin = new URL(settings.url).origin
  const through =
    settings.proxy === undefined
      ? ""
      : ` (through the proxy ${settings.proxy.shown} of ${settings.proxy.variable})`
  const schedule = backoff(settings)

  const unreachable = (
    call: Call,
    detail: string,
    more: { status?: number; retryAfter?: number } = {},
  ) =>
    new TrackerError({
      operation: call.operation,
      reason: new Unreachable({ detail: brief(settings, detail), ...more }),
    })

  const failure = (call: Call, response: HttpClientResponse.HttpClientResponse, body: string) => {
    const { status } = response
    const found = decodeErrorBody(body)
    const code = found._tag === "Some" ? found.value.error_code : undefined
    const said = brief(settings, (found._tag === "Some" ? found.value.message : undefined) ?? body)
    const wait = retryAfter(response)
    if (status === 408 || status === 429 || status >= 500 || overloaded.test(body)) {
      return unreachable(call, `HTTP ${status} ${said}${through}`, {
        status,
        ...(wait === undefined ? {} : { retryAfter: wait }),
      })
    }
    return new TrackerError({
      operation: call.operation,
      reason: new Rejected({
        detail: `HTTP ${status} ${said}${through}`,
        status,
        ...(code === undefined ? {} : { code: brief(settings, code) }),
      }),
    })
  }

  const build = (call: Call, url: string) => {
    const plain = HttpClientRequest.make(call.method)(url).pipe(
      HttpClientRequest.setUrlParams(call.query ?? {}),
      HttpClientRequest.setHeader("user-agent", "fliqs"),
    )
    const known =
      settings.credentials.kind === "basic"
        ? HttpClientRequest.basicAuth(
            plain,
            settings.credentials.username,
            Redacted.value(settings.credentials.password),
          )
        : settings.credentials.kind === "bearer"
          ? HttpClientRequest.bearerToken(plain, settings.credentials.token)
          : plain
    if (call.file !== undefined) {
      return HttpClientRequest.bodyFile(known, call.file, {
        contentType: "application/octet-stream",
      })
    }
    if (call.text !== undefined) {
      return Effect.succeed(
        HttpClientRequest.bodyText(known, call.text, "application/octet-stream"),
      )
    }
    return Effect.succeed(
      call.json === undefined ? known : HttpClientRequest.bodyJsonUnsafe(known, call.json),
    )
  }

  const readBody = (call: Call, response: HttpClientResponse.HttpClientResponse) => {
    const parts: Array<Uint8Array> = []
    let size = 0
    return response.stream.pipe(
      Stream.runForEach((part) => {
        size += part.length
        parts.push(part)
        return size > maxAnswerBytes
          ? Effect.fail(unreachable(call, `an answer of more than ${maxAnswerBytes} bytes`))
          : Effect.void
      }),
      Effect.map(() => Buffer.concat(parts).toString("utf8")),
    )
  }

  const once = (
    call: Call,
    url: string,
    redirects: number,
  ): Effect.Effect<string, TrackerError | HttpClientError.HttpClientError> =>
    Effect.gen(function* () {
      const request = yield* build(call, url).pipe(
        Effect.provideService(FileSystem.FileSystem, fs),
        Effect.mapError(
          () =>
            new TrackerError({
              operation: call.operation,
              reason: new Rejected({ detail: `${call.file ?? "the file"} cannot be read` }),
            }),
        ),
      )
      const response = yield* http.execute(request)
      const body = yield* readBody(call, response)
      const location = response.headers["location"]
      if (response.status >= 300 && response.status < 400) {
        const next =
          location !== undefined && URL.canParse(location, url) ? new URL(location, url) : undefined
        const keepsMethod =
          call.method === "GET" || response.status === 307 || response.status === 308
        if (next?.origin === origin && keepsMethod && redirects < maxRedirects) {
          const { query: _, ...same } = call
          return yield* once(same, next.href, redirects + 1)
        }
        const place = next === undefined ? "nowhere" : brief(settings, location ?? "")
        return yield* new TrackerError({
          operation: call.operation,
          reason: new Rejected({
            detail: `HTTP ${response.status}: the server sends us to ${place}; set MLFLOW_TRACKING_URI to the address that answers itself`,
            status: response.status,
          }),
        })
      }
      return response.status >= 200 && response.status < 300
        ? body
        : yield* failure(call, response, body)
    })

  const text = (call: Call): Effect.Effect<string, TrackerError> => {
    const attempt = once(call, `${settings.url}${call.path}`, 0).pipe(
      Effect.catchTag("HttpClientError", (error) =>
        Effect.fail(unreachable(call, `${describeCause(error.reason)}${through}`)),
      ),
      Effect.timeoutOrElse({
        duration: settings.timeout,
        orElse: () =>
          Effect.fail(unreachable(call, `no answer within ${settings.timeout / 1000} s${through}`)),
      }),
    )
    return call.retry === false ? attempt : Effect.retry(attempt, schedule)
  }

  /** The answer decoded; one that is not what MLflow answers counts as not having reached an MLflow server. */
  const json = <S extends Schema.Codec<unknown, unknown>>(schema: S) => {
    const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))
    return (call: Call): Effect.Effect<S["Type"], TrackerError> => {
      const attempt = text({ ...call, retry: false }).pipe(
        Effect.flatMap((body) =>
          // A PUT is answered with nothing.
          decode(call.method === "PUT" && body.trim() === "" ? "{}" : body).pipe(
            Effect.mapError(() =>
              unreachable(call, `not an answer of MLflow: ${brief(settings, body)}`),
            ),
          ),
        ),
      )
      return call.retry === false ? attempt : Effect.retry(attempt, schedule)
    }
  }

  return { text, json }
})
