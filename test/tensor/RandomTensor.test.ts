import { beforeAll, describe, expect, it } from "vitest"
import { tf } from "../../src/tensor/Backend.ts"
import type { Tensor } from "../../src/tensor/Backend.ts"
import { dropout, dropPath } from "../../src/tensor/RandomTensor.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { differing, loadBackend, read } from "./support.ts"

beforeAll(() => loadBackend())

const seedOf = (n: number) => tf.tensor1d([n, 77], "int32")

describe.each([
  ["dropout", dropout],
  ["dropPath", dropPath],
] as const)("%s", (_, drop) => {
  const step = (eager: boolean) =>
    makeStep({
      state: [],
      inputs: [tf.ones([400, 5, 3]), seedOf(0)],
      eager,
      body: ([x, seed]) => {
        const y = drop(x!, 0.25, seed!, 1)
        const [dx] = tf.grads((x) => drop(x!, 0.25, seed!, 1))([x!], x!)
        return [y, drop(x!, 0.25, seed!, 2), dx!]
      },
    })
  const run = (eager: boolean, seed: number): Array<Float32Array> =>
    step(eager)
      .run([tf.ones([400, 5, 3]), seedOf(seed)])
      .map(read)

  it("draws anew for every seed and place, the same eagerly and in the graph", () => {
    const [first, second, slope] = run(false, 5)
    expect(run(true, 5).map((y, i) => differing(y, [first!, second!, slope!][i]!))).toEqual([
      0, 0, 0,
    ])
    expect(differing(first!, second!)).toBeGreaterThan(500)
    expect(differing(first!, run(false, 6)[0]!)).toBeGreaterThan(500)
  })

  it("keeps three quarters, scaled by 4/3, and gives the gradient of what it kept", () => {
    const [y, , slope] = run(false, 9)
    const kept = y!.filter((value) => value !== 0)
    expect(kept.every((value) => value === Math.fround(1 / 0.75))).toBe(true)
    expect(kept.length / y!.length).toBeGreaterThan(0.65)
    expect(kept.length / y!.length).toBeLessThan(0.85)
    expect(differing(slope!, y!)).toBe(0)
  })

  it("does nothing at rate 0", () => {
    const x: Tensor = tf.ones([2, 2])
    expect(drop(x, 0, seedOf(1), 0)).toBe(x)
  })
})

it("dropPath drops whole examples", () => {
  const y = read(dropPath(tf.ones([50, 4]), 0.5, seedOf(3), 0))
  for (let i = 0; i < 50; i++) expect(new Set(y.slice(4 * i, 4 * i + 4)).size).toBe(1)
})
