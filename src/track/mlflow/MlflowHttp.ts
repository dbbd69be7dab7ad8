/**
 * One request to an MLflow server: address, credentials, time limit, size limit, and trying again. The calls themselves are
 * in `MlflowRuns.ts`, `MlflowExperiments.ts`, `MlflowArtifacts.ts` and `MlflowHealth.ts`; what a bad answer means is in
 * `MlflowFailure.ts`.
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
import { Rejected, TrackerError } from "../Errors.ts"
import { brief, describeCause, failureOf, throughProxy, unreachable } from "./MlflowFailure.ts"
import type { Settings } from "../TrackingSettings.ts"

const maxAnswerBytes = 32 << 20
const maxRedirects = 5

/** What is sent: JSON, the bytes of a file, or nothing. */
export interface Call {
  /** For people: "log metrics". */
  readonly operation: string
  readonly method: "GET" | "PATCH" | "POST" | "PUT"
  /** Below the server's address, each segment percent-encoded. */
  readonly path: string
  readonly query?: Record<string, string>
  readonly json?: unknown
  /** A file, or a text, to send as it is. */
  readonly file?: string
  readonly text?: string
  /** False for calls that must not be made twice without looking in between (`runs/create`). */
  readonly retry?: boolean
  /** The longest answer; 32 MiB by default. */
  readonly mostBytes?: number
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

/** A server, and what requests to it are made with. */
export interface MlflowHttp {
  readonly settings: Settings
  readonly client: HttpClient.HttpClient
  readonly fs: FileSystem.FileSystem
}

/** What requests to this server are made with. */
export const make = Effect.fnUntraced(function* (settings: Settings) {
  const client = yield* HttpClient.HttpClient
  const fs = yield* FileSystem.FileSystem
  return { settings, client, fs } satisfies MlflowHttp
})

const withCredentials = (
  { credentials }: Settings,
  request: HttpClientRequest.HttpClientRequest,
): HttpClientRequest.HttpClientRequest => {
  switch (credentials.kind) {
    case "none":
      return request
    case "basic": {
      const { password, username } = credentials
      return HttpClientRequest.basicAuth(request, username, Redacted.value(password))
    }
    case "bearer":
      return HttpClientRequest.bearerToken(request, credentials.token)
  }
}

const binary = "application/octet-stream"

const requestOf = ({ fs, settings }: MlflowHttp, call: Call, url: string) => {
  const plain = HttpClientRequest.make(call.method)(url).pipe(
    HttpClientRequest.setUrlParams(call.query ?? {}),
    HttpClientRequest.setHeader("user-agent", "fliqs"),
  )
  const request = withCredentials(settings, plain)
  if (call.file !== undefined)
    return HttpClientRequest.bodyFile(request, call.file, { contentType: binary }).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.mapError(
        () =>
          new TrackerError({
            operation: call.operation,
            reason: new Rejected({ detail: `${call.file ?? "the file"} cannot be read` }),
          }),
      ),
    )
  if (call.text !== undefined)
    return Effect.succeed(HttpClientRequest.bodyText(request, call.text, binary))
  return Effect.succeed(
    call.json === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, call.json),
  )
}

const bodyOf = (
  { settings }: MlflowHttp,
  { mostBytes = maxAnswerBytes, operation }: Call,
  response: HttpClientResponse.HttpClientResponse,
) => {
  const parts: Array<Uint8Array> = []
  let size = 0
  return response.stream.pipe(
    Stream.runForEach((part) => {
      size += part.length
      parts.push(part)
      return size > mostBytes
        ? Effect.fail(unreachable(settings, operation, `an answer of more than ${mostBytes} bytes`))
        : Effect.void
    }),
    Effect.map(() => Buffer.concat(parts)),
  )
}

