/**
 * Optimizers as updates inside a step: they read gradients, assign variables, and keep their own state in variables
 * that the caller lists in the step's state. The learning rate is a scalar tensor, so that it can change every step.
 *
 * Left out: schedules (`train/`), the optimizer of the policy (`search/`).
 */
import { tf } from "./Backend.ts"
import type { NamedTensorMap, Scalar, Tensor, Variable } from "./Backend.ts"

const filled = (shape: Array<number>, value: number): Variable =>
  tf.tidy(() => tf.variable(tf.fill(shape, value), false) as Variable)

const filledLike = (variables: ReadonlyArray<Variable>, value: number): Array<Variable> =>
  variables.map(({ shape }) => filled(shape, value))

export interface Optimizer {
  /** Variables that belong in the step's state. */
  readonly state: ReadonlyArray<Variable>
  /** Of these the running means: each has a variable for every variable that is updated, in their order and shape. */
  readonly means: ReadonlyArray<ReadonlyArray<Variable>>
  /** Updates every variable from its gradient (by variable name, as `tf.variableGrads` gives them). */
  readonly update: (gradients: NamedTensorMap, learningRate: Scalar) => void
}

/** Weight decay per variable; norms and biases usually get none. */
export type Decay = number | ((variable: Variable) => number)

const decayOf = (decay: Decay, variable: Variable): number =>
  typeof decay === "number" ? decay : decay(variable)

/** g + decay * w */
const decayed = (gradient: Tensor, variable: Variable, decay: number): Tensor =>
  decay === 0 ? gradient : tf.add(gradient, tf.mul(variable, decay))

const gradientOf = (gradients: NamedTensorMap, variable: Variable): Tensor => {
  const gradient = gradients[variable.name]
  if (gradient === undefined) throw new Error(`no gradient for the variable ${variable.name}`)
  return gradient
}

const assign = (variable: Variable, value: Tensor): void => {
  variable.assign(value as Variable)
}

export interface SgdOptions {
  readonly momentum: number
  readonly weightDecay: Decay
  /** Nesterov's variant; default false. */
  readonly nesterov?: boolean
}

/**
 * v = momentum * v + g + weightDecay * w; w -= learningRate * v (PyTorch's form; Nesterov: w -= learningRate *
 * (g + weightDecay * w + momentum * v)).
 */
export const sgd = (
  variables: ReadonlyArray<Variable>,
  velocities: ReadonlyArray<Variable>,
  gradients: NamedTensorMap,
  learningRate: Scalar,
  { momentum, weightDecay, nesterov = false }: SgdOptions,
): void => {
  for (const [i, variable] of variables.entries()) {
    const velocity = velocities[i]!
    const gradient = decayed(
      gradientOf(gradients, variable),
      variable,
      decayOf(weightDecay, variable),
    )
    const next = tf.add(tf.mul(velocity, momentum), gradient)
    const direction = nesterov ? tf.add(gradient, tf.mul(next, momentum)) : next
    assign(variable, tf.sub(variable, tf.mul(direction, learningRate)))
    assign(velocity, next)
  }
}

/** `sgd` with its own velocities. */
export const makeSgd = (variables: ReadonlyArray<Variable>, options: SgdOptions): Optimizer => {
  const velocities = filledLike(variables, 0)
  return {
    state: velocities,
    means: [velocities],
    update: (gradients, learningRate) =>
      sgd(variables, velocities, gradients, learningRate, options),
  }
}

export interface AdamOptions {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Decoupled: w -= learningRate * weightDecay * w (AdamW, arXiv 1711.05101). */
  readonly weightDecay: Decay
}

/** Adam with bias correction (Kingma and Ba, arXiv 1412.6980, algorithm 1). */
export const makeAdam = (
  variables: ReadonlyArray<Variable>,
  { beta1, beta2, epsilon, weightDecay }: AdamOptions,
): Optimizer => {
  const first = filledLike(variables, 0)
  const second = filledLike(variables, 0)
  // beta^t, kept as variables because a step counter in JavaScript would be frozen
  const powers = [filled([], 1), filled([], 1)] as const
  return {
    state: [...first, ...second, ...powers],
    means: [first, second],
    update: (gradients, learningRate) => {
      assign(powers[0], tf.mul(powers[0], beta1))
      assign(powers[1], tf.mul(powers[1], beta2))
      const correction1 = tf.sub(1, powers[0])
      const correction2 = tf.sub(1, powers[1])
      for (const [i, variable] of variables.entries()) {
        const gradient = gradientOf(gradients, variable)
        const m = tf.add(tf.mul(first[i]!, beta1), tf.mul(gradient, 1 - beta1))
        const v = tf.add(tf.mul(second[i]!, beta2), tf.mul(tf.square(gradient), 1 - beta2))
        const scale = tf.add(tf.sqrt(tf.div(v, correction2)), epsilon)
        const direction = tf.div(tf.div(m, correction1), scale)
        const decay = decayOf(weightDecay, variable)
        const total = decay === 0 ? direction : tf.add(direction, tf.mul(variable, decay))
        assign(variable, tf.sub(variable, tf.mul(total, learningRate)))
        assign(first[i]!, m)
        assign(second[i]!, v)
      }
    },
  }
}

export interface RmsPropOptions {
  /** Of the running mean of squares. */
  readonly decay: number
  readonly momentum: number
  readonly epsilon: number
  readonly weightDecay: Decay
}

/**
 * RMSProp as TensorFlow writes it and TuNAS uses it (decay 0.9, momentum 0.9, epsilon 1 there):
 * s = decay * s + (1 - decay) * g^2, starting at 1; v = momentum * v + learningRate * g / sqrt(s + epsilon); w -= v.
 */
export const makeRmsProp = (
  variables: ReadonlyArray<Variable>,
  { decay, momentum, epsilon, weightDecay }: RmsPropOptions,
): Optimizer => {
  const squares = filledLike(variables, 1)
  const velocities = filledLike(variables, 0)
  return {
    state: [...squares, ...velocities],
    means: [squares, velocities],
    update: (gradients, learningRate) => {
      for (const [i, variable] of variables.entries()) {
        const raw = gradientOf(gradients, variable)
        const gradient = decayed(raw, variable, decayOf(weightDecay, variable))
        const square = tf.add(tf.mul(squares[i]!, decay), tf.mul(tf.square(gradient), 1 - decay))
        const step = tf.mul(gradient, tf.rsqrt(tf.add(square, epsilon)))
        const velocity = tf.add(tf.mul(velocities[i]!, momentum), tf.mul(step, learningRate))
        assign(variable, tf.sub(variable, velocity))
        assign(squares[i]!, square)
        assign(velocities[i]!, velocity)
      }
    },
  }
}
