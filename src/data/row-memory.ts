/**
 * What the rows of a data set take in memory, where all that are used are kept. A small file may unpack to more rows
 * and texts than fit, and a process without memory ends without a word.
 */
import { getHeapStatistics } from "node:v8"
import { DataError } from "../errors.ts"
import type { PlacedRow } from "./rows.ts"

/** Bytes of a value beside its text, and of what is made of a row. */
const VALUE_BYTES = 32
const ROW_BYTES = 500
/** Rows may take this share of the memory for objects: there are their questions and keys beside them. */
const SHARE = 1 / 3

/** Bytes of a value; no further than `most`. */
function bytesOf(value: unknown, most: number): number {
  if (typeof value === "string") return VALUE_BYTES + value.length
  if (typeof value !== "object" || value === null) return VALUE_BYTES
  let bytes = VALUE_BYTES
  for (const member of Object.values(value)) {
    bytes += bytesOf(member, most - bytes)
    if (bytes > most) break
  }
  return bytes
}

/** Adds up what rows take. */
export class RowMemory {
  readonly #most: number
  #bytes = 0

  /** @param most  bytes; default: a share of what Node may use */
  constructor(most: number = Math.floor(getHeapStatistics().heap_size_limit * SHARE)) {
    this.#most = most
  }

  /** @throws DataError  naming file and row, when it is one too many */
  take(file: string, { row, place }: PlacedRow): void {
    this.#bytes += ROW_BYTES + bytesOf(row, this.#most)
    if (this.#bytes <= this.#most) return
    const megabytes = Math.round(this.#most / 2 ** 20)
    throw new DataError(
      `data set ${file}, ${place}: expected rows that fit into ${megabytes} MiB of memory, got more up to here. ` +
        "Use a part of the data, or give Node more: NODE_OPTIONS=--max-old-space-size=MEGABYTES.",
    )
  }
}
