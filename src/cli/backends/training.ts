/** What the commands `train` and `sft` do, on the trainer. */
import { configToYaml, type ResolvedConfig } from "../../config/index.ts"
import { untilAborted } from "../../rollout/until-aborted.ts"
import { makeFolder } from "../../runs/index.ts"
import { VERIFIER_TIMEOUT_MS } from "../../trainer/run-parts.ts"
import { warnOfMemory } from "../../trainer/memory-forecast.ts"
import { evaluateSavedModel, saveCheckedModel } from "../../trainer/saved-policy.ts"
import { Stopping } from "../../trainer/stopping.ts"
import { train } from "../../trainer/train.ts"
import { warmStart, warmStartMeasure } from "../../trainer/warm-start.ts"
import type { SftBackend, SftProgress } from "../sft.ts"
import type { TrainBackend } from "../train.ts"
import { configChecks } from "../../trainer/config-checks.ts"
import { planRun } from "./plan.ts"
import { openPolicy, type BeforeTraining, type OpenPolicy } from "../../trainer/open-policy.ts"

/** @param stop  aborted: loading is not waited for any more, and its reason is thrown */
async function withPolicy<T>(
  config: ResolvedConfig,
  stop: AbortSignal | undefined,
  use: (policy: OpenPolicy) => Promise<T>,
  training?: BeforeTraining,
): Promise<T> {
  const policy = await untilAborted(openPolicy(config, undefined, training), stop)
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
      request.stop,
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
  sft: ({ config, out, onProgress, onStep, stop }) =>
    withPolicy(config, stop, async ({ engine, tokenizer, task, eosTokens }) => {
      const measure = warmStartMeasure({ config, task })
      let last: SftProgress = { step: 0, loss: Number.NaN, heldOutAccuracy: 0, measure }
      const stopRequested = (): boolean => stop.aborted
      const stopping = new Stopping(engine, stop)
      const started = performance.now()
      let measured: number | undefined
      const result = await warmStart({
        engine: stopping.engine,
        tokenizer,
        task,
        eosTokens,
        config,
        stopRequested,
        stopping,
        signal: stop,
        stopStrings: config.rollout.stopStrings,
        maxResponseTokens: config.rollout.maxResponseTokens,
        verifierTimeoutMs: VERIFIER_TIMEOUT_MS,
        onProgress: ({ step, loss, accuracy }) => {
          measured = accuracy ?? measured
          const { targetAccuracy, maxSteps } = config.warmStart
          const seconds = (performance.now() - started) / 1000
          onStep({ step, loss, accuracy: measured, targetAccuracy, maxSteps, stepsHere: step, seconds })
          if (accuracy === undefined) return
          last = { step, loss, heldOutAccuracy: accuracy, measure }
          onProgress(last)
        },
      })
      // What was measured last is not that of the steps made since.
      if (result.stopped !== undefined) last = { ...last, stepsMade: result.steps }
      makeFolder(out, "--out")
      await saveCheckedModel(engine, out, config.model.dtype)
      const asTrained = config.model.dtype === "f32" && !config.lora.enabled
      if (asTrained || task.heldOut.length === 0 || stopRequested()) return last
      const { expectedAccuracy, greedyAccuracy } = await evaluateSavedModel(out, config, task, { greedy: true, expected: true })
      const savedAccuracy = expectedAccuracy ?? greedyAccuracy
      return savedAccuracy === undefined ? last : { ...last, savedAccuracy }
    }),
}

