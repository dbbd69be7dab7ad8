/**
 * Three projects: `unit` (no network, seconds), `slow` (trains, heavy tensors), `integration` (other processes: the
 * MLflow server, trials as children). A file's ending says which one it is in.
 */
import { configDefaults, defineConfig } from "vitest/config"

const minute = 60_000

export default defineConfig({
  test: {
    // Processes, not threads: TensorFlow's addon is loaded once per process and cannot be shared by worker threads.
    pool: "forks",
    maxWorkers: 2,
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, "test/**/*.{slow,integration}.test.ts"],
          testTimeout: 20_000,
          hookTimeout: minute,
        },
      },
      {
        extends: true,
        test: {
          name: "slow",
          include: ["test/**/*.slow.test.ts"],
          testTimeout: 5 * minute,
          hookTimeout: 2 * minute,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/**/*.integration.test.ts"],
          // Processes that race on purpose, on a machine that may be busy: what fails must fail three times.
          retry: 2,
          testTimeout: 5 * minute,
          hookTimeout: 3 * minute,
        },
      },
    ],
  },
})
