/**
 * Our objective at the server's log-probs: loss, gradient and statistics in float64.
 *
 * Shape legend: B sequences, T response tokens.
 */
import { EngineError } from "../../errors.ts"
import { evaluateObjective } from "../../objectives/evaluate-objective.ts"
import { isBatchObjective } from "../../objectives/batch-objective.ts"
import type { Objective } from "../../objectives/objective.ts"
import type { TrainSequence } from "../engine.ts"

export interface LocalLoss {
  readonly loss: number
  /** [T] per sequence: d loss / d log-prob. */
  readonly gradients: Float64Array[]
  /** Mean over the counted tokens. */
  readonly statistics: Readonly<Record<string, number>>
  /** Every number that would be sent is finite. */
  readonly finite: boolean
}

/** Tokens, padding included, that are evaluated at once: bounds the memory of the expression's values. */
const PIECE_TOKENS = 16_384

/** @throws EngineError when the objective needs what a server of this protocol does not give */
export function checkNeeds(objective: Objective, batch: readonly TrainSequence[]): void {
  if (objective.needs.includes("entropy")) {
    throw new EngineError(
      `${objective.name}: expected an engine that gives entropies, got a Tinker server, which gives log-probs of single tokens. Set objective.entropyCoefficient to 0, or use engine.kind: onnx.`,
    )
  }
  if (objective.needs.includes("reference") && batch.some(({ referenceLogprobs }) => referenceLogprobs === undefined)) {
    throw new EngineError(`${objective.name}: expected referenceLogprobs on every sequence, got some without. Score them with the reference policy first.`)
  }
}

export function evaluateLocally(objective: Objective, batch: readonly TrainSequence[], logprobs: readonly Float32Array[]): LocalLoss {
  const names = isBatchObjective(objective) ? objective.tokenInputs : []
  const gradients: Float64Array[] = []
  const totals: Record<string, number> = {}
  let [loss, counted] = [0, 0]
  for (const [start, end] of pieces(logprobs)) {
    const piece = batch.slice(start, end)
    const rows = logprobs.slice(start, end)
    const result = evaluateObjective(objective, {
      logprobs: rows,
      behaviourLogprobs: piece.map((sequence) => sequence.behaviourLogprobs),
      ...(objective.needs.includes("reference") ? { referenceLogprobs: piece.map((sequence) => sequence.referenceLogprobs!) } : {}),
      advantages: piece.map((sequence) => sequence.advantages),
      mask: piece.map((sequence) => sequence.mask),
      weights: piece.map((sequence) => sequence.weights),
      tokenInputs: Object.fromEntries(names.map((name) => [name, piece.map((sequence) => requiredInput(objective.name, name, sequence))])),
    })
    loss += result.loss
    gradients.push(...result.gradient)
    piece.forEach(({ mask }) => {
      for (const m of mask) counted += m
    })
    for (const [name, values] of Object.entries(result.statistics)) {
      totals[name] = piece.reduce((total, { mask }, i) => total + maskedSum(values[i]!, mask), totals[name] ?? 0)
    }
  }
  return {
    loss,
    gradients,
    statistics: Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, total / Math.max(counted, 1)])),
    finite: Number.isFinite(loss) && gradients.every(isFiniteRow),
  }
}

function maskedSum(values: Float64Array, mask: Float32Array): number {
  let total = 0
  for (let t = 0; t < mask.length; t++) if (mask[t] !== 0) total += mask[t]! * values[t]!
  return total
}

/** In single precision, in which it is sent. */
function isFiniteRow(row: Float64Array): boolean {
  for (let t = 0; t < row.length; t++) if (!Number.isFinite(Math.fround(row[t]!))) return false
  return true
}

function requiredInput(who: string, name: string, { tokenInputs }: TrainSequence): Float32Array {
  const values = tokenInputs?.[name]
  if (values === undefined) throw new EngineError(`${who}: expected the per-token input ${name} on every sequence, got none. Give it in tokenInputs.`)
  return values
}

/** Whole sequences, in order, so that rows x longest stays within the budget. */
function pieces(rows: readonly Float32Array[]): [start: number, end: number][] {
  const cuts: [number, number][] = []
  let [start, longest] = [0, 0]
  rows.forEach((row, i) => {
    const next = Math.max(longest, row.length)
    if (i > start && next * (i - start + 1) > PIECE_TOKENS) {
      cuts.push([start, i])
      start = i
      longest = row.length
    } else longest = next
  })
  if (rows.length > start) cuts.push([start, rows.length])
  return cuts
}
