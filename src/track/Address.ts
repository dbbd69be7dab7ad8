/**
 * What MLFLOW_TRACKING_URI may say. MLflow's own client also takes databases, folders and Databricks; fliqs speaks HTTP to
 * a server. An address that can never work is refused with what would be right, one whose meaning is plain is read so, with
 * a note.
 */
import { show } from "../declaration/Errors.ts"
import { makeScrub, secretsOfAddress } from "./Secrets.ts"

export interface Address {
  /** Without user, password, query and fragment. */
  readonly url: URL
  /** Percent-encoded. */
  readonly username: string
  readonly password: string
  /** What was made of it: `is HOST:PORT; read as http://HOST:PORT/`. */
  readonly notes: ReadonlyArray<string>
}

const aServer = "expected the address of an MLflow server, http://HOST:PORT or https://HOST"
const ownServer =
  "unset it, and fliqs starts a server of its own, or start one by `mlflow server --backend-store-uri ...` and give its address"

const databases = /^(sqlite|postgres(ql)?|mysql|mssql|oracle|mariadb)(\+\w+)?$/
const databricks = /^(databricks(-uc)?|uc)$/
const folders = /^(file|dbfs|s3|gs|gcs|wasbs?|abfss?|hdfs|viewfs|ftp|sftp|r2|mlflow-artifacts)$/

const ofScheme = (scheme: string): string => {
  if (databases.test(scheme)) return `a database, which only a server writes to; ${ownServer}`
  if (databricks.test(scheme)) return `Databricks, which fliqs does not speak to; ${ownServer}`
  if (folders.test(scheme)) return `a folder of files, which fliqs does not write; ${ownServer}`
  return `no address of a server; ${aServer}`
}

/** `HOST:PORT`, with a path, user and password or without. */
const hostAndPort = /^([^/?#@\s]*@)?([\w.-]+|\[[\da-f:.]+\]):\d{1,5}([/?#].*)?$/i

/** What is wrong with a text that is no address by HTTP. */
const refusal = (text: string, scheme: string): string => {
  if (databricks.test(text)) return ofScheme(text)
  // One letter is a drive of Windows.
  return scheme.length > 1 ? ofScheme(scheme) : `which has no scheme; ${aServer}; or ${ownServer}`
}

/** The address; a text says what is wrong with it and never what is secret in it. */
export const read = (given: string): Address | string => {
  const text = given.trim()
  const shown = show(makeScrub(secretsOfAddress(text))(text))
  const isBare = !text.includes("://") && hostAndPort.test(text)
  const scheme = (/^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1] ?? "").toLowerCase()
  if (!isBare && scheme !== "http" && scheme !== "https")
    return `is ${shown}, ${refusal(text.toLowerCase(), scheme)}`
  const address = isBare ? `http://${text}` : text
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || url.port === "0" || /^https?:\/{3}/i.test(address))
    return `is ${shown}, which is no valid address; ${aServer}`
  const { username, password, search, hash } = url
  url.username = ""
  url.password = ""
  url.search = ""
  url.hash = ""
  const isChanged = search !== "" || hash !== "" || !/^https?:\/\//i.test(text)
  return {
    url,
    username,
    password,
    notes: isChanged ? [`is ${shown}; read as ${url.href}`] : [],
  }
}
