/** Colours of runs in MLflow's charts: a hue per kind of search, a shade per trial. */
import { createHash } from "node:crypto"

const hash = (text: string) => createHash("sha256").update(text).digest().readUInt32BE(0) / 2 ** 32

/** Hues of the kinds we ship, far apart; any other kind gets one from its name. */
const hues: Readonly<Record<string, number>> = { reinforce: 210, fixed: 28 }

const channel = (hue: number, saturation: number, lightness: number, n: number) => {
  const k = (n + hue / 30) % 12
  const chroma = saturation * Math.min(lightness, 1 - lightness)
  const value = lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))
  return Math.round(255 * value)
    .toString(16)
    .padStart(2, "0")
}

/** `#rrggbb`, the same for the same trial wherever it runs; dark enough to read on white. */
export const runColor = (searchKind: string, trialId: string): string => {
  const hue = hues[searchKind] ?? Math.floor(hash(searchKind) * 360)
  const lightness = 0.35 + 0.3 * hash(trialId)
  return `#${[0, 8, 4].map((n) => channel(hue, 0.65, lightness, n)).join("")}`
}
