/** The file of a found network: what comes back is what was kept, and a damaged or newer file is told apart. */
import { Result } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { readFound } from "../../src/export/ReadFound.ts"
import { activationSites } from "../../src/network/Sites.ts"
import { narrowestChoices } from "../../src/space/DecisionSpace.ts"
import { childWeights, extract } from "../../src/supernet/Child.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { counts } from "../../src/tensor/Backend.ts"
import { decode, encode, keptModel } from "../../src/train/KeptModel.ts"
import { buildSpace, decodeSpace } from "../network/fixture.ts"
import { attended } from "../supernet/tiny.ts"
import { loadBackend } from "../tensor/support.ts"

beforeAll(() => loadBackend(true))

const images = { classes: ["cat", "dog"], mean: [0.1, 0.2, 0.3], std: [0.5, 0.6, 0.7] }

describe("the model that a trial keeps", () => {
  it("comes back as the child's weights and magnitudes, in the child's shapes", () => {
    const before = counts().tensors
    const supernet = makeSupernet(buildSpace(attended), 1)
    const choices = narrowestChoices(supernet.network.space)
    const amax = Float32Array.from({ length: supernet.sites }, (_, site) => site + 0.5)
    const zeroPoints = amax.map((_, site) => 2 * site)
    const file = Buffer.concat(
      encode(keptModel(supernet, choices, { amax, zeroPoints }, images), "1.2.3"),
    )
    const found = Result.getOrThrow(
      readFound(file, { id: "0123456789abcdef", space: decodeSpace(attended) }),
    )
    const child = extract(supernet.network, choices)
    const weights = childWeights(child, supernet.variables)
    expect([...found.weights.keys()]).toEqual([...weights.keys()])
    for (const [name, values] of weights) expect(found.weights.get(name)!.values).toEqual(values)
    const sites = new Map(activationSites(supernet.network).map(({ path, site }) => [path, site]))
    for (const { path, site } of activationSites(child))
      expect([found.amax[site], found.zeroPoints![site]]).toEqual([
        amax[sites.get(path)!],
        zeroPoints[sites.get(path)!],
      ])
    expect(found.classNames).toEqual(images.classes)
    expect(found.preprocessing).toEqual({ mean: images.mean, std: images.std })
    expect(found.version).toBe("1.2.3")
    expect(found.network).toEqual(child)
    supernet.dispose()
    expect(counts().tensors).toBe(before)
  })

  it("is refused when a byte has changed", () => {
    const supernet = makeSupernet(buildSpace(attended), 1)
    const model = keptModel(
      supernet,
      narrowestChoices(supernet.network.space),
      { amax: new Float32Array(supernet.sites) },
      images,
    )
    supernet.dispose()
    expect(model.zeroPoints).toBeUndefined()
    const file = Buffer.concat(encode(model, "1.2.3"))
    file[file.length - 1]! ^= 1
    expect(decode(file)).toEqual(Result.fail("its checksum does not match"))
  })
})
