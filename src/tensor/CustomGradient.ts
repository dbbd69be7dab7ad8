/**
 * The one pattern of every operation with its own gradient, around `tf.customGrad`.
 *
 * What the gradient needs goes through `save`: everything else made forward is disposed of at once. The gradient
 * function is itself not differentiable.
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"

/** What a kernel computes forward, and the tensors its gradient needs. */
export interface Forward {
  readonly value: Tensor
  readonly save?: ReadonlyArray<Tensor>
}

/**
 * A value with its own gradient: `forward` computes the value and names what to keep,
 * `backward` gets the gradient of the value and the kept tensors and returns one gradient per input.
 */
export const differentiable = (
  inputs: ReadonlyArray<Tensor>,
  forward: () => Forward,
  backward: (dy: Tensor, saved: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>,
): Tensor => {
  const run = (...args: Array<unknown>) => {
    const save = args.at(-1) as (tensors: ReadonlyArray<Tensor>) => void
    const { value, save: kept = [] } = forward()
    save(kept)
    return {
      value,
      gradFunc: (dy: Tensor, saved: ReadonlyArray<Tensor>) => backward(dy, saved),
    }
  }
  // The cast: tfjs types the function with its last argument before the rest, which TypeScript cannot spell.
  return tf.customGrad(run as never)(...(inputs as Array<Tensor>))
}
