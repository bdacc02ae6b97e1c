/** What the commands `train` and `sft` do, on the trainer. */
import { configToYaml, type ResolvedConfig } from "../../config/index.ts"
import { makeFolder } from "../../runs/index.ts"
import { VERIFIER_TIMEOUT_MS } from "../../trainer/run-parts.ts"
import { warnOfMemory } from "../../trainer/memory-forecast.ts"
import { evaluateSavedModel, saveCheckedModel } from "../../trainer/saved-policy.ts"
import { train } from "../../trainer/train.ts"
import { warmStart, warmStartMeasure } from "../../trainer/warm-start.ts"
import type { SftBackend, SftProgress } from "../sft.ts"
import type { TrainBackend } from "../train.ts"
import { configChecks } from "../../trainer/config-checks.ts"
import { planRun } from "./plan.ts"
import { openPolicy, type BeforeTraining, type OpenPolicy } from "../../trainer/open-policy.ts"

async function withPolicy<T>(
  config: ResolvedConfig,
  use: (policy: OpenPolicy) => Promise<T>,
  training?: BeforeTraining,
): Promise<T> {
  const policy = await openPolicy(config, undefined, training)
  try {
    return await use(policy)
  } finally {
    await policy.engine.close()
  }
}

export const trainBackend: TrainBackend = {
  checks: configChecks,
  plan: planRun,
  train: (request) =>
    withPolicy(
      request.config,
      (policy) => {
        // With what was decided by the machine: a resumed run goes on with it.
        request.folder.saveConfig(configToYaml(policy.config))
        return train({ ...request, ...policy })
      },
      { onMemory: warnOfMemory(request.observer.onNote), resumed: request.resume !== undefined },
    ),
}

export const sftBackend: SftBackend = {
  checks: configChecks,
  sft: ({ config, out, onProgress, stopRequested }) =>
    withPolicy(config, async ({ engine, tokenizer, task, eosTokens }) => {
      const measure = warmStartMeasure({ config, task })
      let last: SftProgress = { step: 0, loss: Number.NaN, heldOutAccuracy: 0, measure }
      await warmStart({
        engine,
        tokenizer,
        task,
        eosTokens,
        config,
        stopRequested,
        stopStrings: config.rollout.stopStrings,
        maxResponseTokens: config.rollout.maxResponseTokens,
        verifierTimeoutMs: VERIFIER_TIMEOUT_MS,
        onProgress: ({ step, loss, accuracy }) => {
          if (accuracy === undefined) return
          last = { step, loss, heldOutAccuracy: accuracy, measure }
          onProgress(last)
        },
      })
      makeFolder(out, "--out")
      await saveCheckedModel(engine, out, config.model.dtype)
      const asTrained = config.model.dtype === "f32" && !config.lora.enabled
      if (asTrained || task.heldOut.length === 0 || stopRequested()) return last
      const { expectedAccuracy, greedyAccuracy } = await evaluateSavedModel(out, config, task, { greedy: true, expected: true })
      const savedAccuracy = expectedAccuracy ?? greedyAccuracy
      return savedAccuracy === undefined ? last : { ...last, savedAccuracy }
    }),
}

