/** A grid that never ran, of any size: what pictures and pages are tried with. The same for the same size. */
import type { Role } from "../../src/picture/Picture.ts"

export interface Size {
  readonly trials: number
  readonly seeds: number
  readonly layers: number
  readonly points: number
}

/** Uniform in 0 .. 1 (mulberry32). */
const generator = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const bits = [2, 3, 4, 5, 6, 8]
const kernels = [3, 5, 7]
const widths = [0.5, 0.75, 1]

const namesOf = (
  count: number,
): ReadonlyArray<{ readonly name: string; readonly role: Role; readonly cost: number }> => {
  const controls = bits.map((b) => ({
    name: `uniform INT${b}`,
    role: "uniform" as const,
    cost: (b / 4) ** 2,
  }))
  const random = [{ name: "random times=1", role: "random" as const, cost: 1 }]
  const kinds = ["reinforce", "differentiable", "evolution", "sensitivity"]
  const own = Array.from({ length: count }, (_, i) => {
    const times = [0.6, 1, 1.6, 2.4][Math.floor(i / kinds.length) % 4]!
    const round = Math.floor(i / 16)
    return {
      name: `${kinds[i % kinds.length]} times=${times}${round === 0 ? "" : ` learningRate=${round}e-3`}`,
      role: "search" as const,
      cost: times,
    }
  })
  return count === 1
    ? own
    : count < 4
      ? [...own, controls[2]!]
      : [...own.slice(0, Math.max(1, count - 7)), ...controls, ...random].slice(0, count)
}

export const sample = ({ layers: depth, points, seeds, trials: count }: Size) => {
  const random = generator(count * 1000 + depth)
  const names = namesOf(Math.ceil(count / seeds))
  const paths = Array.from({ length: depth }, (_, i) =>
    i === 0
      ? "stem"
      : i === depth - 1
        ? "classifier"
        : `stage${1 + Math.floor((3 * i) / depth)}.${Math.floor(i / 2)}.conv${1 + (i % 2)}`,
  )
  const blocks = paths.filter((_, i) => i % 6 === 3)
  const trials = names.flatMap((arm) =>
    Array.from({ length: seeds }, (_, seed) => {
      const own = arm.role === "uniform" ? Number(arm.name.slice(-1)) : 0
      const formats = paths.map(() => own || bits[Math.floor(random() * bits.length)]!)
      const macs = paths.map((_, i) => 1 + ((i * 7) % 5))
      const costs = formats.map((b, i) => b * b * macs[i]!)
      const sum = costs.reduce((a, b) => a + b, 0)
      const gain = arm.role === "search" ? 0.03 : arm.role === "random" ? -0.04 : 0
      const accuracy =
        0.9 -
        0.12 / (0.4 + arm.cost) +
        gain +
        0.02 * (random() - 0.5) +
        0.01 * (arm.name.length % 5)
      const steps = Array.from({ length: points }, (_, i) => Math.round((8000 * (i + 1)) / points))
      const speed = 3 + 3 * random()
      const logistic = (t: number, at: number) => 1 / (1 + Math.exp(-12 * (t - at)))
      return {
        id: (0x1000000000000000n + BigInt(Math.floor(random() * 2 ** 52))).toString(16),
        name: `${arm.name} seed=${seed + 1}`,
        arm: arm.name,
        role: arm.role,
        seed: seed + 1,
        cost: arm.role === "search" ? arm.cost * (0.97 + 0.04 * random()) : arm.cost,
        accuracy,
        layers: paths.map((path, i) => ({
          path,
          weightFormat: `INT${formats[i]!}`,
          activationFormat: `INT${Math.min(8, formats[i]! + (i % 3))}`,
          weightBits: formats[i]!,
          activationBits: Math.min(8, formats[i]! + (i % 3)),
          macs: macs[i]! * 1e6,
          costShare: costs[i]! / sum,
        })),
        architecture: Object.fromEntries(
          blocks.flatMap((path, i) => [
            [`${path}.kernel`, kernels[Math.floor(random() * 3)]!],
            ...(i % 2 === 0 ? [[`${path}.width`, widths[Math.floor(random() * 3)]!]] : []),
          ]),
        ) as Readonly<Record<string, number>>,
        curves: {
          steps,
          loss: steps.map(
            (step) => 0.3 + 2 * Math.exp((-speed * step) / 8000) + 0.1 * (random() - 0.5),
          ),
          accuracy: steps.map(
            (step) => accuracy * (1 - Math.exp((-speed * step) / 8000)) + 0.03 * (random() - 0.5),
          ),
          reward: steps.map(
            (step) => accuracy * logistic(step / 8000, 0.2) - 0.1 * (1 - step / 8000) * random(),
          ),
          entropy: steps.map((step) => 1.79 * (1 - logistic(step / 8000, 0.55))),
          commitment: steps.map((step) => (step < 7200 ? logistic(step / 8000, 0.6) : 0)),
          costOverTarget: steps.map(
            (step) => 1 + 3 * Math.exp((-6 * step) / 8000) + 0.05 * (random() - 0.5),
          ),
        },
        policy: {
          decisions: [
            ...paths.map((path) => ({
              path: `${path}.format`,
              role: "format",
              options: bits.map((b) => `INT${b}`),
            })),
            ...blocks.map((path) => ({
              path: `${path}.kernel`,
              role: "architecture",
              options: kernels,
            })),
          ],
          history: steps.map((step, s) => ({
            step,
            probabilities: [
              ...paths.map((_, i) => [i, bits.length] as const),
              ...blocks.map((_, i) => [i, kernels.length] as const),
            ].map(([i, n]) => {
              const chosen = (i * 5 + seed) % n
              const sharp = 8 * logistic(s / points, 0.5)
              const raw = Array.from({ length: n }, (__, k) =>
                Math.exp(-sharp * Math.abs(k - chosen) * 0.6),
              )
              const whole = raw.reduce((a, b) => a + b, 0)
              return raw.map((p) => p / whole)
            }),
          })),
        },
      }
    }),
  )
  return { names, paths, trials }
}
export type Sample = ReturnType<typeof sample>

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => a + b, 0) / values.length

/** The arms of a sample as figures have them. */
export const armsOf = ({ names, trials }: Sample) => {
  const arms = names.map(({ name, role }) => {
    const own = trials.filter(({ arm }) => arm === name)
    const accuracies = own.map(({ accuracy }) => accuracy)
    const costs = own.map(({ cost }) => cost)
    const span = (values: ReadonlyArray<number>) => ({
      low: Math.min(...values),
      high: Math.max(...values),
    })
    return {
      name,
      role,
      x: mean(costs),
      y: mean(accuracies),
      seeds: own.length,
      ...(own.length > 1 ? { xSpan: span(costs), ySpan: span(accuracies) } : {}),
      ...(role === "uniform" ? { label: name.replace("uniform ", "") } : {}),
    }
  })
  return arms.map((arm) => ({
    ...arm,
    isOnFront: !arms.some(
      (other) => other.x <= arm.x && other.y >= arm.y && (other.x < arm.x || other.y > arm.y),
    ),
  }))
}
