/** How many tokens train at once: what the memory that is free allows, decided once at the start of a run. */
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import { availableMemory, forecastMemory } from "./memory-forecast.ts"
import { largestTokenBudget, longestPrompt, openConfiguredTask, planPolicy, type PolicyPlan } from "./policy.ts"

/** Budgets that are tried, as shares of the largest. */
const SHARES = [1, 1 / 2, 1 / 4, 1 / 8] as const
/** Part of the free memory that a run may be expected to need: the rest is for what the estimate does not know. */
const PART = 0.85

/**
 * The config with `engine.tokenBudget` as a number. It decides where batches are cut and so how sums are rounded, which
 * is why a run
 * keeps its own.
 * @param availableBytes  what is free now when absent
 */
export function withTokenBudget(
  config: ResolvedConfig,
  task: Task,
  plan: PolicyPlan,
  availableBytes: number = availableMemory(),
): ResolvedConfig & { readonly engine: { readonly tokenBudget: number } } {
  const { tokenBudget } = config.engine
  if (tokenBudget !== "auto") return { ...config, engine: { ...config.engine, tokenBudget } }
  const sequence = longestPrompt(config, task, plan.tokenizer) + config.rollout.maxResponseTokens
  const tried = [...new Set(SHARES.map((share) => Math.max(share * largestTokenBudget, sequence)))].map((budget) => ({
    ...config,
    engine: { ...config.engine, tokenBudget: budget },
  }))
  const fits = tried.find(
    (candidate) => forecastMemory(candidate, task, plan, availableBytes).neededBytes <= PART * availableBytes,
  )
  return fits ?? tried.at(-1)!
}

/**
 * The same for a config whose task and model are opened later, by others.
 * @param runs  that share the memory
 */
export async function resolveTokenBudget(config: ResolvedConfig, runs = 1): Promise<number | undefined> {
  if (config.engine.kind === "tinker" || config.engine.tokenBudget !== "auto") return undefined
  const task = await openConfiguredTask(config)
  const plan = await planPolicy(config, task)
  return withTokenBudget(config, plan.task, plan, availableMemory() / runs).engine.tokenBudget
}
