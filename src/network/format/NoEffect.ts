/**
 * What a `formats` block says without effect: a scope where no format is searched, scales where no format has one. All are
 * warnings: the network is the same without them. Left out: overrides that no layer is left for (`FormatScopes.ts`).
 */
import type { Layer } from "../../cost/LayerTable.ts"
import type { Format } from "../../format/Format.ts"
import type { Builder } from "../Builder.ts"
import type { Formats } from "./FormatsSchema.ts"
import type { Scale } from "./ScaleSchema.ts"

/** The formats of attention's products, each with whether its values cannot be negative. */
const productFormats = (builder: Builder): ReadonlyArray<Format> =>
  builder.nodes.flatMap((node) =>
    node.operation === "attention" && node.products !== undefined ? node.products.formats : [],
  )

const warnOfScale = (builder: Builder, layers: ReadonlyArray<Layer>, scale: Scale): void => {
  const products = productFormats(builder)
  const ofLayers = layers.flatMap(({ activationFormat, weightFormat }) => [
    ...weightFormat.formats,
    ...activationFormat.formats,
  ])
  const warn = (key: keyof Scale, why: string) =>
    builder.warning(["formats", "scale", key], `has no effect: ${why}; remove it`)
  const all = [...ofLayers, ...products]
  // where only block formats are offered, these are errors
  if (ofLayers.every(({ block, scaled }) => !scaled && block === undefined)) {
    const why = "no format of a layer takes a scale, so there is no"
    if (scale.rule !== "absmax") warn("rule", `${why} rule`)
    if (scale.granularity !== "tensor") warn("granularity", `${why} granularity`)
  }
  if (scale.sharedExponent !== undefined && !all.some(({ block }) => block?.scale === "E8M0"))
    warn("sharedExponent", "no MX format is offered")
  const isUnsigned = layers.some(
    ({ activationFormat, unsignedActivations }) =>
      unsignedActivations === true && activationFormat.formats.some(({ kind }) => kind === "int"),
  )
  if (scale.unsignedAfterRelu && !isUnsigned && !products.some(({ kind }) => kind === "int"))
    warn(
      "unsignedAfterRelu",
      ofLayers.some(({ kind }) => kind === "int")
        ? "every input in an integer format may be negative"
        : ofLayers.some(({ kind }) => kind === "uint")
          ? "formats with a zero point take the range of the values"
          : "no integer format is offered",
    )
}

/** Warns of what `formats` says without effect. */
export const warnOfNoEffect = (
  builder: Builder,
  layers: ReadonlyArray<Layer>,
  formats: Formats | string | undefined,
): void => {
  if (typeof formats !== "object") return
  const isSearched = layers.some(({ activationFormat, weightFormat }) =>
    [activationFormat, weightFormat].some(
      ({ decision, overridden }) =>
        // the decisions of choices have the scope of their name
        decision !== null &&
        !overridden &&
        !builder.decisions[decision]!.path.startsWith("choices."),
    ),
  )
  if (formats.scope !== undefined && !isSearched)
    builder.warning(["formats", "scope"], "has no effect: no format is searched in it; remove it")
  if (formats.scale !== undefined) warnOfScale(builder, layers, formats.scale)
}
