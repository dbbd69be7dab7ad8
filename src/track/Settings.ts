/**
 * Where the tracking server is and how to speak to it: MLflow's own environment variables, read once. Passwords and
 * tokens are `Redacted` from here on, user and password are taken out of the address, and `scrub` removes every secret
 * (plain, percent-encoded, base64) from a text that came from outside, since a server may echo what it was sent.
 *
 * Left out: starting a server (`Server.ts`) and talking to it (`MlflowClient.ts`).
 */
import { Config, Effect, Option, Redacted } from "effect"
import { TrackerError, Unusable } from "./Errors.ts"

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
  /** A file of certificates to trust. */
  readonly serverCertificate: string | undefined
  /** Milliseconds for one request, its answer included. */
  readonly timeout: number
  readonly maxRetries: number
  /** Milliseconds before the first retry; doubled from then on. */
  readonly retryDelay: number
  /** Replaces the experiment's name when set (MLFLOW_EXPERIMENT_NAME). */
  readonly experimentName: string | undefined
  /** The text without secrets. */
  readonly scrub: (text: string) => string
}

const refuse = (detail: string) =>
  new TrackerError({ operation: "read the tracking settings", reason: new Unusable({ detail }) })

const base64 = (text: string) => {
  const padded = Buffer.from(text).toString("base64")
  return [padded, padded.replace(/=+$/, ""), Buffer.from(text).toString("base64url")]
}

/** Removes secrets from texts, in the spellings in which they travel. */
export const makeScrub = (secrets: ReadonlyArray<string>): ((text: string) => string) => {
  const spellings = secrets
    .filter((secret) => secret !== "")
    .flatMap((secret) => [secret, encodeURIComponent(secret)].concat(base64(secret)))
    .sort((a, b) => b.length - a.length)
  return (text) =>
    spellings.reduce((left, spelling) => left.replaceAll(spelling, "<redacted>"), text)
}

const decodePercent = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const parseAddress = (address: string): Effect.Effect<URL, TrackerError> => {
  // The address itself is never put into the message: it may hold a password.
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined) {
    return Effect.fail(
      refuse("MLFLOW_TRACKING_URI is not a URL; expected http://HOST:PORT or https://HOST"),
    )
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return Effect.fail(
      refuse(
        `MLFLOW_TRACKING_URI has the scheme ${url.protocol.slice(0, -1)}; expected http or https`,
      ),
    )
  }
  return Effect.succeed(url)
}

const text = (name: string) =>
  Config.String(name).pipe(
    Config.option,
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (found) => found !== ""))),
  )

const secret = (name: string) =>
  Config.Redacted(name).pipe(
    Config.option,
    Config.map((value) =>
      Option.getOrUndefined(Option.filter(value, (found) => Redacted.value(found) !== "")),
    ),
  )

const variables = Config.all({
  address: secret("MLFLOW_TRACKING_URI"),
  username: text("MLFLOW_TRACKING_USERNAME"),
  password: secret("MLFLOW_TRACKING_PASSWORD"),
  token: secret("MLFLOW_TRACKING_TOKEN"),
  insecureTls: text("MLFLOW_TRACKING_INSECURE_TLS"),
  serverCertificate: text("MLFLOW_TRACKING_SERVER_CERT_PATH"),
  experimentName: text("MLFLOW_EXPERIMENT_NAME"),
  timeout: text("MLFLOW_HTTP_REQUEST_TIMEOUT"),
  maxRetries: text("MLFLOW_HTTP_REQUEST_MAX_RETRIES"),
})

const wholeNumber = (name: string, value: string | undefined, otherwise: number) => {
  if (value === undefined) return Effect.succeed(otherwise)
  const number = Number(value)
  return Number.isFinite(number) && number >= 0
    ? Effect.succeed(number)
    : Effect.fail(refuse(`${name} is ${value}; expected a number of 0 or more`))
}

/** The experiment's name the environment asks for, with or without a server of its own. */
export const experimentName = text("MLFLOW_EXPERIMENT_NAME").pipe(
  Effect.orElseSucceed((): string | undefined => undefined),
)

/** A local server needs neither credentials nor long waits. */
export const local = (url: string, experimentName?: string): Settings => ({
  url,
  target: "local",
  credentials: { kind: "none" },
  insecureTls: false,
  serverCertificate: undefined,
  timeout: 60_000,
  maxRetries: 3,
  retryDelay: 250,
  experimentName,
  scrub: (found) => found,
})

/**
 * The settings of the environment; `None` when MLFLOW_TRACKING_URI is not set. User and password beat a token, as in
 * MLflow's own client (`utils/rest_utils.py`); those in the address count when the variables are not set.
 */
export const fromEnvironment = Effect.gen(function* () {
  const found = yield* variables.pipe(
    Effect.mapError(() => refuse("the MLFLOW_ variables cannot be read")),
  )
  if (found.address === undefined) return Option.none<Settings>()
  const url = yield* parseAddress(Redacted.value(found.address).trim())
  const inAddress = { username: decodePercent(url.username), password: decodePercent(url.password) }
  const secrets = [
    found.password === undefined ? "" : Redacted.value(found.password),
    found.token === undefined ? "" : Redacted.value(found.token),
    url.password,
    inAddress.password,
  ]
  const username = found.username ?? inAddress.username
  const password = found.password ?? Redacted.make(inAddress.password)
  const pair = `${username}:${Redacted.value(password)}`
  const credentials: Credentials =
    username !== "" && Redacted.value(password) !== ""
      ? { kind: "basic", username, password }
      : found.token !== undefined
        ? { kind: "bearer", token: found.token }
        : { kind: "none" }
  url.username = ""
  url.password = ""
  url.search = ""
  url.hash = ""
  const address = url.href.replace(/\/+$/, "")
  const timeout = yield* wholeNumber("MLFLOW_HTTP_REQUEST_TIMEOUT", found.timeout, 120)
  return Option.some<Settings>({
    url: address,
    target: address,
    credentials,
    insecureTls: found.insecureTls === "true" || found.insecureTls === "1",
    serverCertificate: found.serverCertificate,
    timeout: Math.max(1, Math.round(timeout * 1000)),
    maxRetries: Math.round(
      yield* wholeNumber("MLFLOW_HTTP_REQUEST_MAX_RETRIES", found.maxRetries, 5),
    ),
    retryDelay: 250,
    experimentName: found.experimentName,
    scrub: makeScrub([...secrets, credentials.kind === "basic" ? pair : ""]),
  })
})
