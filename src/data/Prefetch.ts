/** Values that are made ahead of use. Left out: what they are. */

/**
 * Values by step, begun up to `count` steps ahead of the one asked for. Steps that were passed over are let go of, so
 * that never more than `count` wait.
 */
export const prefetch = <A>(
  make: (step: number) => Promise<A>,
  count: number,
): ((step: number) => Promise<A>) => {
  const begun = new Map<number, Promise<A>>()
  const begin = (step: number): Promise<A> => {
    const known = begun.get(step)
    if (known !== undefined) return known
    const value = make(step)
    // Whoever asks for it sees the failure; until then nobody does.
    value.catch(() => {})
    begun.set(step, value)
    return value
  }
  return (step) => {
    for (const other of begun.keys()) if (other < step || other > step + count) begun.delete(other)
    const asked = begin(step)
    for (let i = 1; i <= count; i++) begin(step + i)
    begun.delete(step)
    return asked
  }
}