/** Where a redirect leads, if we follow it: to the same origin, with the same method. */
const redirectOf = (
  { settings }: MlflowHttp,
  call: Call,
  url: string,
  { headers, status }: HttpClientResponse.HttpClientResponse,
): string | undefined => {
  const location = headers["location"]
  if (location === undefined || !URL.canParse(location, url)) return undefined
  const next = new URL(location, url)
  const keepsMethod = call.method === "GET" || status === 307 || status === 308
  return next.origin === new URL(settings.url).origin && keepsMethod ? next.href : undefined
}

const notFollowed = (
  { settings }: MlflowHttp,
  { operation }: Call,
  url: string,
  { headers, status }: HttpClientResponse.HttpClientResponse,
): TrackerError => {
  const location = headers["location"]
  const place =
    location !== undefined && URL.canParse(location, url) ? brief(settings, location) : "nowhere"
  return new TrackerError({
    operation,
    reason: new Rejected({
      detail: `HTTP ${status}: the server sends us to ${place}; set MLFLOW_TRACKING_URI to the address that answers itself`,
      status,
    }),
  })
}

/** One request and the redirects it leads to. */
const requestOnce = Effect.fnUntraced(function* (
  http: MlflowHttp,
  call: Call,
): Effect.fn.Return<Buffer, TrackerError | HttpClientError.HttpClientError> {
  const { settings } = http
  let url = `${settings.url}${call.path}`
  let query = call.query ?? {}
  for (let redirects = 0; ; redirects++) {
    const response = yield* http.client.execute(yield* requestOf(http, { ...call, query }, url))
    const body = yield* bodyOf(http, call, response)
    const { status } = response
    if (status >= 200 && status < 300) return body
    if (status < 300 || status >= 400)
      return yield* failureOf(settings, call.operation, response, body.toString("utf8"))
    const next = redirects < maxRedirects ? redirectOf(http, call, url, response) : undefined
    if (next === undefined) return yield* notFollowed(http, call, url, response)
    url = next
    query = {}
  }
})

const attempt = (http: MlflowHttp, call: Call): Effect.Effect<Buffer, TrackerError> => {
  const { settings } = http
  const through = throughProxy(settings)
  const fail = (detail: string) => Effect.fail(unreachable(settings, call.operation, detail))
  return requestOnce(http, call).pipe(
    Effect.catchTag("HttpClientError", (error) => fail(`${describeCause(error.reason)}${through}`)),
    Effect.timeoutOrElse({
      duration: settings.timeout,
      orElse: () => fail(`no answer within ${settings.timeout / 1000} s${through}`),
    }),
  )
}

const retried = <A>(
  { settings }: MlflowHttp,
  call: Call,
  attempted: Effect.Effect<A, TrackerError>,
): Effect.Effect<A, TrackerError> =>
  call.retry === false ? attempted : Effect.retry(attempted, backoff(settings))

/** The bytes of a good answer. */
export const bytes = (http: MlflowHttp, call: Call): Effect.Effect<Uint8Array, TrackerError> =>
  retried(http, call, attempt(http, call))

/** The text of a good answer. */
export const text = (http: MlflowHttp, call: Call): Effect.Effect<string, TrackerError> =>
  retried(
    http,
    call,
    Effect.map(attempt(http, call), (body) => body.toString("utf8")),
  )

/** The answer decoded; one that is not what MLflow answers counts as not having reached an MLflow server. */
export const json = <S extends Schema.Codec<unknown, unknown>>(
  http: MlflowHttp,
  schema: S,
  call: Call,
): Effect.Effect<S["Type"], TrackerError> => {
  const { settings } = http
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))
  const decoded = Effect.flatMap(attempt(http, call), (answer) => {
    const body = answer.toString("utf8")
    // A PUT is answered with nothing.
    return decode(call.method === "PUT" && body.trim() === "" ? "{}" : body).pipe(
      Effect.mapError(() =>
        unreachable(settings, call.operation, `not an answer of MLflow: ${brief(settings, body)}`),
      ),
    )
  })
  return retried(http, call, decoded)
}
