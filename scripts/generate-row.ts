/**
 * Writes `native/row.h`: the columns of a format row and the row of E4M3, as the kernels read them, from
 * `src/format/Row.ts`. Run by `npm run schemas`; a test fails when the committed file is not what this would write.
 */
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { blockScaleFormat, columnMeanings, columns, rowNumbers, toRow } from "../src/format/Row.ts"

const literal = (value: number): string => {
  const text = Object.is(value, -0) ? "-0" : String(value)
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`
}

/** The text of `native/row.h`. */
export const rowHeader = (): string => {
  const width = Math.max(...columns.map((column) => column.length)) + 1
  const fields = columns.map((c) => `  float ${`${c};`.padEnd(width)}  // ${columnMeanings[c]}`)
  const numbers = rowNumbers(toRow(blockScaleFormat)).map(literal)
  return `// Generated from src/format/Row.ts by scripts/generate-row.ts; do not edit.
#pragma once

// A number format as the kernels read it: one row of the tensor \`rows\` [sites, ${columns.length}].
struct Row {
${fields.join("\n")}
};

// Numbers in a row.
static constexpr int rowLength = ${columns.length};
static_assert(sizeof(Row) == rowLength * sizeof(float), "a row is its numbers and nothing else");

// ${blockScaleFormat.name}, the format of NVFP4's block scales.
static constexpr Row blockScaleRow = {${numbers.join(", ")}};
`
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL("../native/row.h", import.meta.url), rowHeader())
