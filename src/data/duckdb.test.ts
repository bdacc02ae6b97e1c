import { describe, expect, test } from "vitest"
import { DataError } from "../errors.ts"
import { loadDuckDb } from "./duckdb.ts"

describe("DuckDB", () => {
  test("where it is not installed, the error names who needs it and the command that installs it", async () => {
    const missing = Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" })
    const error = await loadDuckDb("SQL over the logs of runs", () => Promise.reject(missing)).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(DataError)
    expect((error as Error).message).toBe(
      "SQL over the logs of runs: expected the optional package @duckdb/node-api, got none. " +
        "Install it: npm install @duckdb/node-api",
    )
  })

  test("where its library does not load, the error says why", async () => {
    const broken = loadDuckDb("a table", () => Promise.reject(new Error("libstdc++.so.6: wrong version")))
    await expect(broken).rejects.toThrow(/does not load: libstdc\+\+/)
  })

  test("is loaded where it is installed", async () => {
    expect(typeof (await loadDuckDb("a table")).DuckDBInstance).toBe("function")
  })
})
