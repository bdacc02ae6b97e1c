/**
 * Checks that need more than one setting, and what is allowed but deserves a word.
 */
import type { ConfigIssue } from "../errors.ts"
import { modelCrossChecks } from "./model-cross-checks.ts"
import { objectiveCrossChecks } from "./objective-cross-checks.ts"
import type { ResolvedConfig } from "./schema.ts"

/** A problem between settings. */
export interface CrossIssue extends ConfigIssue {
  /** Dotted paths of the other settings that take part; when one of them is broken itself, this is not reported. */
  readonly with: readonly string[]
}

/** Estimators that do not compare the responses of a group with each other. */
const ungroupedAdvantages: ReadonlySet<string> = new Set(["reinforce++", "remax", "gae", "none"])

/** Objectives whose own advantage estimator is one of those. */
const ungroupedObjectives: ReadonlySet<string> = new Set(["ppo", "reinforce++", "reinforce"])

/** Objectives for which the published code has a verification loss. */
export const referenceCodeObjectives: readonly string[] = ["grpo", "gspo", "ppo", "rloo", "reinforce++", "bapo"]

/** Settings that are fine one by one and impossible together. */
export function crossCheck(config: ResolvedConfig): CrossIssue[] {
  return [
    ...modelCrossChecks(config),
    ...checkBatch(config),
    ...checkShaping(config),
    ...checkPrompts(config),
    ...objectiveCrossChecks(config),
    ...checkPipo(config),
    ...checkRun(config),
    ...checkServer(config),
    ...checkOverlap(config),
    ...checkPrecision(config),
  ]
}

function checkBatch({ rollout, objective, optimizer }: ResolvedConfig): CrossIssue[] {
  const issues: CrossIssue[] = []
  const grouped =
    objective.advantage === undefined
      ? !ungroupedObjectives.has(objective.name)
      : !ungroupedAdvantages.has(objective.advantage)
  if (grouped && rollout.groupSize < 2) {
    issues.push({
      path: "rollout.groupSize",
      with: ["objective.advantage", "objective.name"],
      message:
        `expected at least 2 responses per prompt, since the advantage "${objective.advantage ?? objective.name}" ` +
        `compares the responses of a group, got ${rollout.groupSize}. Raise it, e.g. to 8.`,
    })
  }
  if (rollout.promptsPerStep % optimizer.miniBatches !== 0) {
    issues.push({
      path: "optimizer.miniBatches",
      with: ["rollout.promptsPerStep"],
      message:
        `expected a divisor of rollout.promptsPerStep (${rollout.promptsPerStep}), got ${optimizer.miniBatches}. ` +
        "Choose mini-batches that hold equally many prompts.",
    })
  }
  return issues
}

function checkPrompts({ rollout }: ResolvedConfig): CrossIssue[] {
  if (rollout.chatTemplate !== false || rollout.systemPrompt === undefined) return []
  return [
    {
      path: "rollout.systemPrompt",
      with: ["rollout.chatTemplate"],
      message:
        "expected none with rollout.chatTemplate: false, since bare text has no place for it, got a text. " +
        "Remove one of the two.",
    },
  ]
}

function checkShaping({ rollout, pipo }: ResolvedConfig): CrossIssue[] {
  const issues: CrossIssue[] = []
  const { dynamicSampling, overlong, curriculum, groupSize, maxResponseTokens } = rollout
  if (dynamicSampling.enabled && groupSize < 2) {
    issues.push({
      path: "rollout.dynamicSampling.enabled",
      with: ["rollout.groupSize"],
      message:
        "expected false with rollout.groupSize 1, where every group has one reward and would be dropped, got true. " +
        "Raise rollout.groupSize, e.g. to 8.",
    })
  }
  if (overlong.bufferTokens >= maxResponseTokens) {
    issues.push({
      path: "rollout.overlong.bufferTokens",
      with: ["rollout.maxResponseTokens"],
      message:
        `expected fewer than rollout.maxResponseTokens (${maxResponseTokens}), got ${overlong.bufferTokens}. Lower it; ` +
        "a fifth of maxResponseTokens is usual.",
    })
  }
  if (curriculum.enabled && pipo.enabled && curriculum.uniformShare === 0) {
    issues.push({
      path: "rollout.curriculum.uniformShare",
      with: ["rollout.curriculum.enabled", "pipo.enabled"],
      message:
        "expected more than 0 with pipo, whose signal is the mean reward of prompts that nobody chose, got 0. Set it, " +
        "e.g. to 0.25, or pipo.enabled: false.",
    })
  }
  return issues
}

