/**
 * What one network of a space costs, in all and layer by layer, for programs.
 *
 * Left out: costs of a table that is measured (`cost/Latency.ts`), expected costs under a policy (`cost/Cost.ts`).
 */
import { Effect, Result } from "effect"
import { ActivationMemory } from "../cost/ActivationMemory.ts"
import { formatIn } from "../cost/Bits.ts"
import { compile } from "../cost/Cost.ts"
import { Gbops } from "../cost/Gbops.ts"
import { Memory } from "../cost/Memory.ts"
import type { DeclarationErrors } from "../declaration/Errors.ts"
import { peakMemory } from "../network/memory/PeakMemory.ts"
import type { Assignment, Choices } from "../space/Decision.ts"
import { fromAssignment } from "../space/DecisionSpace.ts"
import { valueOf } from "../space/Quantity.ts"
import { mistakes, type SearchSpace } from "./SearchSpace.ts"

/** Costs at batch 1. */
export interface Costs {
  /** Multiply-accumulates. */
  readonly macs: number
  /** 10^9 bit operations: MACs times weight bits times activation bits. */
  readonly gbops: number
  /** Bytes of weights, scales, biases and norms. */
  readonly weightBytes: number
  /** Bytes of the inputs of the layers. */
  readonly activationBytes: number
  /** Bytes of the activations that are held at once, at most, or while the layer runs. */
  readonly peakBytes: number
}

export interface LayerCost extends Costs {
  /** `stage2.1.conv1` */
  readonly path: string
  readonly weightFormat: string
  readonly activationFormat: string
}

/** What a network costs, and each of its layers. */
export interface NetworkCost extends Costs {
  readonly layers: ReadonlyArray<LayerCost>
}

/**
 * Costs the network that an assignment chooses.
 *
 * @returns fails with `DeclarationErrors` where the assignment is none of this space
 */
export const costOf = (
  space: SearchSpace,
  assignment: Assignment,
): Effect.Effect<NetworkCost, DeclarationErrors> => {
  const { name, network } = space
  return Result.match(fromAssignment(network.space, assignment), {
    onSuccess: (choices) => Effect.succeed(costAt(network, choices)),
    onFailure: (problems) => Effect.fail(mistakes(name, problems)),
  })
}

const costAt = (network: SearchSpace["network"], choices: Choices): NetworkCost => {
  const { space, table } = network
  const peak = peakMemory(network)
  const held = peak.byLayer(choices)
  const gbops = compile(table, Gbops, space)
  const memory = compile(table, Memory, space)
  const inputs = compile(table, ActivationMemory, space)
  const layers = table.layers.flatMap((layer, i): ReadonlyArray<LayerCost> => {
    if (valueOf(layer.active, choices) === 0) return []
    return [
      {
        path: layer.path,
        weightFormat: formatIn(layer.weightFormat, choices).name,
        activationFormat: formatIn(layer.activationFormat, choices).name,
        macs: valueOf(layer.macs, choices),
        gbops: valueOf(gbops.terms[i]!, choices),
        weightBytes: valueOf(memory.terms[i]!, choices),
        activationBytes: valueOf(inputs.terms[i]!, choices),
        peakBytes: held[i]!,
      },
    ]
  })
  return {
    macs: layers.reduce((sum, { macs }) => sum + macs, 0),
    gbops: gbops.of(choices),
    weightBytes: memory.of(choices),
    activationBytes: inputs.of(choices),
    peakBytes: peak.of(choices),
    layers,
  }
}
