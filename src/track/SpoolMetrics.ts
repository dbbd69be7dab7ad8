/**
 * The curves of a run, read back from its spool: for tables and pictures of whole grids, so it reads many files fast. What
 * an earlier attempt wrote beyond the checkpoint that the next one began with is replaced by the later values.
 */
import { Effect, FileSystem } from "effect"
import { scan } from "./SpoolRecord.ts"

/** Values of a metric by step, ascending. */
export interface Curve {
  readonly steps: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

interface Growing {
  readonly steps: Array<number>
  readonly values: Array<number>
}

/** Records of metrics begin like this; all others are left as text. */
const beginning = '{"type":"metrics"'

/** Key -> curve, of the keys that `wanted` takes; values that are not finite are left out. */
const curvesIn = (bytes: Buffer, wanted: (key: string) => boolean): ReadonlyMap<string, Curve> => {
  const curves = new Map<string, Growing>()
  for (const { json } of scan(bytes).lines) {
    if (!json.startsWith(beginning)) continue
    const { step, values } = JSON.parse(json) as {
      readonly step: number
      readonly values: Readonly<Record<string, unknown>>
    }
    for (const [key, value] of Object.entries(values)) {
      if (typeof value !== "number" || !Number.isFinite(value) || !wanted(key)) continue
      const curve = curves.get(key) ?? { steps: [], values: [] }
      curves.set(key, curve)
      while (curve.steps.length > 0 && curve.steps.at(-1)! >= step) {
        curve.steps.pop()
        curve.values.pop()
      }
      curve.steps.push(step)
      curve.values.push(value)
    }
  }
  return curves
}

/** Of the spool of a run; empty while there is none that can be read. */
export const readCurves = Effect.fnUntraced(function* (
  file: string,
  wanted: (key: string) => boolean,
) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* Effect.orElseSucceed(fs.readFile(file), () => new Uint8Array())
  return curvesIn(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), wanted)
})
