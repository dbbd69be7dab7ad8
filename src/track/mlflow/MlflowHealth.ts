/** Whether a server is up, and whether it is MLflow. */
import { Effect } from "effect"
import { Rejected, TrackerError } from "../Errors.ts"
import * as MlflowHttp from "./MlflowHttp.ts"

/** Succeeds when the server is up. */
export const check = (http: MlflowHttp.MlflowHttp): Effect.Effect<void, TrackerError> =>
  Effect.asVoid(
    MlflowHttp.text(http, {
      operation: "reach the server",
      method: "GET",
      path: "/health",
      retry: false,
    }),
  )

/** Succeeds when the server can read its database. */
export const checkStore = (http: MlflowHttp.MlflowHttp): Effect.Effect<void, TrackerError> =>
  Effect.asVoid(
    MlflowHttp.text(http, {
      operation: "read the server's database",
      method: "POST",
      path: "/api/2.0/mlflow/experiments/search",
      json: { max_results: 1 },
      retry: false,
    }),
  )

/** The server's version, which also shows whether our credentials are taken. */
export const version = (http: MlflowHttp.MlflowHttp): Effect.Effect<string, TrackerError> => {
  const operation = "ask for the version"
  return MlflowHttp.text(http, { operation, method: "GET", path: "/version", retry: false }).pipe(
    Effect.map((text) => text.trim()),
    Effect.filterOrFail(
      // Anything else is some other server's page, which may hold whatever it was sent.
      (text) => /^\d+(\.\w+){1,5}$/.test(text) && text.length <= 40,
      () =>
        new TrackerError({
          operation,
          reason: new Rejected({ detail: "what answers is no MLflow server" }),
        }),
    ),
  )
}