function checkPipo({ pipo, objective }: ResolvedConfig): CrossIssue[] {
  if (!pipo.enabled) return []
  const issues: CrossIssue[] = []
  if (pipo.gate === "clip" && objective.name !== "ppo") {
    issues.push({
      path: "pipo.gate",
      with: ["objective.name"],
      message:
        `expected leaky or relu with the objective "${objective.name}", got clip, which scales the advantages of a ` +
        "critic. Use gate: leaky, or objective.name: ppo.",
    })
  }
  if (pipo.surrogate === "reference-code" && !referenceCodeObjectives.includes(objective.name)) {
    issues.push({
      path: "pipo.surrogate",
      with: ["objective.name", "pipo.preset"],
      message:
        `expected base with the objective "${objective.name}", got reference-code, which is published for ` +
        `${referenceCodeObjectives.join(", ")} only. Use surrogate: base.`,
    })
  }
  return issues
}

function checkRun({ optimizer, train, evaluation }: ResolvedConfig): CrossIssue[] {
  const issues: CrossIssue[] = []
  if (optimizer.schedule !== "constant" && optimizer.warmupSteps >= train.steps) {
    issues.push({
      path: "optimizer.warmupSteps",
      with: ["train.steps", "optimizer.schedule"],
      message:
        `expected fewer than train.steps (${train.steps}) with the schedule ${optimizer.schedule}, got ` +
        `${optimizer.warmupSteps}. Train longer, warm up shorter, or use schedule: constant.`,
    })
  }
  if (!evaluation.greedy && !evaluation.expected) {
    issues.push({
      path: "evaluation",
      with: ["evaluation.greedy", "evaluation.expected"],
      message: "expected a measure of accuracy, got neither greedy nor expected. Set one of them to true.",
    })
  }
  return issues
}

function corrects({ importanceCorrection }: ResolvedConfig["objective"]): boolean {
  return importanceCorrection !== undefined && importanceCorrection !== "none"
}

/** What sampling in eight bits asks of the other settings. */
function checkPrecision({ rollout, objective, engine }: ResolvedConfig): CrossIssue[] {
  if (rollout.precision === "f32") return []
  const issues: CrossIssue[] = []
  if (engine.kind === "tinker") {
    issues.push({
      path: "rollout.precision",
      with: ["engine.kind"],
      message:
        "expected f32 with engine.kind tinker, whose server decides what it computes in, got " +
        `${rollout.precision}. Remove it.`,
    })
  }
  if (!corrects(objective)) {
    issues.push({
      path: "objective.importanceCorrection",
      with: ["rollout.precision"],
      message:
        `expected a correction with rollout.precision ${rollout.precision}, whose samples are not quite the trainer's, got none. ` +
        "Set objective.importanceCorrection: token-truncate, or rollout.precision: f32.",
    })
  }
  return issues
}

/** What sampling during the update asks of the other settings. */
function checkOverlap({ train, engine, objective, pipo }: ResolvedConfig): CrossIssue[] {
  if (!train.overlap) return []
  const issues: CrossIssue[] = []
  if (engine.kind !== "tinker") {
    issues.push({
      path: "train.overlap",
      with: ["engine.kind"],
      message:
        `expected false with engine.kind ${engine.kind}, whose one set of weights and cores serves both halves of a step, got true. ` +
        "Set engine.kind: tinker, or remove it.",
    })
  }
  if (!corrects(objective)) {
    issues.push({
      path: "objective.importanceCorrection",
      with: ["train.overlap"],
      message:
        "expected a correction with train.overlap, whose batches are of the policy before the last update, got none. " +
        "Set objective.importanceCorrection: token-truncate, or train.overlap: false.",
    })
  }
  if (pipo.enabled && pipo.acts === "step-size") {
    issues.push({
      path: "pipo.acts",
      with: ["train.overlap", "pipo.enabled", "pipo.preset"],
      message:
        "expected update with train.overlap, since the paired improvement wants responses of the newest policy, got step-size " +
        "(preset verified). Use pipo.preset: paper, or train.overlap: false.",
    })
  }
  return issues
}

