/**
 * `pirl compare`: arms over seeds, side by side.
 */
import { availableParallelism } from "node:os"
import { basename, extname, join, relative, resolve } from "node:path"
import { armsIn, builtInArms, commandLine, equalArms, parseSeeds, planComparison, plannedConfig, readComparison, runComparison } from "../compare/index.ts"
import type { AnalysisOptions, ComparisonPlan, ComparisonState, Match, Measure, PlannedArm } from "../compare/index.ts"
import { suggestion } from "../config/index.ts"
import type { ResolvedConfig } from "../config/index.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import { configChecks } from "../trainer/config-checks.ts"
import { packageVersion } from "../version.ts"
import type { CliContext, Command, CommandArguments, OptionSpec } from "./command.ts"
import { comparisonProgress } from "./compare-progress.ts"
import { showComparison } from "./compare-report.ts"
import { exitCodes } from "./exit-code.ts"
import { resolveTokenBudget } from "../trainer/token-budget.ts"
import { fetchModelOf } from "./find-model.ts"
import { listenForInterrupt } from "./interrupt.ts"
import { configOptions } from "./train.ts"

const options: readonly OptionSpec[] = [
  ...configOptions,
  { name: "arms", kind: "text", placeholder: "A,B,C", help: "Built-in arms, objectives, OBJECTIVE+ARM, or all" },
  {
    name: "arm",
    kind: "text",
    multiple: true,
    placeholder: "NAME:SET=V",
    help: "An arm of your own: NAME:setting=value,..., or NAME=BUILT-IN:setting=value,...",
  },
  { name: "objectives", kind: "text", placeholder: "X,Y", help: "Make the arms over each of these objectives" },
  { name: "seeds", kind: "text", placeholder: "N", help: "Number of seeds (default 5), or seeds as 11,12,13 or 11-18" },
  {
    name: "out",
    kind: "text",
    placeholder: "DIR",
    help: "Folder of the comparison (default compare/<name of the config>)",
  },
  {
    name: "starts",
    kind: "text",
    placeholder: "DIR",
    help: "Folder of start models for comparisons to share (default: each has its own)",
  },
  { name: "parallel", kind: "integer", placeholder: "N", help: "Runs at a time (default cores / threads)" },
  { name: "threads", kind: "integer", placeholder: "N", help: "Engine threads of each run (default 1)" },
  {
    name: "against",
    kind: "text",
    placeholder: "A,B",
    help: "Arms that the others are compared with (default the first)",
  },
  { name: "match", kind: "text", placeholder: "WHAT", help: "Compare at equal rollouts (default), updates or seconds" },
  {
    name: "measure",
    kind: "text",
    placeholder: "WHAT",
    help: "greedy or expected accuracy (default greedy where it was measured)",
  },
  { name: "keep-models", kind: "flag", help: "Keep model and checkpoints of finished runs" },
  { name: "retry-failed", kind: "flag", help: "Try runs again that ended with an error" },
  { name: "show", kind: "text", placeholder: "DIR", help: "Show an existing comparison and run nothing" },
  { name: "dry-run", kind: "flag", help: "Check every arm, list the runs, run nothing" },
  { name: "json", kind: "flag", help: "One JSON object on the standard output and nothing else" },
]

/** The command. */
export const compareCommand: Command = {
  name: "compare",
  summary: "Compare arms of a config over seeds",
  positionals: "CONFIG",
  positionalCount: { min: 0, max: 1 },
  options,
  description:
    "Trains every arm with every seed, several at a time, and says how they differ: all arms of a seed share start,\n" +
    "problems and held-out set. The same command goes on where it was stopped or killed.\n\n" +
    `Built-in arms, X being the objective:\n${builtInArms.map(({ name, meaning }) => `  ${name.padEnd(20)} ${meaning}`).join("\n")}`,
  examples: [
    ["pirl compare quickstart.yaml --arms base,two-epochs,pipo --seeds 5", "Is PIPO worth more than a second update?"],
    ["pirl compare quickstart.yaml --arms all --objectives grpo,dapo", "Every arm over two objectives"],
    ["pirl compare quickstart.yaml --arms base --arm slow=base:optimizer.learningRate=1e-4", "An arm of your own"],
    ["pirl compare --show compare/quickstart", "Table and plots, also while it runs"],
  ],
  run: runCompare,
}

