/**
 * Numbers of filters after the width multiplier, and what it makes of their options: widths that are not whole, options
 * that become the same. Left out: the rounding itself (`Width.ts`).
 */
import { combine, constant, type Quantity } from "../space/Quantity.ts"
import type { Decisions, DecidedField, BlockPlace } from "./Decisions.ts"
import { scaleWidth, type WidthRounding, type WidthScaling } from "./Width.ts"

export class Widths {
  multiplier: Quantity = constant(1)
  /** Multiplier -> the widths it gave so far, of every option of every field it scales. */
  readonly scaled = new Map<number, Array<number>>()
  private readonly decisions: Decisions
  private readonly rounding: WidthRounding

  constructor(decisions: Decisions, rounding: WidthRounding) {
    this.decisions = decisions
    this.rounding = rounding
  }

  /** Options of a field, times the multiplier, rounded. */
  of(
    place: BlockPlace,
    name: string,
    chosen: DecidedField<number>,
    scaling: WidthScaling = "normal",
  ): Quantity {
    const filters = this.decisions.quantity(chosen, (n) => n)
    const scaled = combine([filters, this.multiplier], ([n, m]) =>
      scaleWidth(n!, m!, this.rounding, scaling),
    )
    const broken = scaled.values.find((v) => !Number.isInteger(v))
    if (broken !== undefined)
      this.decisions.stop(
        [...place.at, name],
        `times the width multiplier gives ${broken} channels; use whole products or widthRounding: multipleOf8`,
      )
    for (const m of this.multiplier.values)
      this.note(
        m,
        chosen.options.map((n) => scaleWidth(n, m, this.rounding, scaling)),
      )
    const before = new Set(filters.values).size * new Set(this.multiplier.values).size
    if (
      scaled.values.length > 1 &&
      new Set(scaled.values).size < before &&
      new Set(filters.values).size > 1
    )
      this.warnOfTwins(place, name, chosen, scaling)
    return scaled
  }

  note(multiplier: number, widths: ReadonlyArray<number>): void {
    this.scaled.set(multiplier, [...(this.scaled.get(multiplier) ?? []), ...widths])
  }

  /** Warns of options that become the same width under one multiplier. */
  private warnOfTwins(
    place: BlockPlace,
    name: string,
    chosen: DecidedField<number>,
    scaling: WidthScaling,
  ): void {
    for (const m of this.multiplier.values) {
      const seen = new Map<number, number>()
      for (const n of chosen.options) {
        const w = scaleWidth(n, m, this.rounding, scaling)
        const twin = seen.get(w)
        if (twin !== undefined)
          this.decisions.warning(
            [...place.at, name],
            `options ${twin} and ${n} both become ${w} channels at width multiplier ${m}; drop one of them`,
          )
        seen.set(w, n)
      }
    }
  }
}
