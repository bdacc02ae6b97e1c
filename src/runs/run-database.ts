/**
 * SQL over the logs of runs, with DuckDB. The logs are read in place, also while they are written to; a query can read
 * those files and nothing else of the machine, and write nowhere.
 */
import { loadDuckDb } from "../data/duckdb.ts"
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from "@duckdb/node-api"
import { resolve } from "node:path"
import { DataError } from "../errors.ts"
import { findDamagedLine } from "./jsonl-log.ts"
import { isRunFolder } from "./run-folder.ts"
import { runTableFiles, runTableNames, runTables } from "./run-tables.ts"
import type { RunTableFile, RunTableName } from "./run-tables.ts"

/** Statement type of DuckDB's C interface: everything that only reads (select, describe, summarize, values). */
const SELECT = 1
/** Bytes of the longest line that is read. */
const LONGEST_LINE = 64 * 1024 * 1024
const readOptions = `format = 'newline_delimited', maximum_object_size = ${LONGEST_LINE}`

/** A run and what it is called in the column `run`. */
export interface NamedRun {
  readonly name: string
  readonly directory: string
}

/** A value of a result: what JSON can hold. 64-bit integers beyond the exact range of a number are text. */
export type QueryValue = string | number | boolean | null | readonly QueryValue[] | { readonly [key: string]: QueryValue }

/** A result whose rows come in batches. */
export interface QueryResult {
  readonly columns: readonly string[]
  readonly batches: AsyncIterable<readonly (readonly QueryValue[])[]>
}

/** Names for run folders that tell them apart: the last part of their path, as much more of it as is needed. */
export function nameRuns(directories: readonly string[]): NamedRun[] {
  const parts = directories.map((directory) => resolve(directory).replaceAll("\\", "/").split("/"))
  const nameAt = (path: readonly string[], depth: number): string => path.slice(-depth).join("/")
  return directories.map((directory, i) => {
    const path = parts[i]!
    let depth = 1
    const clash = (other: readonly string[], j: number): boolean => j !== i && nameAt(other, depth) === nameAt(path, depth)
    while (depth < path.length && parts.some(clash)) depth += 1
    return { name: nameAt(path, depth), directory }
  })
}

/** A database of the logs of some runs. Close it. */
export class RunDatabase {
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection
  readonly #schema: ReadonlyMap<RunTableName, readonly string[]>

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, schema: ReadonlyMap<RunTableName, readonly string[]>) {
    this.#instance = instance
    this.#connection = connection
    this.#schema = schema
  }

  /**
   * Opens the tables metrics, evaluations, events and completions over all runs; `run` is their first column. A log that is
   * not there is an empty table; a last line that is half-written is left out.
   * @throws DataError  when a folder holds no run, or a line before the last is not JSON
   */
  static async open(runs: readonly NamedRun[]): Promise<RunDatabase> {
    for (const { directory } of runs) {
      if (isRunFolder(directory)) continue
      throw new DataError(`run ${directory}: expected the folder of a run, got none (no config.yaml). Check the path.`)
    }
    const { DuckDBInstance } = await loadDuckDb("SQL over the logs of runs")
    const instance = await DuckDBInstance.create(":memory:", {
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      // What does not fit into memory is an error, not a file in the working folder.
      temp_directory: "",
    })
    const connection = await instance.connect()
    try {
      const schema = new Map<RunTableName, readonly string[]>()
      const allowed: string[] = []
      for (const table of runTableNames) {
        const sources = runs.map(({ name, directory }) => ({ name, files: runTableFiles(directory, table) }))
        for (const { path, halfWritten } of sources.flatMap(({ files }) => files)) if (halfWritten) refuseDamage(path)
        allowed.push(...sources.flatMap(({ files }) => files.flatMap(({ path }) => [path, escapeWildcards(path)])))
        schema.set(table, await createView(connection, table, sources))
      }
      await connection.run(`set allowed_paths = [${allowed.map(quote).join(", ")}]`)
      await connection.run("set enable_external_access = false")
      await connection.run("set lock_configuration = true")
      return new RunDatabase(instance, connection, schema)
    } catch (error) {
      connection.closeSync()
      instance.closeSync()
      throw damaged(error)
    }
  }

  /**
   * Runs one query to its end. A streamed result that fails half-way is given by the client as one that is complete, so the rows wait in
   * the memory of DuckDB until all are there.
   * @throws DataError  with DuckDB's reason and the tables, when it is no single query or DuckDB refuses it; with the place, when a log is
   *                    damaged
   */
  async query(sql: string): Promise<QueryResult> {
    let result: DuckDBResult
    try {
      if (sql.trim() === "") throw new Error("nothing; write a select")
      const statements = await this.#connection.extractStatements(sql)
      if (statements.count !== 1) throw new Error(`${statements.count} statements; write one`)
      const statement = await statements.prepare(0)
      if (Number(statement.statementType) !== SELECT) throw new Error("a statement that is not a query; write a select")
      result = await statement.run()
    } catch (cause) {
      if (isDamage(cause)) throw damaged(cause)
      const message = `SQL: expected a query that can be run, got: ${reason(cause)}\n${this.describe()}`
      throw new DataError(message, { cause })
    }
    return { columns: result.deduplicatedColumnNames(), batches: batchesOf(result) }
  }

  /** Columns of every table. */
  get schema(): ReadonlyMap<RunTableName, readonly string[]> {
    return this.#schema
  }

  /** The tables and their columns in words, a line each. */
  describe(): string {
    return [...this.#schema].map(([table, columns]) => `table ${table}: ${columns.join(", ")}`).join("\n")
  }

  close(): void {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }
}

