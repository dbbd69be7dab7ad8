/** A few rounds of the fault harness; `npm run faults` runs as many as one likes. */
import { expect, it } from "vitest"
import { type Plan, reference, run } from "./Round.ts"

const steps = 12
const plans: ReadonlyArray<Plan> = [
  // In the middle of the calls that write the journal, after the successor has finished.
  { kind: "thaw", seed: 1, trials: 1, steps, fault: { call: "write", kind: "stop", number: 12 } },
  {
    kind: "failTrial",
    seed: 2,
    trials: 1,
    steps,
    fault: { call: "rename", kind: "killAfter", number: 6 },
  },
  {
    kind: "failParent",
    seed: 3,
    trials: 1,
    steps,
    fault: { call: "write", kind: "short", number: 5 },
  },
  { kind: "clock", seed: 4, trials: 1, steps },
  { kind: "damage", seed: 5, trials: 1, steps },
]

it("whatever a grid goes through, it leaves what an undisturbed one leaves", async () => {
  const right = await reference(1, steps)
  for (const plan of plans) {
    const { story, wrong } = await run(plan, right)
    const told = wrong.length === 0 ? [] : [JSON.stringify(plan), ...story]
    expect([...wrong, ...told]).toEqual([])
  }
})
