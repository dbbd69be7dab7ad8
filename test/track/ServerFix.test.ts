/** The fix that is named for what a server, or what stands before it, answers. */
import { ConfigProvider, Effect, Option } from "effect"
import { describe, expect, it } from "vitest"
import { Rejected, TrackerError, Unreachable } from "../../src/track/Errors.ts"
import { fixOf } from "../../src/track/ServerFix.ts"
import * as Settings from "../../src/track/TrackingSettings.ts"

const settingsOf = (env: Readonly<Record<string, string>>): Promise<Settings.Settings> =>
  Effect.runPromise(
    Settings.fromEnvironment.pipe(
      Effect.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            MLFLOW_TRACKING_URI: "https://mlflow.example.org/team",
            ...env,
          }),
        ),
      ),
    ),
  ).then(Option.getOrThrow)

const refused = (detail: string) =>
  new TrackerError({ operation: "list the experiments", reason: new Rejected({ detail }) })
const away = (detail: string) =>
  new TrackerError({ operation: "reach the server", reason: new Unreachable({ detail }) })

const ann = { MLFLOW_TRACKING_USERNAME: "ann", MLFLOW_TRACKING_PASSWORD: "a-long-password" }

describe("the fix for", () => {
  it.each<readonly [string, TrackerError, Readonly<Record<string, string>>, RegExp]>([
    [
      "a name that it does not know",
      refused("HTTP 403 Invalid Host header"),
      {},
      /allowed-hosts mlflow\.example\.org/,
    ],
    [
      "somebody who may not",
      refused("HTTP 403 Permission denied"),
      ann,
      /"ann" may not do this: an administrator/,
    ],
    ["nobody who may not", refused("HTTP 403 Permission denied"), {}, /of somebody who may/],
    ["somebody unknown", refused("HTTP 401"), {}, /it asks who you are/],
    ["a wrong password", refused("HTTP 401"), ann, /does not know the user "ann"/],
    [
      "a wrong token",
      refused("HTTP 401"),
      { MLFLOW_TRACKING_TOKEN: "some-token" },
      /does not take this token/,
    ],
    [
      "a wrong path",
      refused("HTTP 404"),
      {},
      /no MLflow under the path \/team: check the path, or try https:\/\/mlflow\.example\.org alone/,
    ],
    ["large requests", refused("HTTP 413 Request Entity Too Large"), {}, /client_max_body_size 0/],
    ["an MLflow that is not reached", away("HTTP 502 Bad Gateway"), {}, /does not reach MLflow/],
    [
      "a proxy that asks",
      away("HTTP 407"),
      { HTTPS_PROXY: "http://proxy:3128" },
      /user and password into HTTPS_PROXY.*NO_PROXY=mlflow\.example\.org goes around it$/,
    ],
    [
      "an unknown authority",
      away("SELF_SIGNED_CERT_IN_CHAIN"),
      {},
      /MLFLOW_TRACKING_SERVER_CERT_PATH.*MLFLOW_TRACKING_INSECURE_TLS=true/,
    ],
    ["an old certificate", away("CERT_HAS_EXPIRED"), {}, /renewed there, or the clock here set/],
    [
      "a certificate of another name",
      away("ERR_TLS_CERT_ALTNAME_INVALID"),
      {},
      /a name that is in the certificate/,
    ],
    [
      "an unknown name",
      away("getaddrinfo ENOTFOUND"),
      {},
      /the name mlflow\.example\.org is not known here/,
    ],
    [
      "a port at which nobody listens",
      away("ECONNREFUSED"),
      {},
      /nothing answers at mlflow\.example\.org/,
    ],
  ])("%s", async (_, error, env, fix) => {
    expect(fixOf(await settingsOf(env), error)).toMatch(fix)
  })
})
