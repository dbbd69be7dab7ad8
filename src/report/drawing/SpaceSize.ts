/** How large a space is, in words: parameters and MACs of its widest network, decisions, assignments. */
import { countsOf } from "../../supernet/Counts.ts"
import { cardinality } from "../../space/Cardinality.ts"
import type { Choices } from "../../space/Decision.ts"
import { widestChoices } from "../../space/DecisionSpace.ts"
import type { Network } from "../../network/Network.ts"

/** `1.23 M`, `45.6 k`; three digits. */
export const shortCount = (count: number): string => {
  const [unit, word] = count >= 1e9 ? [1e9, " G"] : count >= 1e6 ? [1e6, " M"] : [1e3, " k"]
  return count < 1000 ? String(count) : `${Number((count / unit).toPrecision(3))}${word}`
}

/** A count of assignments: its digits while they are few, else a power of ten. */
export const assignmentsText = (count: bigint): string =>
  count < 1_000_000n
    ? String(count)
    : `${Number(String(count).slice(0, 3)) / 100} × 10^${String(count).length - 1}`

/** `0.66 M parameters, 24.1 M MACs, 28 decisions, 9.52 × 10^14 assignments`. */
export const sizeLine = (network: Network, choices: Choices | undefined): string => {
  const { decisions } = network.space
  const { macs, parameters } = countsOf(network, choices ?? widestChoices(network.space))
  const counts = `${shortCount(parameters)} parameters, ${shortCount(macs)} MACs`
  if (choices !== undefined || decisions.length === 0) return counts
  const size = `${decisions.length} decision${decisions.length === 1 ? "" : "s"}, ${assignmentsText(cardinality(network.space))} assignments`
  return `${counts} at the widest options; ${size}`
}
