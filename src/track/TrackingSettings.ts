/**
 * Where the tracking server is and how to speak to it: MLflow's own environment variables, read once. Passwords and
 * tokens are `Redacted` from here on, user and password are taken out of the address, and `scrub` removes every secret
 * from a text that came from outside, since a server may echo what it was sent.
 *
 * Left out: what an address may look like (`Address.ts`), which proxy (`Proxy.ts`), how secrets are spelled (`Secrets.ts`),
 * starting a server (`Server.ts`) and talking to it (`MlflowHttp.ts`).
 */
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { Config, Effect, Option, Redacted } from "effect"
import * as Address from "./Address.ts"
import { TrackerError, WrongSetting } from "./Errors.ts"
import { type Proxy, proxyFor, type Variables } from "./Proxy.ts"
import { decodePercent, makeScrub, type Scrub, scrub, secretsOf } from "./Secrets.ts"

/** How the server knows us. */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "basic"; readonly username: string; readonly password: Redacted.Redacted }
  | { readonly kind: "bearer"; readonly token: Redacted.Redacted }

/** Everything a client needs to know. */
export interface Settings {
  /** Address without user, password and trailing slash; may have a path. */
  readonly url: string
  /** What sent offsets belong to: the address, or `local`, whose port may change from start to start. */
  readonly target: string
  readonly credentials: Credentials
  readonly insecureTls: boolean
  /** Whether `/grid/EXPERIMENT/GRID` leads to the view of a grid, `/grid/EXPERIMENT/GRID/VIEW` to its others. */
  readonly hasShortLinks: boolean
  /** Certificates to trust, as PEM. */
  readonly certificates: string | undefined
  /** What requests go through; never for a server of our own. */
  readonly proxy: Proxy | undefined
  /** Milliseconds for one request, its answer included. */
  readonly timeout: number
  readonly maxRetries: number
  /** Milliseconds before the first retry; doubled from then on. */
  readonly retryDelay: number
  /** Replaces the experiment's name when set (MLFLOW_EXPERIMENT_NAME). */
  readonly experimentName: string | undefined
  /** The text without secrets. */
  readonly scrub: Scrub
}

/** What the environment says, and what was made of it that a person should know. */
export interface Found {
  /** None when MLFLOW_TRACKING_URI is not set. */
  readonly settings: Option.Option<Settings>
  readonly notes: ReadonlyArray<string>
}

const refuse = (detail: string) =>
  new TrackerError({
    operation: "read the tracking settings",
    reason: new WrongSetting({ detail }),
  })

