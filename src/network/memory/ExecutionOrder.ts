/**
 * The order of some operations that holds the least memory at once.
 *
 * An operation reads tensors and writes one. A tensor is held from the operation that writes it until the last that reads it
 * is done; while an operation runs, all it reads and writes is held. Which order is best is found by going through sets of
 * operations that are done, by the number of operations in them, and keeping for each set the least memory that leads to
 * it (Ahn et al., "Ordering chaos", arXiv 2003.02369, section 3.1). Sets that hold no less than the best order known are
 * left out. Where sets are too many the best order known is taken, which may not be the best of all; `exact` says so. Left
 * out: which tensors there are (`Tensors.ts`).
 */

/** An operation that writes a tensor; tensors are numbered. */
export interface Operation {
  readonly reads: ReadonlyArray<number>
  readonly writes: number
  /** Bits that it holds for itself while it runs. */
  readonly scratch: number
}

export interface Tensors {
  /** Bits of each tensor, by its number. */
  readonly bits: ReadonlyArray<number>
  /** Held from the start: no operation writes it. */
  readonly input: number
  /** Held until the end. */
  readonly output: number
}

export interface Order {
  /** Bits held at once, at most. */
  readonly peak: number
  /** Indices of the operations, in the order that was found. */
  readonly order: ReadonlyArray<number>
  readonly exact: boolean
}

/** Sets of operations done that are looked at, of one size. */
const maxSets = 5_000
/** Operations that a set of bits holds. */
const maxOperations = 30

interface Plan {
  readonly operations: ReadonlyArray<Operation>
  readonly tensors: Tensors
  /** Per tensor: the operations that read it. */
  readonly readers: ReadonlyArray<ReadonlyArray<number>>
  /** Per operation: those that write what it reads. */
  readonly before: ReadonlyArray<ReadonlyArray<number>>
}

const planOf = (operations: ReadonlyArray<Operation>, tensors: Tensors): Plan => {
  const readers = tensors.bits.map(() => Array<number>())
  const writer = new Map<number, number>()
  operations.forEach(({ reads, writes }, i) => {
    for (const tensor of reads) readers[tensor]!.push(i)
    writer.set(writes, i)
  })
  const before = operations.map(({ reads }) => reads.flatMap((tensor) => writer.get(tensor) ?? []))
  return { operations, tensors, readers, before }
}

type IsDone = (operation: number) => boolean

/** Bits held by what is done: written, and still to be read, or the output. */
const heldBits = ({ operations, readers, tensors }: Plan, isDone: IsDone): number => {
  const { bits, input, output } = tensors
  const isHeld = (tensor: number) =>
    tensor === output || readers[tensor]!.some((reader) => !isDone(reader))
  let held = isHeld(input) ? bits[input]! : 0
  operations.forEach(({ writes }, i) => {
    if (writes !== input && isDone(i) && isHeld(writes)) held += bits[writes]!
  })
  return held
}

/** Bits held while an operation runs, with `held` before it. */
const runningBits = ({ operations, tensors }: Plan, held: number, operation: number): number => {
  const { scratch, writes } = operations[operation]!
  return held + scratch + (writes === tensors.input ? 0 : tensors.bits[writes]!)
}

const isReady = ({ before }: Plan, operation: number, isDone: IsDone): boolean =>
  before[operation]!.every(isDone)

/** The operations one by one, each time the one that `pick` takes of those that can run. */
const inOrder = (plan: Plan, pick: (ready: ReadonlyArray<number>, isDone: IsDone) => number) => {
  const done = new Set<number>()
  const isDone: IsDone = (operation) => done.has(operation)
  let peak = heldBits(plan, isDone)
  while (done.size < plan.operations.length) {
    const ready = [...plan.operations.keys()].filter(
      (i) => !done.has(i) && isReady(plan, i, isDone),
    )
    const next = pick(ready, isDone)
    peak = Math.max(peak, runningBits(plan, heldBits(plan, isDone), next))
    done.add(next)
    peak = Math.max(peak, heldBits(plan, isDone))
  }
  return { peak, order: [...done] }
}

/** The better of two orders that are quickly found: as they are listed, and each time the one that leaves least held. */
const knownOrder = (plan: Plan) => {
  const listed = inOrder(plan, (ready) => ready[0]!)
  const greedy = inOrder(plan, (ready, isDone) => {
    const left = (next: number) => heldBits(plan, (i) => i === next || isDone(i))
    return ready.reduce((a, b) => (left(b) < left(a) ? b : a))
  })
  return greedy.peak < listed.peak ? greedy : listed
}

/** A set of operations that are done: the least peak that leads to it, and by which operation last. */
interface Reached {
  readonly peak: number
  readonly last: number
  readonly from: Reached | undefined
}

/** The sets with one more operation; those that hold less than `below` all the way. */
const nextSets = (plan: Plan, sets: ReadonlyMap<number, Reached>, below: number) => {
  const next = new Map<number, Reached>()
  for (const [done, reached] of sets) {
    const isDone: IsDone = (i) => (done & (1 << i)) !== 0
    const held = heldBits(plan, isDone)
    for (let i = 0; i < plan.operations.length; i++) {
      if (isDone(i) || !isReady(plan, i, isDone)) continue
      const peak = Math.max(reached.peak, runningBits(plan, held, i))
      const set = done | (1 << i)
      const known = next.get(set)
      if (peak < below && (known === undefined || peak < known.peak))
        next.set(set, { peak, last: i, from: reached })
    }
  }
  return next
}

const stepsTo = (reached: Reached): Array<number> => {
  const steps: Array<number> = []
  for (let at: Reached | undefined = reached; at?.from !== undefined; at = at.from)
    steps.push(at.last)
  return steps.reverse()
}

/** Operations in an order in which they can run; every tensor that is read is the input or written by one of them. */
export const bestOrder = (operations: ReadonlyArray<Operation>, tensors: Tensors): Order => {
  const plan = planOf(operations, tensors)
  const known = knownOrder(plan)
  // each operation reads what the one before it wrote: there is one order
  const isChain = plan.before.every((before, i) => (i === 0 ? true : before.includes(i - 1)))
  if (isChain) return { ...known, exact: true }
  if (operations.length > maxOperations) return { ...known, exact: false }
  const start: Reached = { peak: heldBits(plan, () => false), last: -1, from: undefined }
  let sets: ReadonlyMap<number, Reached> = new Map([[0, start]])
  for (let done = 0; done < operations.length; done++) {
    sets = nextSets(plan, sets, known.peak)
    if (sets.size === 0) return { ...known, exact: true }
    if (sets.size > maxSets) return { ...known, exact: false }
  }
  const [best] = [...sets.values()]
  return { peak: best!.peak, order: stepsTo(best!), exact: true }
}
