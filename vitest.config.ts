import { defineConfig } from "vitest/config"

const report = process.env["PIRL_TEST_REPORT"]

const source = (file: string): string => new URL(`src/${file}`, import.meta.url).pathname

export default defineConfig({
  // Examples import the package by its name; tsconfig.json says the same to the compiler and to tsx.
  resolve: {
    alias: [
      { find: /^pirl$/, replacement: source("index.ts") },
      { find: /^pirl\/tinker$/, replacement: source("tinker/index.ts") },
    ],
  },
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
