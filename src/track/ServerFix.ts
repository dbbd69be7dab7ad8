/**
 * What a person can change when a server of somebody else does not answer as it should: the fix for what was found. The
 * words that are recognised are those of MLflow 3, of its basic-auth app, of nginx, and of Node's TLS.
 */
import type { TrackerError } from "./Errors.ts"
import type { Settings } from "./TrackingSettings.ts"

interface Case {
  readonly found: RegExp
  readonly fix: (settings: Settings) => string
}

const hostOf = ({ url }: Settings): string => new URL(url).host

const credentialsFix = ({ credentials }: Settings): string => {
  switch (credentials.kind) {
    case "none":
      return "it asks who you are: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    case "basic":
      return `it does not know the user ${JSON.stringify(credentials.username)} with this password: check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD`
    case "bearer":
      return "it does not take this token: check MLFLOW_TRACKING_TOKEN; with MLflow's basic-auth set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead"
  }
}

const throughProxyFix = (settings: Settings): string =>
  settings.proxy === undefined
    ? ""
    : `; requests go through ${settings.proxy.variable}: NO_PROXY=${new URL(settings.url).hostname} goes around it`

/** The first that matches counts. */
const cases: ReadonlyArray<Case> = [
  {
    found: /invalid host header|rebinding/i,
    fix: (settings) =>
      `the server takes no requests by this name: start it with --allowed-hosts ${hostOf(settings)}, or set MLFLOW_SERVER_ALLOWED_HOSTS there; behind a proxy, let that pass the name on (nginx: proxy_set_header Host $host)`,
  },
  {
    found: /HTTP 407|proxy authentication/i,
    fix: ({ proxy }) =>
      `the proxy asks who you are: write user and password into ${proxy?.variable ?? "HTTP_PROXY"}, as USER:PASSWORD@ before the host`,
  },
  {
    found: /plain HTTP request was sent to HTTPS port|client sent an HTTP request to an HTTPS/i,
    fix: () => "it speaks https: let MLFLOW_TRACKING_URI begin with https://",
  },
  {
    found: /WRONG_VERSION_NUMBER|wrong version number|EPROTO|packet length too long/,
    fix: () => "it does not speak https: let MLFLOW_TRACKING_URI begin with http://",
  },
  {
    found: /SELF_SIGNED_CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED/,
    fix: () =>
      "its certificate is of an authority that is not known here: let MLFLOW_TRACKING_SERVER_CERT_PATH name the authority's file of certificates (PEM); MLFLOW_TRACKING_INSECURE_TLS=true checks none",
  },
  {
    found: /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    fix: () =>
      "its certificate is not valid today: it has to be renewed there, or the clock here set",
  },
  {
    found: /ALTNAME_INVALID/,
    fix: () =>
      "its certificate is for another name: let MLFLOW_TRACKING_URI use a name that is in the certificate",
  },
  { found: /HTTP 401/, fix: credentialsFix },
  {
    found: /HTTP 403/,
    fix: ({ credentials }) =>
      credentials.kind === "basic"
        ? `the user ${JSON.stringify(credentials.username)} may not do this: an administrator of the server gives the permission (EDIT on the experiment)`
        : "it refuses this: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, of somebody who may",
  },
  {
    found: /HTTP 404|no MLflow server|not an answer of MLflow/,
    fix: ({ url }) => {
      const { origin, pathname } = new URL(url)
      return pathname === "/"
        ? "no MLflow at this address: if it is served under a path, as nginx or --static-prefix do, write the path too (http://HOST/mlflow)"
        : `no MLflow under the path ${pathname}: check the path, or try ${origin} alone`
    },
  },
  {
    found: /HTTP 413/,
    fix: () =>
      "what stands before it takes no large requests: raise the limit there (nginx: client_max_body_size 0)",
  },
  {
    found: /HTTP 50[234]/,
    fix: () => "what stands before it does not reach MLflow: see whether MLflow runs there",
  },
  {
    found: /ENOTFOUND|EAI_AGAIN/,
    fix: ({ url }) =>
      `the name ${new URL(url).hostname} is not known here: check MLFLOW_TRACKING_URI`,
  },
  {
    found: /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ECONNRESET|no answer within|TIMEOUT/i,
    fix: ({ url }) =>
      `nothing answers at ${new URL(url).host}: start the server, or check MLFLOW_TRACKING_URI`,
  },
]

/** What to do about this error of this server. */
export const fixOf = (settings: Settings, error: TrackerError): string => {
  const found = cases.find((one) => one.found.test(error.message))
  const fix =
    found?.fix(settings) ??
    "check MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME, _PASSWORD and _TOKEN"
  return `${fix}${throughProxyFix(settings)}`
}

/** What to do about a server that keeps artifacts where only Python's client, with keys of its own, can write. */
export const artifactsFix =
  "start it with `mlflow server --serve-artifacts --artifacts-destination PLACE` and without --default-artifact-root; experiments made before keep their old place. Metrics, parameters and notes arrive all the same; files stay in the state folder"
