/** How many tokens train at once: what the memory that is free allows, decided once at the start of a run. */
import type { ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { availableMemory, forecastMemory, type MemoryForecast } from "./memory-forecast.ts"
import { largestTokenBudget, longestPrompt, openConfiguredTask, planPolicy, type PolicyPlan } from "./policy.ts"

/** Budgets that are tried, as shares of the largest. */
const SHARES = [1, 1 / 2, 1 / 4, 1 / 8] as const
/** Part of the free memory that a run may be expected to need: the rest is for what the estimate does not know. */
const PART = 0.85

export interface SettledBudget {
  /** With `engine.tokenBudget` as a number. */
  readonly config: ResolvedConfig
  readonly tokenBudget: number
  /** What training under it will need. */
  readonly memory: MemoryForecast
}

/**
 * Decides `engine.tokenBudget: auto`. The budget says where batches are cut and so how sums are rounded, which is why a
 * run keeps its own.
 * @param availableBytes  what is free now when absent
 */
export function settleTokenBudget(
  config: ResolvedConfig,
  plan: PolicyPlan,
  availableBytes: number = availableMemory(),
): SettledBudget {
  const under = (tokenBudget: number): SettledBudget => {
    const settled = { ...config, engine: { ...config.engine, tokenBudget } }
    return { config: settled, tokenBudget, memory: forecastMemory(settled, plan.task, plan, availableBytes) }
  }
  if (config.engine.tokenBudget !== "auto") return under(config.engine.tokenBudget)
  const sequence = sequenceTokens(config, plan)
  const budgets = [...new Set(SHARES.map((share) => Math.max(share * largestTokenBudget, sequence)))]
  for (const budget of budgets.slice(0, -1)) {
    const settled = under(budget)
    if (settled.memory.neededBytes <= PART * availableBytes) return settled
  }
  return under(budgets.at(-1)!)
}

/** Of the longest prompt and a whole response, whose last token is not fed. */
function sequenceTokens(config: ResolvedConfig, { task, tokenizer }: PolicyPlan): number {
  return longestPrompt(config, task, tokenizer) + config.rollout.maxResponseTokens - 1
}

/**
 * For runs that begin: those of earlier versions go on with what they have, longer sequences one at a time.
 * @throws ConfigError when the longest prompt and a whole response are more than what trains at once
 */
export function checkTokenBudget(config: ResolvedConfig, plan: PolicyPlan): void {
  const { tokenBudget } = config.engine
  if (tokenBudget === "auto") return
  const needed = sequenceTokens(config, plan)
  if (needed <= tokenBudget) return
  const message =
    `expected room for the longest prompt and a whole response, which are ${needed} tokens, got ${tokenBudget}. ` +
    "Set it to auto, or lower rollout.maxResponseTokens."
  throw new ConfigError([{ path: "engine.tokenBudget", message }])
}

/**
 * The same for a config whose task and model are opened later, by others.
 * @param runs  that share the memory
 */
export async function resolveTokenBudget(config: ResolvedConfig, runs = 1): Promise<number | undefined> {
  if (config.engine.kind === "tinker" || config.engine.tokenBudget !== "auto") return undefined
  const task = await openConfiguredTask(config)
  const plan = await planPolicy(config, task)
  return settleTokenBudget(config, plan, availableMemory() / runs).tokenBudget
}
