/** DuckDB, which few runs need and which takes 70 MB: an optional package, loaded when first needed. */
import { DataError } from "../errors.ts"

type DuckDb = typeof import("@duckdb/node-api")

const packageName = "@duckdb/node-api"

/** Codes of errors that mean that a package, or the build of it for this platform, is not there. */
const notInstalled: ReadonlySet<unknown> = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"])

/**
 * The database.
 * @param wantedBy  what needs it, as the beginning of a sentence
 * @param load      for tests
 * @throws DataError  naming the package and the command that installs it, when it is not installed
 */
export async function loadDuckDb(wantedBy: string, load: () => Promise<DuckDb> = importDuckDb): Promise<DuckDb> {
  try {
    return await load()
  } catch (cause) {
    const missing = notInstalled.has((cause as NodeJS.ErrnoException).code)
    const got = missing ? "none" : `one that does not load: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new DataError(
      `${wantedBy}: expected the optional package ${packageName}, got ${got}. Install it: npm install ${packageName}`,
      { cause },
    )
  }
}

function importDuckDb(): Promise<DuckDb> {
  return import("@duckdb/node-api")
}