const names = [
  "MLFLOW_TRACKING_URI",
  "MLFLOW_TRACKING_USERNAME",
  "MLFLOW_TRACKING_PASSWORD",
  "MLFLOW_TRACKING_TOKEN",
  "MLFLOW_TRACKING_INSECURE_TLS",
  "MLFLOW_TRACKING_SERVER_CERT_PATH",
  "MLFLOW_EXPERIMENT_NAME",
  "MLFLOW_HTTP_REQUEST_TIMEOUT",
  "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
  ...["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
] as const

const variables = Effect.forEach(names, (name) =>
  Effect.map(
    Config.option(Config.String(name)),
    (value) => [name, Option.getOrUndefined(value)] as const,
  ),
).pipe(
  Effect.map((entries): Variables => Object.fromEntries(entries)),
  Effect.mapError(() => refuse("the variables of the environment cannot be read")),
)

/** The experiment's name the environment asks for, with or without a server of its own. */
export const experimentName = Effect.map(
  variables,
  ({ MLFLOW_EXPERIMENT_NAME: name }) => name || undefined,
).pipe(Effect.orElseSucceed((): string | undefined => undefined))

/** A local server needs neither credentials nor a proxy nor long waits. */
export const local = (url: string, experimentName?: string, hasShortLinks = false): Settings => ({
  url,
  target: "local",
  credentials: { kind: "none" },
  insecureTls: false,
  hasShortLinks,
  certificates: undefined,
  proxy: undefined,
  timeout: 60_000,
  maxRetries: 3,
  retryDelay: 250,
  experimentName,
  scrub,
})

const numberOf = Effect.fnUntraced(function* (
  found: Variables,
  name: string,
  otherwise: number,
  least: "0" | "more than 0",
) {
  const text = found[name]?.trim() ?? ""
  if (text === "") return otherwise
  const number = Number(text)
  const isRight = Number.isFinite(number) && (number > 0 || (number === 0 && least === "0"))
  if (isRight) return number
  return yield* refuse(
    `${name} is ${JSON.stringify(text)}; expected a number of ${least === "0" ? "0 or more" : least}`,
  )
})

/** MLflow's own words for yes and no. */
const booleanOf = Effect.fnUntraced(function* (found: Variables, name: string) {
  const text = found[name]?.trim().toLowerCase() ?? ""
  if (text === "true" || text === "1") return true
  if (text === "" || text === "false" || text === "0") return false
  return yield* refuse(`${name} is ${JSON.stringify(text)}; expected true or false`)
})

const certificatesOf = Effect.fnUntraced(function* (found: Variables) {
  const name = "MLFLOW_TRACKING_SERVER_CERT_PATH"
  const path = found[name]
  if (path === undefined || path === "") return undefined
  const text = yield* Effect.try({
    try: () => readFileSync(path, "utf8"),
    catch: (cause) =>
      refuse(
        `${name} names ${JSON.stringify(path)}, which cannot be read (${(cause as NodeJS.ErrnoException).code}); expected a file of certificates`,
      ),
  })
  yield* Effect.try({
    try: () => new X509Certificate(text),
    catch: () => refuse(`${name} names ${JSON.stringify(path)}, which holds no certificate in PEM`),
  })
  return text
})

/** A header holds no line breaks and nothing outside Latin-1. */
const isHeaderText = (text: string): boolean => /^[\t\u0020-\u007e\u00a0-\u00ff]*$/.test(text)

/** User and password beat a token, as in MLflow's own client; those in the address count when the variables are not set. */
const credentialsOf = Effect.fnUntraced(function* (
  found: Variables,
  inAddress: { readonly username: string; readonly password: string },
  notes: Array<string>,
) {
  const named = found["MLFLOW_TRACKING_USERNAME"] ?? ""
  const given = found["MLFLOW_TRACKING_PASSWORD"] ?? ""
  const token = (found["MLFLOW_TRACKING_TOKEN"] ?? "").trim()
  const isPair = named !== "" && given !== ""
  const username = isPair ? named : named || decodePercent(inAddress.username)
  const password = isPair ? given : given || decodePercent(inAddress.password)
  if (!isHeaderText(token))
    return yield* refuse(
      "MLFLOW_TRACKING_TOKEN holds a line break or another character that no HTTP header may hold",
    )
  if (username !== "" && (password !== "" || (named === "" && given === "")))
    return { kind: "basic", username, password: Redacted.make(password) } satisfies Credentials
  if (named !== "")
    notes.push("MLFLOW_TRACKING_USERNAME is not used: MLFLOW_TRACKING_PASSWORD is not set")
  if (given !== "")
    notes.push("MLFLOW_TRACKING_PASSWORD is not used: MLFLOW_TRACKING_USERNAME is not set")
  return token === ""
    ? ({ kind: "none" } satisfies Credentials)
    : ({ kind: "bearer", token: Redacted.make(token) } satisfies Credentials)
})

/** Reads the environment; fails by name on what can never work. */
export const read: Effect.Effect<Found, TrackerError> = Effect.gen(function* () {
  const found = yield* variables
  const given = found["MLFLOW_TRACKING_URI"] ?? ""
  if (given === "") return { settings: Option.none<Settings>(), notes: [] }
  if (given.trim() === "")
    return {
      settings: Option.none<Settings>(),
      notes: ["MLFLOW_TRACKING_URI is blank and taken as not set"],
    }
  const address = Address.read(given)
  if (typeof address === "string") return yield* refuse(`MLFLOW_TRACKING_URI ${address}`)
  const { url, username, password } = address
  const notes = address.notes.map((note) => `MLFLOW_TRACKING_URI ${note}`)
  const credentials = yield* credentialsOf(found, { username, password }, notes)
  const proxy = proxyFor(url, found)
  if (typeof proxy === "string") return yield* refuse(proxy)
  const plain = url.href.replace(/\/+$/, "")
  const timeout = yield* numberOf(found, "MLFLOW_HTTP_REQUEST_TIMEOUT", 120, "more than 0")
  const maxRetries = yield* numberOf(found, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", 5, "0")
  const pair =
    credentials.kind === "basic"
      ? [`${credentials.username}:${Redacted.value(credentials.password)}`]
      : []
  const settings: Settings = {
    url: plain,
    target: plain,
    credentials,
    hasShortLinks: false,
    insecureTls: yield* booleanOf(found, "MLFLOW_TRACKING_INSECURE_TLS"),
    certificates: yield* certificatesOf(found),
    proxy,
    timeout: Math.max(1, Math.round(timeout * 1000)),
    maxRetries: Math.round(maxRetries),
    retryDelay: 250,
    experimentName: found["MLFLOW_EXPERIMENT_NAME"] || undefined,
    scrub: makeScrub([...secretsOf(found), ...pair]),
  }
  return { settings: Option.some(settings), notes }
})

/** The settings of the environment; `None` when MLFLOW_TRACKING_URI is not set. */
export const fromEnvironment = Effect.map(read, ({ settings }) => settings)