/** What a server of the Tinker protocol must be told, and what it cannot do. */
function checkServer({ engine, model, rollout, lora, objective }: ResolvedConfig): CrossIssue[] {
  const { kind, server } = engine
  if (kind !== "tinker") {
    if (server === undefined) return []
    return [{ path: "engine.server", with: ["engine.kind"], message: `expected no server with kind ${kind}, got one. Set engine.kind to tinker, or remove the section.` }]
  }
  const issues: CrossIssue[] = []
  const refuse = (path: string, message: string): void => void issues.push({ path, with: ["engine.kind", "engine.server"], message })
  if (server === undefined) refuse("engine.server", "expected the server's url and baseModel with kind tinker, got no section. Add it.")
  else if (server.lossReduction === undefined && server.capabilities === undefined) {
    refuse(
      "engine.server",
      "expected `capabilities` or `lossReduction`, since servers add up losses differently, got neither. " +
        `Run \`pirl tinker check ${holdsSecret(server.url) ? "URL" : server.url} --write FILE\` and name the file.`,
    )
  }
  if (server !== undefined && holdsSecret(server.url)) {
    refuse("engine.server.url", "expected an address without user, password and query, which would be written to config.yaml, plans and logs, got one that has them. Put the key into TINKER_API_KEY.")
  }
  if (model.preset !== undefined) refuse("model.preset", "expected `model.path` or `model.hub` with the tokenizer of the server's base model, got a preset. The server has the weights.")
  if (rollout.temperature !== 1) {
    refuse("rollout.temperature",
      "expected 1 with kind tinker, since servers compute log-probs for training at temperature 1, " +
      `got ${rollout.temperature}. Set it to 1.`)
  }
  if (rollout.minP > 0) refuse("rollout.minP",
    `expected 0 with kind tinker, since the protocol has no such parameter, got ${rollout.minP}. ` +
    "Use topP or topK.")
  if (lora.enabled) refuse("lora", "expected no section with kind tinker, whose adapters the server makes, got one. Set engine.server.loraRank.")
  const { entropyCoefficient, klEstimator, klCoefficient, advantage, name } = objective
  if (entropyCoefficient !== 0) {
    refuse(
      "objective.entropyCoefficient",
      "expected 0 with kind tinker, since servers give log-probs of single tokens and no " +
      `entropies, got ${entropyCoefficient}. Any loss of the log-probs can be had; remove the ` +
      "bonus.",
    )
  }
  if (klEstimator === "full" && klCoefficient !== 0) {
    refuse("objective.klEstimator", "expected an estimator from sampled tokens with kind tinker, since servers give log-probs of single tokens, got full. Use k3.")
  }
  if (advantage === "gae" || (advantage === undefined && name === "ppo")) {
    refuse("objective.advantage", "expected one without a critic with kind tinker, since servers have no value head, got gae. Choose another, e.g. grpo.")
  }
  return issues
}

function holdsSecret(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { username, password, search } = new URL(address)
  return `${username}${password}${search}` !== ""
}

/**
 * What can be trained and deserves a word before it is: one sentence each, starting with the path.
 */
export function configWarnings(config: ResolvedConfig): string[] {
  const { pipo, rollout, lora, model, optimizer, train } = config
  const warnings: string[] = []
  if (lora.enabled && model.preset !== undefined) {
    warnings.push(
      "lora: adapters on random weights learn little. Leave the section out for a preset that starts from scratch.",
    )
  }
  if (!pipo.enabled) return warnings
  if (pipo.surrogate === "reference-code") {
    warnings.push(
      "pipo.surrogate: the reference code's loss has no lower bound on the ratio where it suppresses. Measured " +
        "harmful: -0.182 +- 0.036 final accuracy against the PPO form (560 small runs). Use surrogate: base to " +
        "train; reference-code is for reproducing the published code.",
    )
  }
  if (pipo.mu === "trained") {
    warnings.push(
      "pipo.mu: the mean over trained groups says little about the policy once groups are filtered. Use mu: sampled " +
        "unless you reproduce the published code.",
    )
  }
  if (pipo.window < 2) {
    warnings.push("pipo.window: one mean has no deviation; xi is a plain difference of means. Use 2 or more.")
  }
  const waited = pipo.duringWarmup === "wait" ? Math.max(0, optimizer.warmupSteps - 1) : 0
  if (waited + Math.min(pipo.minSteps, pipo.window) >= train.steps && train.steps > 0) {
    const sooner = waited > 0 ? "lower window, minSteps or optimizer.warmupSteps" : "lower window and minSteps"
    warnings.push(`pipo.minSteps: no update is verified in a run of ${train.steps} steps. Train longer, or ${sooner}.`)
  }
  const { enabled: chosen, uniformShare } = rollout.curriculum
  const responses = Math.ceil(rollout.promptsPerStep * (chosen ? uniformShare : 1)) * rollout.groupSize
  if (responses <= 128) {
    warnings.push(
      `rollout: with ${responses} responses per step the improvement signal is mostly noise (at 128 its sign agreed ` +
        "with the true change in 53-58 % of steps). Raise promptsPerStep; 64 x 8 and more is where verification helps.",
    )
  }
  return warnings
}