async function runCompare(args: CommandArguments, context: CliContext): Promise<number> {
  const show = args.text("show")
  const reading = readingOptions(args)
  const [configFile] = args.positionals
  if (show !== undefined && configFile === undefined) {
    const state = readComparison(show)
    const options = analysisOptions(args, reading, state)
    if (!args.flag("json")) for (const command of state.plan.commands ?? []) context.out.write(`made by: ${command}\n`)
    showComparison(state, show, options, context, args.flag("json"))
    return exitOf(state)
  }
  if (configFile === undefined || show !== undefined) {
    throw usage(show === undefined ? "expected CONFIG or --show DIR, got nothing. Write a config with `pirl init`." : "expected either CONFIG or --show DIR, got both. Leave one out.")
  }
  const threads = args.number("threads") ?? 1
  const parallel = args.number("parallel") ?? Math.max(1, Math.floor(availableParallelism() / Math.max(threads, 1)))
  if (threads < 1 || parallel < 1) throw usage(`expected --threads and --parallel of at least 1, got ${threads} and ${parallel}. Correct them.`)
  const plan = planComparison({
    configFile,
    overrides: args.texts("set"),
    arms: { names: namesOf(args, "arms"), own: args.texts("arm"), objectives: namesOf(args, "objectives") },
    seeds: parseSeeds(args.text("seeds") ?? "5"),
    threads,
    checks: configChecks,
  })
  const out = fromHere(args.text("out") ?? join("compare", basename(configFile, extname(configFile))))
  checkAgainst(namesOf(args, "against"), [...new Set([...armsIn(out), ...plan.arms.map(({ name }) => name)])])
  if (args.flag("dry-run")) {
    describePlan(plan, out, context)
    return exitCodes.ok
  }
  return await compare(
    args,
    reading,
    await withTokenBudgets(await withModels(plan, out, context), out, parallel),
    out,
    parallel,
    context,
  )
}

/** The plan with every model of the hub fetched, once for all workers. A comparison keeps the commit that it began with. */
async function withModels(plan: ComparisonPlan, out: string, context: CliContext): Promise<ComparisonPlan> {
  const begun = plannedConfig(out)
  const fetched = async (config: ResolvedConfig): Promise<ResolvedConfig> => {
    const { hub, revision, commit } = begun?.model ?? {}
    const same = commit !== undefined && hub === config.model.hub && revision === config.model.revision
    return await fetchModelOf(same ? { ...config, model: { commit, ...config.model } } : config, context)
  }
  const arms: PlannedArm[] = []
  for (const arm of plan.arms) arms.push({ ...arm, config: await fetched(arm.config) })
  return { ...plan, config: await fetched(plan.config), arms }
}

/**
 * The plan with one token budget for all arms that leave it to the memory, which their runs share. A comparison keeps
 * its own.
 */
async function withTokenBudgets(plan: ComparisonPlan, out: string, parallel: number): Promise<ComparisonPlan> {
  const begun = plannedConfig(out)?.engine.tokenBudget
  const configs = [plan.config, ...plan.arms.map(({ config }) => config)]
  const resolved =
    typeof begun === "number"
      ? [begun]
      : await Promise.all(configs.map((config) => resolveTokenBudget(config, parallel)))
  const budgets = resolved.filter((budget) => budget !== undefined)
  if (budgets.length === 0) return plan
  const tokenBudget = Math.min(...budgets)
  const settled = (config: ResolvedConfig): ResolvedConfig =>
    config.engine.tokenBudget === "auto" ? { ...config, engine: { ...config.engine, tokenBudget } } : config
  return {
    ...plan,
    config: settled(plan.config),
    arms: plan.arms.map((arm) => ({ ...arm, config: settled(arm.config) })),
  }
}

