/** A scale that is worked out here rather than by the renderer, so that names can be placed before anything is drawn. */
import type { Spec } from "./Picture.ts"

export interface Scale {
  readonly domain: readonly [number, number]
  readonly type: "linear" | "log"
  readonly at: (value: number) => number
}

/** From a little below the least to a little above the most; logarithmic where they are far apart. */
export const scaleOf = (values: ReadonlyArray<number>, mayBeLog: boolean): Scale => {
  const finite = values.filter(Number.isFinite)
  const [low, high] = finite.length === 0 ? [0, 1] : [Math.min(...finite), Math.max(...finite)]
  if (mayBeLog && low > 0 && high / low > 12) {
    const margin = (high / low) ** 0.06
    const [from, to] = [low / margin, high * margin]
    const at = (value: number) => Math.log(value / from) / Math.log(to / from)
    return { domain: [from, to], type: "log", at }
  }
  const margin = (high - low || Math.abs(high) / 10 || 1) * 0.07
  const [from, to] = [low - margin, high + margin]
  return { domain: [from, to], type: "linear", at: (value) => (value - from) / (to - from) }
}

/** The same for a specification. */
export const scaleSpec = ({ domain, type }: Scale): Spec => ({
  domain,
  type,
  nice: false,
  ...(type === "log" ? {} : { zero: false }),
})
