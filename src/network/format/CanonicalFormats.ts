/**
 * One spelling for each meaning of a `formats` block, for what is made of a space's text: the id of a trial.
 *
 * A name is a list of one, the scope that is meant anyway is left out, and so is a block that says FP32, which is what no
 * block says. Left out: `scale`, whose ids have been given out with its defaults both written and not, and sets of formats,
 * which are not the lists they stand for today.
 */
import type { FormatChoice, Formats, Override, Scope } from "./FormatsSchema.ts"

const choice = (given: FormatChoice, scope: typeof Scope.Type): FormatChoice => {
  if (typeof given === "string") return { oneOf: [given] }
  if (!("scope" in given) || given.scope !== scope) return given
  const { scope: _, ...rest } = given
  return rest
}

const operands = <Block extends Formats | Override>(
  { weights, activations, ...rest }: Block,
  scope: typeof Scope.Type,
) => ({
  ...rest,
  ...(weights === undefined ? {} : { weights: choice(weights, scope) }),
  ...(activations === undefined ? {} : { activations: choice(activations, scope) }),
})

/** Undefined for FP32 everywhere. */
export const canonicalFormats = (given: Formats | string | undefined): unknown => {
  if (given === undefined) return undefined
  if (typeof given === "string") return canonicalFormats({ oneOf: [given] })
  const { scope = "layer", overrides = [], ...rest } = given
  const spelt = {
    ...operands(rest, scope),
    ...(scope === "layer" ? {} : { scope }),
    ...(overrides.length === 0
      ? {}
      : { overrides: overrides.map((override) => operands(override, "layer")) }),
  }
  return JSON.stringify(spelt) === '{"oneOf":["FP32"]}' ? undefined : spelt
}
