/**
 * Settings of `objective` that have no effect, or no meaning, beside others of the section.
 */
import type { CrossIssue } from "./cross-checks.ts"
import { defaultImportanceMaximum } from "./defaults.ts"
import type { ResolvedConfig } from "./schema.ts"

type Check = readonly [setting: string, wrong: boolean, message: string, others: readonly string[]]

export function objectiveCrossChecks({ objective, rollout }: ResolvedConfig): CrossIssue[] {
  const { klIn, klEstimator, klCoefficient, klTarget, klHorizon, referenceEvery, rewardAggregation, rewardWeights } = objective
  const { importanceCorrection, importanceMaximum = defaultImportanceMaximum, importanceMinimum } = objective
  const toReference = (objective["klTo"] ?? "reference") === "reference"
  const without = (what: string): string => `expected ${what}, got 0. Set objective.klCoefficient above 0, or remove this.`
  const checks: readonly Check[] = [
    [
      "klIn",
      klIn === "reward" && klCoefficient === 0,
      without("a weight of the divergence with klIn: reward"),
      ["klCoefficient"],
    ],
    [
      "klEstimator",
      klIn === "reward" && klEstimator !== "k1",
      `expected k1 with klIn: reward, since another estimator off the reward has a wrong gradient, got ${klEstimator}. Leave it out, or use klIn: loss.`,
      ["klIn"],
    ],
    [
      "klTo",
      klIn === "reward" && !toReference,
      `expected reference with klIn: reward, got ${String(objective["klTo"])}. Leave it out, or use klIn: loss.`,
      ["klIn"],
    ],
    ["klTarget", klTarget !== undefined && klCoefficient === 0, without("a coefficient to start from with klTarget"), ["klCoefficient"]],
    [
      "klHorizon",
      klHorizon !== undefined && klTarget === undefined,
      `expected a klTarget beside it, got none. Set objective.klTarget, or remove klHorizon.`,
      ["klTarget"],
    ],
    [
      "referenceEvery",
      referenceEvery > 0 && (klCoefficient === 0 || !toReference),
      `expected 0 without a divergence from a reference policy, got ${referenceEvery}. Set objective.klCoefficient above 0, or remove referenceEvery.`,
      ["klCoefficient", "klTo"],
    ],
    [
      "rewardAggregation",
      rewardAggregation !== undefined && klIn === "reward",
      `expected klIn: loss with rewardAggregation, whose rewards are whole responses', got klIn: reward. Use klIn: loss.`,
      ["klIn"],
    ],
    ...(rewardAggregation === undefined ? [] : [["overlong.bufferTokens", rollout.overlong.bufferTokens > 0] as const, ["rewardNoise", rollout.rewardNoise > 0] as const]).map(
      ([name, changes]): Check => [
        "rewardAggregation",
        changes,
        `expected no change of the verifier's one reward beside it, got rollout.${name}. Switch that off, or leave rewardAggregation out.`,
        [],
      ],
    ),
    [
      "rewardWeights",
      rewardWeights !== undefined && rewardAggregation === undefined,
      "expected a rewardAggregation beside it, got none. Set objective.rewardAggregation, or the weights of the verifier.",
      ["rewardAggregation"],
    ],
    [
      "importanceMinimum",
      importanceMinimum !== undefined && importanceMaximum !== null && importanceMinimum > importanceMaximum,
      `expected at most importanceMaximum (${importanceMaximum}), got ${importanceMinimum}. Swap them.`,
      ["importanceMaximum"],
    ],
    [
      "importance",
      objective["importance"] !== undefined,
      "expected importanceCorrection to say how weights are made, got importance. Use objective.importanceCorrection: token-truncate.",
      [],
    ],
    ...(["importanceMaximum", "importanceMinimum"] as const).map(
      (name): Check => [
        name,
        (importanceCorrection === undefined || importanceCorrection === "none") && objective[name] !== undefined,
        `expected an importanceCorrection beside it, got none. Set objective.importanceCorrection, or remove ${name}.`,
        ["importanceCorrection"],
      ],
    ),
  ]
  return checks
    .filter(([, wrong]) => wrong)
    .map(([setting, , message, others]) => ({
      path: `objective.${setting}`,
      message,
      with: others.map((other) => `objective.${other}`),
    }))
}
