/**
 * What an answer that is not a good one means, as an error of the tracker: worth another try (`Unreachable`) or not
 * (`Rejected`), with the server's own words, short and without secrets; and what an error says of the run. Left out: making
 * requests (`MlflowHttp.ts`).
 */
import { Schema } from "effect"
import type { HttpClientResponse } from "effect/http"
import { Rejected, TrackerError, Unreachable } from "../Errors.ts"
import { longestSpelling } from "../Secrets.ts"
import type { Settings } from "../TrackingSettings.ts"

const maxDetailLength = 300
const maxSearched = 4 * longestSpelling
const maxRetryAfter = 60_000

/** The beginning of what a server said, on one line and without secrets, nor the beginning of one that was cut in two. */
export const brief = (settings: Settings, body: string): string => {
  const clean = settings.scrub(body.slice(0, maxSearched))
  const whole = body.length > maxSearched ? clean.slice(0, -longestSpelling) : clean
  const text = whole.replace(/\s+/g, " ").trim()
  return text.length > maxDetailLength ? `${text.slice(0, maxDetailLength)}...` : text
}

/** Codes like ECONNRESET, wherever undici and node have wrapped them. */
export const describeCause = (cause: unknown): string => {
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

/** ` (through the proxy ...)`; empty without one. */
export const throughProxy = ({ proxy }: Settings): string =>
  proxy === undefined ? "" : ` (through the proxy ${proxy.shown} of ${proxy.variable})`

/** The server was not reached, or what answered may do better later. */
export const unreachable = (
  settings: Settings,
  operation: string,
  detail: string,
  more: { readonly status?: number; readonly retryAfter?: number } = {},
): TrackerError =>
  new TrackerError({
    operation,
    reason: new Unreachable({ detail: brief(settings, detail), ...more }),
  })

/** An answer whose status is neither good nor a redirect. */
export const failureOf = (
  settings: Settings,
  operation: string,
  response: HttpClientResponse.HttpClientResponse,
  body: string,
): TrackerError => {
  const { status } = response
  const found = decodeErrorBody(body)
  const code = found._tag === "Some" ? found.value.error_code : undefined
  const said = brief(settings, (found._tag === "Some" ? found.value.message : undefined) ?? body)
  const detail = `HTTP ${status} ${said}${throughProxy(settings)}`
  if (status === 408 || status === 429 || status >= 500 || overloaded.test(body)) {
    const wait = retryAfter(response)
    return unreachable(settings, operation, detail, {
      status,
      ...(wait === undefined ? {} : { retryAfter: wait }),
    })
  }
  return new TrackerError({
    operation,
    reason: new Rejected({
      detail,
      status,
      ...(code === undefined ? {} : { code: brief(settings, code) }),
    }),
  })
}

/** Somebody has deleted the run. */
export const isDeleted = ({ reason }: TrackerError) =>
  reason._tag === "Rejected" && /must be in the 'active' state/.test(reason.detail)

/** The server does not know the run, or somebody has deleted it. */
export const isLost = (error: TrackerError) =>
  isDeleted(error) ||
  (error.reason._tag === "Rejected" && error.reason.code === "RESOURCE_DOES_NOT_EXIST")

/** MLflow itself (or we) said no to this one thing. */
export const isRefusal = (error: TrackerError) =>
  error.reason._tag === "Rejected" &&
  !isLost(error) &&
  error.reason.status !== 401 &&
  error.reason.status !== 403 &&
  (error.reason.code !== undefined ||
    error.reason.status === undefined ||
    error.reason.status === 413)
