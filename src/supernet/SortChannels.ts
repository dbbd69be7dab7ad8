/**
 * Channels in the order of their importance, so that the narrower networks, which are the first channels of the widest,
 * get the best ones (elastic width of Once-for-All, arXiv 1908.09791, section 3.3).
 *
 * The importance of a channel is the sum of |weight| over all that reads it. The order is one permutation of all axes
 * that hold the same channels (`ChannelGroups.ts`): residual streams share theirs, attention's heads stay whole. The
 * widest network computes what it did, up to the order of its sums, and up to which channels share a scale where
 * formats or scales go by blocks of channels.
 */
import { tf } from "../tensor/Backend.ts"
import type { Variable } from "../tensor/Backend.ts"
import { setValues } from "../tensor/Kernels.ts"
import type { Supernet } from "./Supernet.ts"
import { type ChannelGroup, channelGroups } from "./ChannelGroups.ts"

/** Adds up |values| [..., axis, ...] over all but the units of one axis. */
const addMagnitudes = (
  sums: Float64Array,
  values: Float32Array,
  shape: ReadonlyArray<number>,
  axis: number,
): void => {
  const after = shape.slice(axis + 1).reduce((a, b) => a * b, 1)
  const perUnit = (shape[axis]! / sums.length) * after
  for (let i = 0; i < values.length; i++)
    sums[Math.floor(i / perUnit) % sums.length]! += Math.abs(values[i]!)
}

/** Units from the most important to the least; equals stay in their order. */
const orderOf = (
  { units, axes }: ChannelGroup,
  variables: ReadonlyMap<string, Variable>,
): ReadonlyArray<number> => {
  const importance = new Float64Array(units)
  for (const { variable: name, axis, isRead } of axes) {
    const variable = variables.get(name)!
    if (isRead) addMagnitudes(importance, variable.dataSync() as Float32Array, variable.shape, axis)
  }
  return Array.from(importance.keys()).sort((a, b) => importance[b]! - importance[a]! || a - b)
}

/** `values` [..., axis, ...] with the units of one axis in another order. */
const permuted = (
  values: Float32Array,
  shape: ReadonlyArray<number>,
  axis: number,
  order: ReadonlyArray<number>,
): Float32Array => {
  const after = shape.slice(axis + 1).reduce((a, b) => a * b, 1)
  const perUnit = (shape[axis]! / order.length) * after
  const result = new Float32Array(values.length)
  for (let start = 0; start < values.length; start += perUnit * order.length)
    order.forEach((from, to) => {
      const at = start + from * perUnit
      result.set(values.subarray(at, at + perUnit), start + to * perUnit)
    })
  return result
}

const permute = (variable: Variable, axis: number, order: ReadonlyArray<number>): void =>
  tf.tidy(() => {
    const values = permuted(variable.dataSync() as Float32Array, variable.shape, axis, order)
    setValues(variable, values)
  })

/**
 * Sorts the channels of a supernet in place.
 *
 * @param companions variable -> others of its shape that go with it: what an optimizer keeps for it
 */
export const sortChannels = (
  { network, variables }: Pick<Supernet, "network" | "variables">,
  companions: ReadonlyMap<Variable, ReadonlyArray<Variable>>,
): void => {
  const byName = new Map(variables.map(({ name, variable }) => [name, variable]))
  for (const group of channelGroups(network)) {
    const order = orderOf(group, byName)
    for (const { variable: name, axis } of group.axes) {
      const variable = byName.get(name)!
      for (const one of [variable, ...(companions.get(variable) ?? [])]) permute(one, axis, order)
    }
  }
}
