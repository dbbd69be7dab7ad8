/**
 * Where a drawn item stands: an item is drawn once for all of its repeats, for equal items in a row, for all uses of a cell.
 * From these places follow the decisions and the layers that are its own.
 */
import type { Network } from "../../network/Network.ts"
import type { Choices, Decision } from "../../space/Decision.ts"

export interface Instance {
  /** Path of its layers. */
  readonly at: string
  /** Path of its decisions about the architecture; another in a cell that shares them. */
  readonly decisions: string
  /** What tells it from the others: the index of a repeat, the name of an item. */
  readonly label: string
}

/** What is drawn: a network, as it is or as decided. */
export interface Subject {
  readonly network: Network
  /** One a decision, in the order of the space; undefined: nothing is decided. */
  readonly choices: Choices | undefined
  /** 1 for each decision that is active under the choices. */
  readonly active: Uint8Array
}

/** Something at a path below an instance. */
export interface Found<A> {
  readonly value: A
  readonly index: number
  /** Of the instance, and of the repeat. */
  readonly label: string
  /** Path below the instance, without the index of the repeat. */
  readonly rest: string
}

export const joined = (...labels: ReadonlyArray<string>): string =>
  labels.filter((label) => label !== "").join(" ")

/** What stands at these places or below them; `isStage`: below them come the indices of repeats. */
export const below = <A extends { readonly path: string }>(
  values: ReadonlyArray<A>,
  instances: ReadonlyArray<{ readonly path: string; readonly label: string }>,
  isStage: boolean,
): ReadonlyArray<Found<A>> =>
  instances.flatMap(({ label, path }) =>
    values.flatMap((value, index) => {
      if (value.path === path) return [{ value, index, label, rest: "" }]
      if (!value.path.startsWith(`${path}.`)) return []
      const tail = value.path.slice(path.length + 1)
      const [, repeat, rest] = (isStage ? /^(\d+)(?:\.(.*))?$/.exec(tail) : null) ?? []
      return repeat === undefined
        ? [{ value, index, label, rest: tail }]
        : [{ value, index, label: joined(label, repeat), rest: rest ?? "" }]
    }),
  )

const isFormatPath = (path: string): boolean =>
  /\.(format|weightFormat|activationFormat)$/.test(path)

/** The decisions of the fields of an item, not those of items inside and not the formats of layers. */
export const fieldDecisions = (
  { network }: Subject,
  instances: ReadonlyArray<Instance>,
  isStage: boolean,
): ReadonlyArray<Found<Decision>> =>
  below(
    network.space.decisions,
    instances.map(({ decisions, label }) => ({ path: decisions, label })),
    isStage,
  ).filter(({ rest, value }) => rest !== "" && !rest.includes(".") && !isFormatPath(value.path))
