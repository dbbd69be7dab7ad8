import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { withExportTable } from "../../scripts/export-table.ts"

it("the table of docs/export.md is what the written files are", () => {
  const page = readFileSync("docs/export.md", "utf8")
  expect(page).toBe(withExportTable(page))
})
