import type { Table } from "./table.ts"

/** A table from records. */
export function tableOf(records: readonly Readonly<Record<string, number | string | null>>[]): Table {
  const names = new Set(records.flatMap((record) => Object.keys(record)))
  const labels = new Map<string, string[]>()
  const columns = new Map<string, number[]>()
  for (const name of names) {
    const words: string[] = []
    const values = records.map((record) => {
      const value = record[name]
      if (typeof value === "number") return value
      if (typeof value !== "string") return Number.NaN
      if (!words.includes(value)) words.push(value)
      return words.indexOf(value)
    })
    columns.set(name, values)
    if (words.length > 0) labels.set(name, words)
  }
  return { rows: records.length, column: (name) => columns.get(name), labels: (name) => labels.get(name) }
}