async function compare(args: CommandArguments, reading: Reading, plan: ComparisonPlan, out: string, parallel: number, context: CliContext): Promise<number> {
  const json = args.flag("json")
  const stop = new AbortController()
  const progress = comparisonProgress(context, parallel)
  for (const names of equalArms(plan.arms)) progress.note(`warning: ${names.join(" and ")} are the same config under ${names.length} names`)
  const interrupt = listenForInterrupt(() => {
    progress.note("stopping; Ctrl-C again stops at once")
    stop.abort()
  }, {
    // The worker processes end with this one.
    onDeadline: () => progress.note("stopped. The same command goes on, each run from its last checkpoint."),
  })
  try {
    const starts = args.text("starts")
    const state = await runComparison({ plan, out, version: packageVersion(), command: commandLine(["compare", ...args.words], resolve(".")), starts: starts === undefined ? undefined : fromHere(starts), parallel, keepModels: args.flag("keep-models"), retryFailed: args.flag("retry-failed"), observer: progress, signal: stop.signal })
    progress.close()
    showComparison(state, out, analysisOptions(args, reading, state), context, json)
    if (stop.signal.aborted) {
      context.err.write("stopped. The same command goes on where it stopped.\n")
      return interrupt.exitCode
    }
    return exitOf(state)
  } finally {
    interrupt.dispose()
    progress.close()
  }
}

/** From where the command is given: the same spelling whichever way a folder is named. */
function fromHere(path: string): string {
  return relative(".", resolve(path)) || "."
}

function exitOf({ results }: ComparisonState): number {
  return results.some(({ state }) => state === "failed") ? exitCodes.failure : exitCodes.ok
}

function namesOf(args: CommandArguments, option: string): string[] {
  return args.texts(option).flatMap((text) => text.split(",").map((name) => name.trim())).filter((name) => name !== "")
}

function usage(message: string): ConfigError {
  return new ConfigError([{ path: "", message: `pirl compare: ${message}` }])
}

type Reading = Pick<AnalysisOptions, "match" | "measure">

function readingOptions(args: CommandArguments): Reading {
  const issues: ConfigIssue[] = []
  const choice = <T extends string>(option: string, known: readonly T[]): T | undefined => {
    const given = args.text(option)
    if (given === undefined || (known as readonly string[]).includes(given)) return given as T | undefined
    issues.push({ path: "", message: `--${option}: expected ${known.join(", ")}, got "${given}". ${suggestion(given, known)}` })
    return undefined
  }
  const match = choice<Match>("match", ["rollouts", "updates", "seconds"]) ?? "rollouts"
  const measure = choice<Measure>("measure", ["expected", "greedy"])
  if (issues.length > 0) throw new ConfigError(issues)
  return { match, ...(measure === undefined ? {} : { measure }) }
}

function analysisOptions(args: CommandArguments, reading: Reading, { plan }: ComparisonState): AnalysisOptions {
  const arms = plan.arms.map(({ name }) => name)
  const against = namesOf(args, "against")
  checkAgainst(against, arms)
  return { ...reading, against: against.length > 0 ? against : arms.slice(0, 1) }
}

function checkAgainst(against: readonly string[], arms: readonly string[]): void {
  const unknown = against.filter((name) => !arms.includes(name))
  if (unknown.length === 0) return
  throw new ConfigError(unknown.map((name) => ({ path: "", message: `--against: expected an arm of the comparison (${arms.join(", ")}), got "${name}". ${suggestion(name, arms)}` })))
}

function describePlan(plan: ComparisonPlan, out: string, context: CliContext): void {
  for (const { name, changes } of plan.arms) {
    const parts = Object.entries(changes).map(([path, value]) => `${path}=${JSON.stringify(value)}`)
    context.out.write(`${name}: ${parts.length === 0 ? "the config itself" : parts.join(" ")}\n`)
  }
  const runs = plan.arms.length * plan.seeds.length
  context.out.write(`${plan.arms.length} arms x ${plan.seeds.length} seeds (${plan.seeds.join(", ")}) = ${runs} runs of ${plan.config.train.steps} steps, in ${out}. Nothing was trained.\n`)
}
