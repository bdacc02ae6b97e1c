import { defineConfig } from "vitest/config"

const report = process.env["PIRL_TEST_REPORT"]

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // onnxruntime uses both cores inside one test; two test files side by side is the useful limit.
    maxWorkers: 2,
    pool: "forks",
    // For scripts that count tests: a report in JSON beside the one on the screen.
    ...(report === undefined ? {} : { reporters: ["default", ["json", { outputFile: report }]] }),
  },
})
