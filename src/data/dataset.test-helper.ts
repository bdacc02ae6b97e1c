/** Files for tests of data sets, in a folder that goes when the test file ends. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import { afterAll } from "vitest"

export interface TestFiles {
  /** The folder of them all. */
  readonly folder: string
  /** Writes a file, with the folders it is in, and returns its path. */
  write(name: string, content: string | Uint8Array): string
  /** One JSON text per line. */
  jsonLines(name: string, rows: readonly unknown[]): string
  /** Result of an SQL query as a parquet file. */
  parquet(name: string, sql: string): Promise<string>
}

export function testFiles(): TestFiles {
  const folder = mkdtempSync(join(tmpdir(), "pirl-data-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  const write: TestFiles["write"] = (name, content) => {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    return file
  }
  return {
    folder,
    write,
    jsonLines: (name, rows) => write(name, rows.map((row) => `${JSON.stringify(row)}\n`).join("")),
    async parquet(name, sql) {
      const file = join(folder, name)
      const database = await DuckDBInstance.create(":memory:")
      const connection = await database.connect()
      await connection.run(`copy (${sql}) to '${file}' (format parquet)`)
      connection.closeSync()
      database.closeSync()
      return file
    },
  }
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error("nothing was rejected")
}
