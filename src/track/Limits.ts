/**
 * What MLflow accepts, so that nothing is refused or, worse, cut or dropped in silence: keys, value lengths, batch sizes,
 * artifact paths (`mlflow/utils/validation.py`, 3.18.0).
 */
import { createHash } from "node:crypto"

export const maxMetrics = 1000
export const maxParametersOrTags = 100
/** MLflow's own client keeps 1e6 bytes; some servers enforce it. */
export const maxBodyBytes = 900_000
export const maxKeyLength = 250
export const maxParameterLength = 6000
export const maxTagLength = 8000
export const maxExperimentTagLength = 5000
export const maxDigestLength = 36
export const maxDatasetNameLength = 500
export const maxExperimentNameLength = 500

const digest = (text: string, length: number) =>
  createHash("sha256").update(text).digest("hex").slice(0, length)

const isKey = (key: string) =>
  key.length > 0 &&
  key.length <= maxKeyLength &&
  /^[/\w.\- :]+$/.test(key) &&
  key.split("/").every((part) => part !== "" && part !== "." && part !== "..")

/**
 * A key MLflow accepts: the key itself, or one in which everything else became `_`, ended by six digits of its digest so
 * that two keys never fall together.
 */
export const key = (name: string): string => {
  if (isKey(name)) return name
  const clean = name
    .replace(/[^/\w.\- :]/g, "_")
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "..")
    .join("/")
  const suffix = `_${digest(name, 6)}`
  return (clean.slice(0, maxKeyLength - suffix.length) || "key") + suffix
}

/** The text, cut to `length` UTF-16 units with a mark where it was cut. */
export const cut = (text: string, length: number): string => {
  if (text.length <= length) return text
  const mark = " ... (cut)"
  return text.slice(0, length - mark.length).replace(/[\uD800-\uDBFF]$/, "") + mark
}

/** The segments of an artifact's path; undefined for one the server would refuse or misplace. */
export const artifactSegments = (path: string): ReadonlyArray<string> | undefined => {
  const segments = path.split("/")
  const good = segments.every(
    (part) =>
      part !== "" &&
      part !== "." &&
      part !== ".." &&
      Buffer.byteLength(part) <= 255 &&
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      !/[#\\\u0000-\u001f\u007f]/.test(part),
  )
  return good && path.length <= 1000 ? segments : undefined
}

/** A digest MLflow keeps whole. */
export const datasetDigest = (text: string): string =>
  text.length <= maxDigestLength ? text : digest(text, maxDigestLength)

/** Splits a list so that no part has more than `count` entries or `bytes` bytes of JSON. */
export const chunks = <A>(
  all: ReadonlyArray<A>,
  count: number,
  bytes = maxBodyBytes,
): ReadonlyArray<ReadonlyArray<A>> => {
  const parts: Array<Array<A>> = []
  let part: Array<A> = []
  let size = 0
  for (const one of all) {
    const length = Buffer.byteLength(JSON.stringify(one)) + 1
    if (part.length > 0 && (part.length === count || size + length > bytes)) {
      parts.push(part)
      part = []
      size = 0
    }
    part.push(one)
    size += length
  }
  if (part.length > 0) parts.push(part)
  return parts
}
