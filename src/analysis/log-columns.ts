/** Which column of a log is what, by the names that trainers give them. */
import { nearestName } from "../config/nearest-name.ts"
import { DataError } from "../errors.ts"
import type { LogTable } from "./readers/log-table.ts"

/** What a column can be. */
export type ColumnRole =
  | "step"
  | "reward"
  | "accuracy"
  | "standardError"
  | "groupDeviation"
  | "batchDeviation"
  | "equalGroups"
  | "prompts"
  | "groupSize"
  | "length"
  | "entropy"
  | "kl"
  | "truncation"

/** Patterns of the names in lower case, the best first. */
const patterns: Readonly<Record<ColumnRole, readonly RegExp[]>> = {
  step: [
    /^step$/,
    /^(?:train|training|trainer)\/global_step$/,
    /^global_step$/,
    /^(?:train|training)[/_]step$/,
    /^_step$/,
    /^(?:iteration|iter|update|updates)$/,
    /^progress\/batch$/,
  ],
  reward: [
    /^mu$/,
    /^(?:(?:train|training|rollout)\/)?reward$/,
    /^critic\/score\/mean$/,
    /^critic\/rewards?\/mean$/,
    /^(?:(?:train|training|rollout)\/)?(?:total_rewards_mean|mean_reward|reward_mean|rewards?\/mean|avg_reward|reward_avg|average_reward|rewards_mean)$/,
    /^reward\/avg_raw_reward$/,
    /^(?:rollout|train)\/raw_reward$/,
    /^env\/all\/reward\/total$/,
    /^env\/reward_mean$/,
    /^(?:(?:train|rollout)\/)?rewards?$/,
    /^objective\/(?:scores|rlhf_reward)$/,
    /^(?!.*(?:std|min|max|eval|val|test|loss|kl|margin|coef|frac|clip)).*reward.*(?:mean|avg|total)/,
    /^(?:(?:train|rollout)\/)?(?:mean_)?(?:score|accuracy|acc|solve_rate|success_rate|correct_rate)$/,
  ],
  accuracy: [
    /^(?:eval|evaluation|validation|valid|val|test)[_/](?:accuracy|acc)$/,
    /^val-core\/.*\/(?:acc|reward)\/mean@\d+$/,
    /^val\/test_score\//,
    /^(?:eval|validation|val|test)[_/](?!.*(?:std|loss|min|max|time|length)).*(?:accuracy|acc|pass@?1|mean@\d+)$/,
    /^(?:eval|validation|val|test)[_/](?:mean_)?(?:reward|score|reward\/mean|score\/mean)$/,
    /^(?:eval|validation|val|test)[_/](?!.*(?:std|loss|min|max)).*(?:reward|score)(?:\/mean|\/total)?$/,
    /^(?:greedyaccuracy|expectedaccuracy)$/,
  ],
  standardError: [/^mustandarderror$/, /^reward_(?:se|sem|stderr|standard_error)$/],
  groupDeviation: [/^(?:train\/)?reward_std$/],
  batchDeviation: [
    /^(?:train\/)?rewards\/[^/]+\/std$/,
    /^critic\/(?:score|rewards?)\/std$/,
    /^total_rewards_std$/,
    /^(?:train\/|rollout\/)?(?:rewards?[/_]std|std_reward|reward_std)$/,
  ],
  equalGroups: [/^(?:train\/)?frac_reward_zero_std$/, /^zerovarianceshare$/],
  prompts: [/^(?:promptsperstep|num_prompts|prompts_per_step|prompts)$/],
  groupSize: [/^(?:group_size|groupsize|num_generations)$/],
  length: [
    /^responselength$/,
    /completions?\/mean_length$/,
    /response_length\/mean$/,
    /^(?:train\/)?(?:completion_length|response_length|mean_response_length|response_len|seq_length|avg_tokens)$/,
    /ac_tokens_per_turn$/,
  ],
  entropy: [
    /^(?:(?:train|actor|policy|optim|rollout)\/)?(?:entropy|entropy_mean|mean_entropy|entropy_loss)$/,
    /^policy\/entropy_avg$/,
    /^objective\/entropy$/,
  ],
  kl: [
    /^behaviourkl$/,
    /^(?:train\/)?(?:kl|kl_divergence|mismatch_kl)$/,
    /^actor\/(?:kl_loss|ppo_kl)$/,
    /^objective\/kl$/,
    /^policy\/approxkl_avg$/,
    /^optim\/kl[\w/]*$/,
  ],
  truncation: [
    /^truncationrate$/,
    /completions?\/clipped_ratio$/,
    /response_length\/clip_ratio$/,
    /^hit_limit$/,
    /^truncat\w*$/,
  ],
}

