/**
 * What a comparison came to: tables and plots on the terminal or one JSON object; table.md and compare.svg in its folder.
 */
import { join } from "node:path"
import { analyse, armCells, armCurves, comparisonSvg, differenceCells, markdown, notes, terminalCurves, terminalFinals } from "../compare/index.ts"
import type { AnalysisOptions, ComparisonState } from "../compare/index.ts"
import { writeFileAtomic } from "../runs/index.ts"
import type { CliContext } from "./command.ts"
import { formatTable } from "./format.ts"
import { wantsColor } from "./terminal.ts"

const PLOT_HEIGHT = 16
const [leastWidth, mostWidth] = [60, 110]

/** Prints a comparison, and writes its table and plot. */
export function showComparison({ plan, results }: ComparisonState, out: string, options: AnalysisOptions, context: CliContext, json: boolean): void {
  const arms = plan.arms.map(({ name }) => name)
  const analysis = analyse(arms, results, options)
  const curves = armCurves(arms, results, analysis.measure, analysis.axis)
  writeFileAtomic(join(out, "table.md"), markdown(`Comparison of ${arms.length} arms over ${plan.seeds.length} seeds`, analysis))
  if (curves.length > 0) writeFileAtomic(join(out, "compare.svg"), comparisonSvg(analysis, curves))
  const failed = results.filter(({ state }) => state === "failed")
  if (json) {
    const failures = failed.map(({ arm, seed, error }) => ({ arm, seed, error }))
    context.out.write(`${JSON.stringify({ out, commands: plan.commands ?? [], seeds: plan.seeds, ...analysis, failures })}\n`)
    return
  }
  const print = (text: string): unknown => context.out.write(text)
  if (curves.length > 0) {
    const width = Math.min(Math.max((context.out.columns ?? 90) - 1, leastWidth), mostWidth)
    const plot = { width, height: PLOT_HEIGHT, color: wantsColor(context) }
    print(`\n${terminalCurves(curves, plot)}\n${terminalFinals(analysis, plot)}`)
  }
  const differences = differenceCells(analysis)
  print(`\n${formatTable(armCells(analysis))}`)
  if (differences.length > 1) print(`\n${formatTable(differences)}`)
  print(`\n${notes(analysis).join("\n")}\n`)
  for (const { arm, seed, error } of failed) print(`failed: ${arm} seed ${seed}: ${error}\n`)
  print(`${curves.length > 0 ? "table.md and compare.svg" : "table.md"} in ${out}\n`)
}
