/** What the check found, row by row, and the table of it. */
import type { ServerCapabilities } from "../server-capabilities.ts"

/**
 * - `ok`: as the protocol says
 * - `differs`: another way than some servers, which the engine can live with once it knows
 * - `missing`: not there, or not told; the engine does without
 * - `wrong`: against the protocol; training on it would be training on something else
 */
export type CheckStatus = "ok" | "differs" | "missing" | "wrong"

export interface CheckRow {
  readonly name: string
  readonly status: CheckStatus
  readonly detail: string
}

export interface CheckReport {
  readonly url: string
  readonly baseModel: string
  readonly rows: readonly CheckRow[]
  /** Absent when the reduction could not be measured. */
  readonly capabilities?: ServerCapabilities
}

export function isSound({ rows }: CheckReport): boolean {
  return !rows.some(({ status }) => status === "wrong")
}

/** A line per row: name, status, detail. */
export function checkLine({ name, status, detail }: CheckRow): string {
  return `${name.padEnd(30)} ${status.padEnd(8)} ${detail}`
}
