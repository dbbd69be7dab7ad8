/** What formats with a zero point ask of a network: they are for activations, and their scales are not learned. */
import type { Layer } from "../../cost/LayerTable.ts"
import type { Format } from "../../format/Format.ts"
import type { Builder } from "../Builder.ts"

const hasZeroPoint = ({ zeroPoint }: Format): boolean => zeroPoint !== undefined

/** Refuses weights with a zero point, and rules that no scale with a zero point goes by. */
export const checkZeroPoints = (builder: Builder, layers: ReadonlyArray<Layer>): void => {
  const refused = new Set<string>()
  for (const { path, weightFormat } of layers) {
    const format = weightFormat.formats.find(hasZeroPoint)
    const key = weightFormat.key ?? "formats"
    if (format === undefined || refused.has(key)) continue
    refused.add(key)
    const signed = `INT${format.bits}`
    builder.problem(
      key.split(".").map((step) => (/^\d+$/u.test(step) ? Number(step) : step)),
      `gives ${format.name} to the weight of ${path}; formats with a zero point are for activations, and weights are symmetric about 0: { weights: ${signed}, activations: ${format.name} } would be right`,
    )
  }
  const learned = layers.find(
    ({ activationFormat, scaleRule }) =>
      scaleRule === "learned" && activationFormat.formats.some(hasZeroPoint),
  )
  if (learned !== undefined) {
    const { name } = learned.activationFormat.formats.find(hasZeroPoint)!
    builder.problem(
      ["formats", "scale", "rule"],
      `learned scales are for formats that are symmetric about 0, and ${learned.path} may take ${name}; absmax, mse or a percentile would be right`,
    )
  }
}
