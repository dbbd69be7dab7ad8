/** A step must not grow: 2 000 runs with a new policy each. */
import { readFileSync } from "node:fs"
import { beforeAll, expect, it } from "vitest"
import { counts, tf } from "../../src/tensor/Backend.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { makeConvNet, makeInputs } from "./convNet.ts"
import { loadBackend, read } from "./support.ts"

beforeAll(() => loadBackend(true, 1))

const residentMegabytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024

it("keeps tensors, handles and resident memory from step 500 to 2 500", () => {
  const net = makeConvNet()
  const first = makeInputs(0)
  const step = makeStep({ state: net.state, inputs: first, body: net.train })
  tf.dispose(first)
  const runs = (n: number) => {
    for (let i = 0; i < n; i++) {
      const inputs = makeInputs(i)
      const outputs = step.run(inputs)
      expect(read(outputs[1]!)[0]).toBeGreaterThanOrEqual(0)
      tf.dispose([inputs, outputs])
    }
  }
  runs(500)
  const before = { counts: counts(), megabytes: residentMegabytes() }
  runs(2000)
  expect(counts()).toEqual(before.counts)
  expect(residentMegabytes() - before.megabytes).toBeLessThan(5)
})
