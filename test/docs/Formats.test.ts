/** The tables of docs/formats.md hold every format and set as the program knows them. */
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { names, parse, sets } from "../../src/format/Formats.ts"

const rows = readFileSync("docs/formats.md", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.slice(2, -2).split(" | "))

it("the table of formats is complete and true", () => {
  const told = rows.filter(([name = ""]) => parse(name) !== undefined)
  expect(told.map(([name]) => name)).toEqual([...names])
  for (const [name, bits, mantissa, exponent, smallest, lowest, highest, scaled, zero] of told) {
    const format = parse(name!)!
    expect([name, bits, mantissa, exponent, scaled, zero]).toEqual([
      name,
      String(format.bits),
      String(format.mantissaBits),
      String(format.minExponent),
      format.scaled ? "yes" : "no",
      format.negativeZero ? "yes" : "no",
    ])
    const values = [2 ** (format.minExponent - format.mantissaBits), format.lo, format.hi]
    const wrong = [smallest, lowest, highest].filter(
      (text, i) => Number(text) !== values[i] && !(Math.abs(Number(text) / values[i]! - 1) < 1e-5),
    )
    expect([name, ...wrong]).toEqual([name])
  }
})

it("the table of sets is complete and true", () => {
  const told = rows.filter(([name = ""]) => name.startsWith("`fliqs-"))
  expect(
    Object.fromEntries(told.map(([name, list]) => [name!.slice(1, -1), list!.split(", ")])),
  ).toEqual(sets)
})