async function* batchesOf(result: DuckDBResult): AsyncGenerator<readonly (readonly QueryValue[])[]> {
  for await (const rows of result.yieldRowsJs()) yield rows.map((row) => row.map(plain))
}

interface ViewSource {
  readonly name: string
  readonly files: readonly RunTableFile[]
}

/** @returns the columns of the view */
async function createView(connection: DuckDBConnection, table: RunTableName, sources: readonly ViewSource[]): Promise<readonly string[]> {
  const { key, columns: known, sampledLines } = runTables[table]
  const types = new Map(Object.entries(known))
  const files = sources.flatMap(({ files }) => files)
  if (files.length > 0) {
    const options = `${readOptions}, union_by_name = true, sample_size = ${sampledLines}, ignore_errors = ${files.some(({ halfWritten }) => halfWritten)}`
    const found = await connection.runAndReadAll(`describe select * from ${readJson(files, options)}`)
    for (const [name, type] of found.getRowsJS() as [string, string][]) {
      // The type of what was null so far is unknown: JSON.
      if (!types.has(name) || (type.startsWith("STRUCT") && types.get(name)!.startsWith("STRUCT"))) types.set(name, type)
    }
  }
  const names = [...types.keys()].filter((name) => name !== "run")
  const list = names.map(identifier).join(", ")
  const columns = `columns = {${names.map((name) => `${identifier(name)}: ${quote(types.get(name)!)}`).join(", ")}}`
  const parts = sources.flatMap(({ name, files }) =>
    [true, false].flatMap((halfWritten) => {
      const group = files.filter((file) => file.halfWritten === halfWritten)
      if (group.length === 0) return []
      const options = `${readOptions}, ignore_errors = ${halfWritten}, ${columns}`
      // The half-written line comes as a row of nulls.
      const whole = halfWritten ? ` where ${identifier(key)} is not null` : ""
      return [`select ${quote(name)} as run, ${list} from ${readJson(group, options)}${whole}`]
    }),
  )
  const nothing = `select null::VARCHAR as run, ${names.map((name) => `null::${types.get(name)!} as ${identifier(name)}`).join(", ")} where false`
  await connection.run(`create view ${table} as ${[nothing, ...parts].join(" union all ")}`)
  return ["run", ...names]
}

function readJson(files: readonly RunTableFile[], options: string): string {
  return `read_json([${files.map(({ path }) => quote(escapeWildcards(path))).join(", ")}], ${options})`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Paths are taken by their letters, not as patterns. */
function escapeWildcards(path: string): string {
  return path.replace(/[*?[]/g, (character) => `[${character}]`)
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function plain(value: unknown): QueryValue {
  if (value === null || value === undefined) return null
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64")
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, plain(entry)]))
  return value as string | number | boolean
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim()
}

/** DuckDB names the file where a log is at fault; without one, a value of the query is. */
function isDamage(error: unknown): boolean {
  return /(?:Malformed JSON|JSON transform error|maximum_object_size).*\bfile "/is.test(reason(error))
}

function damaged(error: unknown): unknown {
  if (!isDamage(error)) return error
  const got = placeOfDamage(reason(error)) ?? reason(error).split("\n\nLINE ")[0]!
  return damageAt(got, error)
}

function damageAt(got: string, cause?: unknown): DataError {
  return new DataError(`logs of the run: expected one JSON object per line, got: ${got}. Restore the file or remove that line.`, { cause })
}

/** To leave out a half-written line is to leave out every damaged one: that there is no other has to be seen before. */
function refuseDamage(path: string): void {
  const found = findDamagedLine(path)
  if (found !== undefined) throw damageAt(`${path}:${found.line}: ${found.reason}`)
}

/** DuckDB counts lines by how it has cut the file up: the line is looked for. */
function placeOfDamage(message: string): string | undefined {
  const path = /\bfile "(.+?)"[,. ]/.exec(message)?.[1]
  const found = path === undefined ? undefined : findDamagedLine(path)
  return found && `${path}:${found.line}: ${found.reason}`
}
