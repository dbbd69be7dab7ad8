/** The order of texts that a person expects: numbers in them by their value, so `x0.75` is before `x1.5` before `x10`. */

const parts = (text: string): ReadonlyArray<string> => text.match(/\d+(?:\.\d+)?|\D+/g) ?? []

export const naturalOrder = (a: string, b: string): number => {
  const [left, right] = [parts(a), parts(b)]
  for (const [i, one] of left.entries()) {
    const other = right[i]
    if (other === undefined) return 1
    if (one === other) continue
    const difference = Number(one) - Number(other)
    if (difference !== 0 && !Number.isNaN(difference)) return difference
    return one < other ? -1 : 1
  }
  return left.length - right.length
}
