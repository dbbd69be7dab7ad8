/** What only `npm run test:paper` runs: networks of paper size, a process after the other, minutes and gigabytes. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: { name: "paper", root: ".", include: ["test/paper/*.paper.ts"], fileParallelism: false },
})