export interface ColumnChoice {
  readonly column: string
  /** Others that fit as well. */
  readonly alternatives: readonly string[]
}

export type ColumnChoices = Partial<Record<ColumnRole, ColumnChoice>>

/** Columns a person named. */
export interface NamedColumns {
  readonly reward?: string | undefined
  readonly step?: string | undefined
  readonly accuracy?: string | undefined
}

/**
 * Finds the columns of a log. A bare `reward_std` is the deviation within a group in the logs of TRL, known by their other columns, and of the whole
 * batch elsewhere.
 * @throws DataError  when a named column is not there; when no column looks like a reward, with those that there are; when several runs
 *   are in the file
 */
export function chooseColumns(table: LogTable, named: NamedColumns, log: string): ColumnChoices {
  const names = [...table.columns.keys()]
  const training = names.filter((name) => !/^(?:eval|evaluation|val|valid|validation|test)(?:[_/-]|$)/i.test(name))
  const choices: ColumnChoices = {}
  for (const role of Object.keys(patterns) as ColumnRole[]) {
    const wanted = role === "reward" || role === "step" || role === "accuracy" ? named[role] : undefined
    if (wanted !== undefined) choices[role] = { column: namedColumn(wanted, names, log, role), alternatives: [] }
    else {
      const found = firstMatch(role === "accuracy" ? names : training, patterns[role])
      if (found !== undefined) choices[role] = found
    }
  }
  if (choices.reward === undefined) throw noReward(table, names, log)
  if (named.step === undefined) chooseStep(table, training, choices)
  // A reward that is called an accuracy is no held-out measure of itself.
  if (named.accuracy === undefined && choices.accuracy?.column === choices.reward.column) delete choices.accuracy
  const ownStd = choices.groupDeviation?.column
  if (ownStd !== undefined) {
    const trl = names.some((name) => /(?:^|\/)(?:frac_reward_zero_std$|completions?\/|completion_length$|rewards\/)/.test(name))
    if (!trl) delete choices.groupDeviation
    else if (choices.batchDeviation?.column === ownStd || choices.batchDeviation?.alternatives.length !== 0) delete choices.batchDeviation
  }
  return choices
}

function firstMatch(names: readonly string[], ranked: readonly RegExp[]): ColumnChoice | undefined {
  for (const pattern of ranked) {
    const fitting = names.filter((name) => pattern.test(name.toLowerCase()))
    if (fitting.length > 0) return { column: fitting[0]!, alternatives: fitting.slice(1) }
  }
  return undefined
}

/** Share of the rewards that a column of steps has to number. */
const NUMBERED = 0.9

/** The first column of steps that stands in the rows of the rewards: loggers with several counters leave some of them out. */
function chooseStep(table: LogTable, names: readonly string[], choices: ColumnChoices): void {
  const rewards = table.columns.get(choices.reward!.column)!
  const coverage = (name: string): number => {
    const steps = table.columns.get(name)!
    let [rows, numbered] = [0, 0]
    for (let row = 0; row < table.rows; row++) {
      if (Number.isNaN(rewards[row]!)) continue
      rows++
      if (!Number.isNaN(steps[row]!)) numbered++
    }
    return numbered / rows
  }
  const candidates = patterns.step.flatMap((pattern) => names.filter((name) => pattern.test(name.toLowerCase())))
  const chosen = candidates.find((name) => coverage(name) >= NUMBERED)
  if (chosen === undefined) delete choices.step
  else choices.step = { column: chosen, alternatives: [] }
}

function namedColumn(wanted: string, names: readonly string[], log: string, role: string): string {
  if (names.includes(wanted)) return wanted
  const near = nearestName(wanted, names)
  const fix = near === undefined ? listed(names) : `Did you mean ${near}?`
  throw new DataError(`log ${log}: expected a column "${wanted}" with numbers for the ${role}, got none. ${fix}`)
}

function noReward(table: LogTable, names: readonly string[], log: string): DataError {
  if (names.length === 0) {
    const unread = table.unreadable > 0 ? `; ${table.unreadable} lines could not be read` : ""
    return new DataError(`log ${log}: expected columns with numbers, got none (${table.rows} rows${unread}). Check the path.`)
  }
  const runs = table.format === "W&B CSV export" ? names.filter((name) => / - .*(?:reward|score)/i.test(name)) : []
  if (runs.length > 1) {
    return new DataError(`log ${log}: expected one run, got the rewards of several: ${runs.join(", ")}. Choose one with --reward.`)
  }
  return new DataError(`log ${log}: expected a column with the mean reward of a step, got ${listed(names)} Name it with --reward.`)
}

const LISTED = 60

function listed(names: readonly string[]): string {
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : ""
  return `the columns ${names.slice(0, LISTED).join(", ")}${more}.`
}
