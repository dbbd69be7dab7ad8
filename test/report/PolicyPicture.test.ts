import { describe, expect, it } from "vitest"
import { policyPicture, withPicture } from "../../src/report/PolicyPicture.ts"

const history = {
  decisions: [
    { path: "stem.format", tag: "format", role: "format", options: ["INT4", "INT8"] },
    { path: "a<b>.kernel", tag: "kernel", role: "architecture", options: [3, 5, 7] },
  ],
  history: [
    {
      step: 1,
      probabilities: [
        [0.5, 0.5],
        [0.3, 0.3, 0.4],
      ],
    },
    {
      step: 10,
      probabilities: [
        [0.1, 0.9],
        [0.8, 0.1, 0.1],
      ],
    },
  ],
}

describe("the picture of a policy", () => {
  const svg = policyPicture(history, "a title")

  it("has a band per option, escaped names and what was chosen", () => {
    expect(svg.match(/<polygon/g)).toHaveLength(5)
    expect(svg).toContain("a&lt;b&gt;.kernel")
    expect(svg).toContain("INT8  0.90")
    expect(svg).toContain("3  0.80")
    expect(svg).not.toMatch(/NaN|undefined|<script/)
  })

  it("stacks the bands to the whole height of their row", () => {
    const [first, second] = [...svg.matchAll(/points="([^"]*)"/g)].map((m) => m[1]!.split(" "))
    // INT4 fills the lower half at step 1, INT8 the upper one
    expect(first![0]).toBe("232.0,55.0")
    expect(second![0]).toBe("232.0,44.0")
    expect(second!.at(-1)).toBe("232.0,55.0")
  })

  it("follows the policy's file in the stream of a trial", () => {
    const event = {
      type: "artifact",
      path: "policy.json",
      content: JSON.stringify(history),
    } as const
    expect(withPicture(event).map((e) => e.type === "artifact" && e.path)).toEqual([
      "policy.json",
      "policy.svg",
    ])
    expect(withPicture({ type: "warning", alarm: "a", message: "b" })).toHaveLength(1)
  })
})
