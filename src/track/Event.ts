/**
 * What a run reports to the tracker: start, parameters, data set, metrics, artifacts, tags, the network that was found, what
 * is compared, end. An event is written to the
 * run's spool (`Spool.ts`) first and sent later (`MlflowSender.ts`), possibly twice; so every time in it is an integer
 * number of milliseconds fixed when the event is made, and sending it again changes nothing.
 *
 * Left out: where events are kept, and every word of any one tracker.
 */
import { Schema } from "effect"
import { scrubValues } from "./Secrets.ts"

/** Milliseconds since 1970, an integer (a fraction makes MLflow drop the rest of the request). */
const Time = Schema.Int

/** Opens the run, or opens it again after a crash. Without `trialId` it is the grid's own (parent) run. */
export const Start = Schema.Struct({
  type: Schema.Literal("start"),
  time: Time,
  gridId: Schema.String,
  trialId: Schema.optionalKey(Schema.String),
  /** Name of the experiment in the tracker. */
  experiment: Schema.String,
  /** Name of the run. */
  name: Schema.String,
  tags: Schema.Record(Schema.String, Schema.String),
})
export type Start = typeof Start.Type

/** Parameters of the run, already as text; write-once. */
export const Parameters = Schema.Struct({
  type: Schema.Literal("parameters"),
  values: Schema.Record(Schema.String, Schema.String),
})
export type Parameters = typeof Parameters.Type

/** One split the run reads. Give each split its own digest: the same (name, digest) twice is dropped by MLflow. */
export const Dataset = Schema.Struct({
  type: Schema.Literal("dataset"),
  name: Schema.String,
  /** At most 36 characters. */
  digest: Schema.String,
  /** What the split is for: `train`, `heldOut`, `test`. */
  context: Schema.String,
  source: Schema.optionalKey(Schema.String),
  profile: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  schema: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
})
export type Dataset = typeof Dataset.Type

/** Values at one step. Values that are not finite are kept here and counted by the sender. */
export const Metrics = Schema.Struct({
  type: Schema.Literal("metrics"),
  step: Schema.Int,
  time: Time,
  values: Schema.Record(Schema.String, Schema.Number),
})
export type Metrics = typeof Metrics.Type

/** A file of the run's folder, to stand at `path` in the run's artifacts. It must not change afterwards. */
export const Artifact = Schema.Struct({
  type: Schema.Literal("artifact"),
  path: Schema.String,
  /** Relative to the folder that holds the spool. */
  file: Schema.String,
})
export type Artifact = typeof Artifact.Type

/** One tag; a later value replaces an earlier one. `mlflow.note.content` is the run's Markdown. */
export const Tag = Schema.Struct({
  type: Schema.Literal("tag"),
  key: Schema.String,
  value: Schema.String,
})
export type Tag = typeof Tag.Type

/** The network that a trial found. */
export const Model = Schema.Struct({
  type: Schema.Literal("model"),
  time: Time,
  step: Schema.Int,
  name: Schema.String,
  /** Path in the model -> file, relative to the folder that holds the spool. They must not change afterwards. */
  files: Schema.Record(Schema.String, Schema.String),
  /** Its metrics. */
  values: Schema.Record(Schema.String, Schema.Number),
})
export type Model = typeof Model.Type

/** What the pages on which trials are compared show. */
export const Views = Schema.Struct({
  type: Schema.Literal("views"),
  /** The metric that costs are compared by. */
  cost: Schema.String,
  /** Parameters in which the trials of the grid differ. */
  differing: Schema.Array(Schema.String),
  /** How many trials the grid has. */
  trials: Schema.optionalKey(Schema.Int),
  /** The colour of each arm, `#rrggbb`. */
  colours: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
})
export type Views = typeof Views.Type

/** The result of the newest grid in a sentence, for the head of its experiment. Markdown. */
export const Headline = Schema.Struct({ type: Schema.Literal("headline"), text: Schema.String })
export type Headline = typeof Headline.Type

/** Ends the run. `message` says why it failed or was stopped. */
export const End = Schema.Struct({
  type: Schema.Literal("end"),
  time: Time,
  status: Schema.Literals(["FINISHED", "FAILED", "KILLED"]),
  message: Schema.optionalKey(Schema.String),
})
export type End = typeof End.Type

/** Everything a run can report to the tracker. */
export const Event = Schema.Union([
  Start,
  Parameters,
  Dataset,
  Metrics,
  Artifact,
  Tag,
  Model,
  Views,
  Headline,
  End,
])
export type Event = typeof Event.Type

/**
 * The clock of the events: integer milliseconds since 1970, as the machine's clock said when the process began. It never goes
 * back, so a run does not end before it began when the machine's clock is set.
 */
export const now = (): number => Math.round(performance.timeOrigin + performance.now())

/** JSON has no NaN and no infinities; `Schema.Number`'s JSON codec spells them as words, and so does this. */
const spellNonFinite = (_key: string, value: unknown) =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value

/** Keys whose values are words of ours: they name events and files, and hold no secret. */
const isOurs = new Set(["type", "status", "gridId", "trialId", "path", "file"])

const speller = () => {
  const clean = scrubValues()
  return (key: string, value: unknown) =>
    isOurs.has(key) ? value : clean(key, spellNonFinite(key, value))
}

const areFinite = (values: Metrics["values"]): boolean => {
  for (const key in values) if (!Number.isFinite(values[key])) return false
  return true
}

/** One line of JSON, without the newline and without secrets; cheap enough for a training loop (nothing is checked). */
export const encode = (event: Event): string =>
  event.type === "metrics"
    ? areFinite(event.values)
      ? JSON.stringify(event)
      : JSON.stringify(event, spellNonFinite)
    : JSON.stringify(event, speller())

/** A parsed line back to an event; `None` for an event this version does not know. */
export const decode = Schema.decodeUnknownOption(Schema.toCodecJson(Event))
