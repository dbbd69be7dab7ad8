/** The rows that a pass is fed: the format of every site under the policy, with the zero points of a finished network. */
import { type Row, rowNumbers, withZeroPoint } from "../format/Row.ts"
import type { FormatSite } from "../network/Sites.ts"
import { inFloat32, zeroPointOf } from "../quantizer/reference.ts"
import type { Choices } from "../space/Decision.ts"
import type { FrozenScales } from "./FrozenScales.ts"

const rowUnder = ({ decision, rows }: FormatSite, choices: Choices): Row =>
  rows[decision === null ? 0 : choices[decision]!]!

/** Whether the zero point of a site is known once its scale is frozen. */
const freezesZeroPoint = ({ isFrozen }: FormatSite, row: Row): boolean =>
  isFrozen && row.affine === 1

/** The rows of all sites under these choices, row-major; zero points are those that are frozen. */
export const rowsUnder = (
  formats: ReadonlyArray<FormatSite>,
  choices: Choices,
  { amax, zeroPoints }: Partial<FrozenScales>,
): Float32Array =>
  Float32Array.from(
    formats.flatMap((format, site) => {
      const row = rowUnder(format, choices)
      const isKnown = zeroPoints !== undefined && amax![site]! > 0 && freezesZeroPoint(format, row)
      return rowNumbers(isKnown ? withZeroPoint(row, zeroPoints[site]!) : row)
    }),
  )

/** The zero points of activations whose values go from `leasts` [sites] over `amax` [sites]; 0 where there is none. */
export const zeroPointsUnder = (
  formats: ReadonlyArray<FormatSite>,
  choices: Choices,
  amax: Float32Array,
  leasts: Float32Array,
): Float32Array =>
  Float32Array.from(formats, (format, site) => {
    const row = rowUnder(format, choices)
    return freezesZeroPoint(format, row)
      ? zeroPointOf(leasts[site]!, amax[site]!, inFloat32(row))
      : 0
  })
