/**
 * What the calls of MLflow's REST API share: the address they have in common, and calls whose answer says nothing. Left
 * out: how one request is made and tried again (`MlflowHttp.ts`).
 */
import { Effect, Schema } from "effect"
import type { TrackerError } from "../Errors.ts"
import * as MlflowHttp from "./MlflowHttp.ts"

/** What the path of every call begins with. */
export const api = "/api/2.0/mlflow"

const Nothing = Schema.Record(Schema.String, Schema.Unknown)

/** Makes a call whose answer says nothing. */
export const send = (
  http: MlflowHttp.MlflowHttp,
  call: MlflowHttp.Call,
): Effect.Effect<void, TrackerError> => Effect.asVoid(MlflowHttp.json(http, Nothing, call))

/** Posts to a path of the API whose answer says nothing. */
export const post = (
  http: MlflowHttp.MlflowHttp,
  operation: string,
  path: string,
  json: unknown,
): Effect.Effect<void, TrackerError> =>
  send(http, { operation, method: "POST", path: `${api}${path}`, json })
