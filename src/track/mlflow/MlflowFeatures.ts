/** What the server can do beyond what every MLflow can: asked once for each connection. */
import { Effect } from "effect"
import type { TrackerError } from "../Errors.ts"
import * as MlflowHealth from "./MlflowHealth.ts"
import type { MlflowHttp } from "./MlflowHttp.ts"

interface Features {
  /** Named views of the experiment page, as tags of the experiment (MLflow 3.15). */
  readonly views: boolean
}

const known = new WeakMap<MlflowHttp, Features>()

const isAtLeast = (version: string, major: number, minor: number): boolean => {
  const [a = 0, b = 0] = version.split(".").map((part) => Number.parseInt(part, 10) || 0)
  return a > major || (a === major && b >= minor)
}

const none: Features = { views: false }

/** The features of this server. One that does not tell its version has none. */
export const featuresOf = (http: MlflowHttp): Effect.Effect<Features, TrackerError> =>
  Effect.suspend(() => {
    const before = known.get(http)
    if (before !== undefined) return Effect.succeed(before)
    return MlflowHealth.version(http).pipe(
      Effect.map((version): Features => ({ views: isAtLeast(version, 3, 15) })),
      Effect.catchIf(
        (error) => !error.isRetryable,
        () => Effect.succeed(none),
      ),
      Effect.tap((features) => Effect.sync(() => known.set(http, features))),
    )
  })
