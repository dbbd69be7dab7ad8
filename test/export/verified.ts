/** Files of one small network, compared with it as an export is. */
import { expect } from "vitest"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import type { Runner } from "../../src/export/Target.ts"
import { compare, openChild, type Verified } from "../../src/export/Verify.ts"
import { drawImages } from "./models.ts"

/** Formats with a zero point are for activations: beside them weights are INT of as many bits. */
export const asPairs = (formats: string): string =>
  formats.replaceAll(/\bU(INT\d+)\b/gu, "{ weights: $1, activations: U$1 }")

/** Other formats and scales in every kind of convolution. */
export const convolutions = (scale: string, formats: string): string => `
name: matrix
input: { height: 12, width: 12, channels: 3 }
classes: 4
network:
  - conv: { name: stem, filters: 20, kernel: 3, stride: 2 }
  - invertedResidual: { name: block, filters: 20, kernel: 3, expansion: 2, stride: 1 }
  - conv: { name: head, filters: 36, kernel: 1 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [${asPairs(formats)}], scale: { sharedExponent: floor${scale} } }
`

/** Every decision at its first option. */
export const first = ({
  space,
}: {
  readonly space: { readonly decisions: ReadonlyArray<unknown> }
}) => space.decisions.map(() => 0)

/** Compares on 32 images, and closes the runner. */
export const compared = async (model: FoundModel, runner: Runner): Promise<Verified> => {
  const child = openChild(model)
  const batch = { images: drawImages(model.network, 32, 5), count: 32 }
  const verified = await compare(child, runner, model.network.graph.classes, [batch])
  await runner.close()
  child.dispose()
  return verified
}

/** The logits of the file are those of the network: they may differ by the order of sums, and by a rounding that it tips. */
export const expectSame = (verified: Verified): void => {
  expect(verified).toMatchObject({ passed: true, images: 32 })
}
