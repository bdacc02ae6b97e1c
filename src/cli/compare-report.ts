/**
 * The end of a comparison: table on the terminal, or one JSON object.
 */
import { join } from "node:path"
import { analyse, armCells, differenceCells, markdown, notes } from "../compare/index.ts"
import type { AnalysisOptions, ComparisonState } from "../compare/index.ts"
import { writeFileAtomic } from "../runs/index.ts"
import type { CliContext } from "./command.ts"
import { formatTable } from "./format.ts"

/** Prints a comparison and writes its table.md. */
export function showComparison({ plan, results }: ComparisonState, out: string, options: AnalysisOptions, context: CliContext, json: boolean): void {
  const arms = plan.arms.map(({ name }) => name)
  const analysis = analyse(arms, results, options)
  writeFileAtomic(join(out, "table.md"), markdown(`Comparison of ${arms.length} arms over ${plan.seeds.length} seeds`, analysis))
  const failed = results.filter(({ state }) => state === "failed")
  if (json) {
    context.out.write(`${JSON.stringify({ out, seeds: plan.seeds, ...analysis, failures: failed.map(({ arm, seed, error }) => ({ arm, seed, error })) })}\n`)
    return
  }
  const differences = differenceCells(analysis)
  context.out.write(`\n${formatTable(armCells(analysis))}`)
  if (differences.length > 1) context.out.write(`\n${formatTable(differences)}`)
  context.out.write(`\n${notes(analysis).join("\n")}\n`)
  for (const { arm, seed, error } of failed) context.out.write(`failed: ${arm} seed ${seed}: ${error}\n`)
  context.out.write(`comparison folder ${out}\n`)
}
