/**
 * What the spooled events of a run are for MLflow: points, pairs, inputs and tags, in groups that fit one request.
 * Pure: nothing is sent here (`MlflowSender.ts`).
 */
import { createHash } from "node:crypto"
import { derived, final, tracked } from "../metric/Metrics.ts"
import type { Dataset, Event, Metrics, Start } from "./Event.ts"
import * as Limits from "./Limits.ts"
import * as Links from "./Links.ts"
import type { Pair, Point } from "./mlflow/MlflowRuns.ts"
import { runColor } from "./RunColor.ts"
import type * as SpoolReader from "./SpoolReader.ts"

export const note = "mlflow.note.content"

/** The identity of a spool: what its first event says. */
export const spoolId = (start: Start): string =>
  createHash("sha256")
    .update(JSON.stringify([start.gridId, start.trialId ?? "", start.time]))
    .digest("hex")
    .slice(0, 16)

export const toPairs = (values: Readonly<Record<string, string>>): ReadonlyArray<Pair> =>
  Object.entries(values).map(([key, value]) => ({ key, value }))

/** A tag that is sent as it is. */
const isPlainTag = (event: Event | undefined): boolean =>
  event?.type === "tag" && event.key !== note && event.value.length <= Limits.maxTagLength

/** Consecutive metrics events go together, as many as fit one request; so do consecutive tags. */
export const toGroups = (
  events: SpoolReader.Read["events"],
): ReadonlyArray<SpoolReader.Read["events"]> => {
  const groups: Array<Array<SpoolReader.Read["events"][number]>> = []
  let points = 0
  for (const one of events) {
    const group = groups.at(-1)
    const size = one.event.type === "metrics" ? Object.keys(one.event.values).length + 1 : 0
    points += size
    const last = group?.[0]?.event
    const fits = size > 0 && last?.type === "metrics" && points <= Limits.maxMetrics
    const areTags =
      isPlainTag(one.event) && isPlainTag(last) && group!.length < Limits.maxParametersOrTags
    if (group !== undefined && (fits || areTags)) {
      group.push(one)
    } else {
      groups.push([one])
      points = size
    }
  }
  return groups
}

/** Points of one event, the final accuracy first: the compare page of MLflow takes the first metric there is. */
const toPoints = ({ step, time, values }: Metrics): ReadonlyArray<Point> =>
  Object.entries(values)
    .map(([key, value]) => ({ key, value, step, timestamp: time }))
    .sort((a, b) => Number(b.key === final.accuracy.key) - Number(a.key === final.accuracy.key))

/** The metrics that stand first in MLflow, whichever are measured first. */
export const firstMetrics: ReadonlyArray<string> = [
  final.accuracy,
  final.gbops,
  final.memoryBytes,
  derived.weightBits,
  derived.activationBits,
].map(({ key }) => key)

/** The finite points of some events, with the running count of the others. */
export const finitePoints = (events: ReadonlyArray<Metrics>, nonfiniteBefore: number) => {
  const points: Array<Point> = []
  let nonfinite = nonfiniteBefore
  for (const event of events) {
    const all = toPoints(event)
    const finite = all.filter(({ value }) => Number.isFinite(value))
    points.push(...finite)
    if (finite.length === all.length) continue
    nonfinite += all.length - finite.length
    points.push({
      key: tracked.nonfiniteCount.key,
      value: nonfinite,
      step: event.step,
      timestamp: event.time,
    })
  }
  return { points, nonfinite }
}

export const toInput = ({ name, digest, context, source, profile, schema }: Dataset) => ({
  name,
  digest,
  context,
  sourceType: "local",
  source: JSON.stringify({ uri: source ?? name }),
  ...(profile === undefined ? {} : { profile: JSON.stringify(profile) }),
  ...(schema === undefined ? {} : { schema: JSON.stringify(schema) }),
})

export const kindOf = (start: Start) => (start.trialId === undefined ? "grid" : "trial")

const colorTag = "mlflow.runColor"

/** The tags by which these grids find a trial. */
export const gridTags = (gridIds: ReadonlyArray<string>): ReadonlyArray<Pair> =>
  gridIds.map((gridId) => ({ key: Links.gridTag(gridId), value: "trial" }))

export const startTags = (start: Start, parentRunId: string | undefined): ReadonlyArray<Pair> =>
  toPairs({
    "mlflow.source.name": "fliqs",
    "mlflow.source.type": "LOCAL",
    ...start.tags,
    "fliqs.grid_id": start.gridId,
    "fliqs.kind": kindOf(start),
    ...(start.trialId === undefined
      ? {}
      : {
          "fliqs.trial_id": start.trialId,
          ...(colorTag in start.tags
            ? {}
            : {
                [colorTag]: runColor(
                  start.tags["arm"] ?? start.tags["fliqs.search"] ?? "",
                  start.trialId,
                ),
              }),
        }),
    ...(parentRunId === undefined ? {} : { "mlflow.parentRunId": parentRunId }),
  })
