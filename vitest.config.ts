import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // onnxruntime uses both cores inside one test; two test files side by side is the useful limit.
    maxWorkers: 2,
    pool: "forks",
  },
})
