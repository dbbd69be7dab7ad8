/**
 * How many distinct active assignments a space has: assignments that differ only in inactive decisions are one.
 *
 * The count is a sum of products. Over all choices of the gates it adds up the options of whatever these open; an inactive
 * gate counts once, at its choice 0. Variables are summed out one by one, always the one whose table is smallest (Dechter,
 * "Bucket elimination", 1999). A condition with several gates is a chain of bits, "open so far", so that no table spans all.
 */
import { type Activity, allOf, type DecisionSpace } from "./Decision.ts"

/** More entries in one table than this are refused: no plausible space needs a hundredth. */
const maxEntries = 200_000

/** A number for every joint value of some variables, row-major, the last fastest. */
interface Factor {
  readonly variables: ReadonlyArray<number>
  readonly values: ReadonlyArray<bigint>
}

const keyOf = (active: Exclude<Activity, "always">): string =>
  active
    .map((gate) =>
      allOf(gate)
        .map(
          ({ choices, decision }) => `${decision}:${[...choices].sort((a, b) => a - b).join(",")}`,
        )
        .sort()
        .join("&"),
    )
    .sort()
    .join(";")

class Factors {
  /** Values of each variable. */
  readonly sizes: Array<number>
  private factors: Array<Factor> = []

  constructor(sizes: ReadonlyArray<number>) {
    this.sizes = [...sizes]
  }

  variable(size: number): number {
    return this.sizes.push(size) - 1
  }

  private entries(variables: ReadonlyArray<number>): number {
    return variables.reduce((product, variable) => product * this.sizes[variable]!, 1)
  }

  /** Every joint value of some variables, in the order of a table. */
  private *joint(variables: ReadonlyArray<number>): Generator<ReadonlyArray<number>> {
    const values = variables.map(() => 0)
    for (let left = this.entries(variables); left > 0; left--) {
      yield values
      for (let i = values.length - 1; i >= 0; i--) {
        if (++values[i]! < this.sizes[variables[i]!]!) break
        values[i] = 0
      }
    }
  }

  add(variables: ReadonlyArray<number>, value: (of: (variable: number) => number) => bigint): void {
    const distinct = [...new Set(variables)]
    const values: Array<bigint> = []
    for (const joint of this.joint(distinct))
      values.push(value((variable) => joint[distinct.indexOf(variable)]!))
    this.factors.push({ variables: distinct, values })
  }

  private read({ values, variables }: Factor, of: ReadonlyMap<number, number>): bigint {
    let place = 0
    for (const variable of variables) place = place * this.sizes[variable]! + of.get(variable)!
    return values[place]!
  }

  private neighbours(variable: number): ReadonlyArray<number> {
    const touching = this.factors.filter(({ variables }) => variables.includes(variable))
    return [...new Set(touching.flatMap(({ variables }) => variables))].filter(
      (other) => other !== variable,
    )
  }

  private sumOut(variable: number): void {
    const touching = this.factors.filter(({ variables }) => variables.includes(variable))
    const variables = this.neighbours(variable)
    if (this.entries(variables) * this.sizes[variable]! > maxEntries)
      throw new RangeError("too many decisions are opened by overlapping sets of gates to count")
    const of = new Map<number, number>()
    const values: Array<bigint> = []
    for (const joint of this.joint(variables)) {
      variables.forEach((one, i) => of.set(one, joint[i]!))
      let sum = 0n
      for (let value = 0; value < this.sizes[variable]!; value++) {
        of.set(variable, value)
        sum += touching.reduce((product, factor) => product * this.read(factor, of), 1n)
      }
      values.push(sum)
    }
    this.factors = [
      ...this.factors.filter((factor) => !touching.includes(factor)),
      { variables, values },
    ]
  }

  /** The sum of the product of all factors over all values of these variables. */
  sum(variables: ReadonlyArray<number>): bigint {
    const waiting = new Set(variables)
    while (waiting.size > 0) {
      let [best, fewest] = [-1, Infinity]
      for (const variable of waiting) {
        const entries = this.entries(this.neighbours(variable))
        if (entries < fewest) [best, fewest] = [variable, entries]
      }
      this.sumOut(best)
      waiting.delete(best)
    }
    return this.factors.reduce((product, { values }) => product * values[0]!, 1n)
  }
}

/** Exact. Throws RangeError when conditions are entangled beyond any plausible space. */
export const cardinality = ({ decisions }: DecisionSpace): bigint => {
  const isGate = new Set(
    decisions.flatMap(({ active }) =>
      active === "always" ? [] : active.flatMap(allOf).map(({ decision }) => decision),
    ),
  )
  const factors = new Factors(decisions.map(({ options }) => options.length))
  const bits: Array<number> = []
  /** The bit of a condition: 1 where it holds. */
  const bitOf = (active: Exclude<Activity, "always">): number => {
    let before: number | undefined
    for (const gate of active) {
      const all = allOf(gate)
      const [bit, known] = [factors.variable(2), before]
      factors.add(
        [...all.map(({ decision }) => decision), bit, ...(known === undefined ? [] : [known])],
        (of) => {
          const opens = all.every(({ choices, decision }) => choices.includes(of(decision)))
          const isOpen = opens || (known !== undefined && of(known) === 1)
          return of(bit) === (isOpen ? 1 : 0) ? 1n : 0n
        },
      )
      bits.push(bit)
      before = bit
    }
    return before!
  }
  let free = 1n
  const conditions = new Map<string, { readonly bit: number; options: bigint }>()
  decisions.forEach(({ active, options }, i) => {
    const count = BigInt(options.length)
    if (active === "always") {
      if (!isGate.has(i)) free *= count
      return
    }
    const key = keyOf(active)
    const condition = conditions.get(key) ?? { bit: bitOf(active), options: 1n }
    conditions.set(key, condition)
    if (!isGate.has(i)) condition.options *= count
    else factors.add([condition.bit, i], (of) => (of(condition.bit) === 1 || of(i) === 0 ? 1n : 0n))
  })
  for (const { bit, options } of conditions.values())
    factors.add([bit], (of) => (of(bit) === 1 ? options : 1n))
  return free * factors.sum([...isGate, ...bits])
}

/** Base-10 logarithm of a positive count too large for a double. */
export const log10 = (count: bigint): number => {
  const digits = count.toString()
  return Math.log10(Number(`0.${digits.slice(0, 17)}`)) + digits.length
}
