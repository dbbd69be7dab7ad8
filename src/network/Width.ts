/** The width multiplier: what becomes of a number of filters. */
export type WidthScaling = "normal" | "upOnly" | "none"
export type WidthRounding = "multipleOf8" | "exact"

/** The nearest multiple of 8 that is at least 8 and not below 90 % of the wanted width. */
export const multipleOf8 = (wanted: number): number => {
  const rounded = Math.max(8, Math.floor(wanted / 8 + 0.5) * 8)
  return rounded < 0.9 * wanted ? rounded + 8 : rounded
}

/**
 * The width after the multiplier: unchanged at 1; else the product, which must be whole (`exact`), or a
 * multiple of 8 (MobileNetV2, arXiv 1801.04381, reference code).
 */
export const scaleWidth = (
  width: number,
  multiplier: number,
  rounding: WidthRounding,
  scaling: WidthScaling,
): number => {
  const m = scaling === "none" ? 1 : scaling === "upOnly" ? Math.max(1, multiplier) : multiplier
  if (m === 1) return width
  const wanted = width * m
  if (rounding === "exact")
    return Math.abs(wanted - Math.round(wanted)) < 1e-9 ? Math.round(wanted) : wanted
  return multipleOf8(wanted)
}
