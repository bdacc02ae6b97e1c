/** Runs a golden file entry by entry. */
import { PirlError } from "../../../src/errors.ts"
import { compareAdvantage, compareDenseAdvantage, compareTrlAdvantage } from "./advantages.ts"
import { Comparison } from "./comparison.ts"
import { readBatch, readEntry, type Batches, type GoldenEntry } from "./entry.ts"
import { Fields, GoldenError, type Json } from "./fields.ts"
import { compareAggregation, compareKl, compareOther } from "./other-entries.ts"
import { compareCoefficients, compareWindow } from "./pipo-entries.ts"
import { compareTrlLoss } from "./trl-losses.ts"
import { comparePolicyLoss } from "./verl-losses.ts"

export interface EntryResult {
  readonly name: string
  readonly passed: boolean
  /** Worst relative error; infinite when something is missing or of another shape. */
  readonly worst: number
  /** Why it failed, or why it is compared otherwise than by its recorded numbers. */
  readonly note: string
}

const kinds: Readonly<Record<string, (entry: GoldenEntry, batches: Batches, comparison: Comparison) => void>> = {
  advantage: (entry, _batches, comparison) => compareAdvantage(entry, comparison),
  advantage_dense: (entry, _batches, comparison) => compareDenseAdvantage(entry, comparison),
  trl_advantage: (entry, _batches, comparison) => compareTrlAdvantage(entry, comparison),
  agg: compareAggregation,
  kl_penalty: compareKl,
  misc: (entry, _batches, comparison) => compareOther(entry, comparison),
  policy_loss: comparePolicyLoss,
  trl_loss: compareTrlLoss,
  pipo_window: (entry, _batches, comparison) => compareWindow(entry, comparison),
  pipo_coef: compareCoefficients,
}

function runEntry(entry: GoldenEntry, batches: Batches, tolerance: number): EntryResult {
  const { name, kind } = entry
  const compare = kinds[kind]
  if (compare === undefined) return { name, passed: false, worst: Infinity, note: `kind ${kind}: not yet covered` }
  const comparison = new Comparison()
  const raises = entry.outputs.has("raises") ? entry.outputs.string("raises") : undefined
  try {
    compare(entry, batches, comparison)
  } catch (error) {
    if (raises !== undefined && error instanceof PirlError) return { name, passed: true, worst: 0, note: "" }
    if (error instanceof GoldenError || error instanceof PirlError)
      return { name, passed: false, worst: Infinity, note: error.message }
    throw error
  }
  if (raises !== undefined)
    return { name, passed: false, worst: Infinity, note: `expected an error (${raises} in the reference), got numbers` }
  try {
    for (const fields of [entry.config, entry.inputs, entry.outputs]) fields.close()
  } catch (error) {
    if (!(error instanceof GoldenError)) throw error
    return { name, passed: false, worst: Infinity, note: error.message }
  }
  const passed = comparison.worst <= tolerance
  return { name, passed, worst: comparison.worst, note: passed ? comparison.documented : comparison.where }
}

/**
 * @param json a parsed golden file
 * @param tolerance largest relative error of an element
 * @throws GoldenError when the file is not of the format
 */
export function runGoldenFile(json: Json, tolerance: number): EntryResult[] {
  const file = new Fields("file", json)
  const batchJson = file.json("batches")
  if (typeof batchJson !== "object" || batchJson === null || Array.isArray(batchJson))
    throw new GoldenError("batches: expected an object")
  const batches: Batches = new Map(
    Object.entries(batchJson).map(([name, batch]) => [name, readBatch(name, batch as Json)]),
  )
  const entries = file.json("entries")
  if (!Array.isArray(entries)) throw new GoldenError("entries: expected a list")
  return entries.map((entry: Json) => runEntry(readEntry(entry), batches, tolerance))
}
