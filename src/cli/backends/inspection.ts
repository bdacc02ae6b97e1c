/** What the commands `eval` and `sample` do. */
import { resolve } from "node:path"
import { openQuestions } from "../../data/questions.ts"
import type { Problem, Task } from "../../data/task.ts"
import { engineResponder } from "../../evaluation/engine-responder.ts"
import { evaluateHeldOut } from "../../evaluation/held-out.ts"
import { VERIFIER_TIMEOUT_MS } from "../../trainer/run-parts.ts"
import { collectRollouts, samplingOf } from "../../rollout/rollout.ts"
import type { EvalBackend } from "../eval.ts"
import type { SampleBackend } from "../sample.ts"
import { configChecks } from "../../trainer/config-checks.ts"
import { openSaved } from "../../trainer/open-saved.ts"
import { unjudgedTask } from "../../data/unjudged-task.ts"

export const evalBackend: EvalBackend = {
  checks: configChecks,
  async evaluate(model, config, { ownQuestions, onProgress }) {
    const questions = ownQuestions ? await openQuestions(config.task) : undefined
    const { engine, tokenizer, task, eosTokens } = await openSaved(model, config, questions?.task)
    try {
      const { greedy, expected, size } = config.evaluation
      const { stopStrings, maxResponseTokens } = config.rollout
      const started = performance.now()
      const context = {
        engine,
        tokenizer,
        task,
        eosTokens,
        stopStrings,
        promptFormat: config.rollout,
        maxResponseTokens,
        verifierTimeoutMs: VERIFIER_TIMEOUT_MS,
      }
      const elapsed = (): number => (performance.now() - started) / 1000
      const options = { greedy, expected, ...(size === "all" ? {} : { size }) }
      const result = await evaluateHeldOut(context, {
        ...options,
        onProgress: (progress, total) => onProgress({ ...progress, step: model.step ?? 0, total, seconds: elapsed() }),
      })
      const line = { step: model.step ?? 0, ...result, time: { at: new Date().toISOString(), seconds: elapsed() } }
      return { line, ...(questions === undefined ? {} : { verifier: questions.verifier }), notes: task.notes ?? [] }
    } finally {
      await engine.close()
    }
  },
  async openModel(model, config, problems, { temperature, topP }) {
    const { engine, tokenizer, eosTokens } = await openSaved(model, config, unjudgedTask(problems))
    const sampling = { ...samplingOf(config.rollout, eosTokens), temperature, topP }
    return {
      responder: engineResponder({
        engine,
        tokenizer,
        sampling,
        promptFormat: config.rollout,
        model: resolve(model.path),
        chunk: config.engine.sampleBatch,
      }),
      close: () => engine.close(),
    }
  },
}

/** Prompts of one's own as problems. */
function promptTask(texts: readonly string[]): Task {
  return unjudgedTask(texts.map((prompt, i): Problem => ({ id: `prompt-${i}`, prompt, gold: "" })))
}

export const sampleBackend: SampleBackend = {
  checks: configChecks,
  async sample({ model, config, prompts, temperature, count }) {
    const own = "texts" in prompts
    const { engine, tokenizer, task, eosTokens } = await openSaved(
      model,
      config,
      own ? promptTask(prompts.texts) : undefined,
    )
    try {
      const problems = own ? task.heldOut : task.heldOut.slice(0, prompts.heldOutProblems)
      const { rollouts } = await collectRollouts(
        {
          engine,
          tokenizer,
          task,
          promptFormat: config.rollout,
          groupSize: count,
          sampling: { ...samplingOf(config.rollout, eosTokens), temperature },
          verifierTimeoutMs: VERIFIER_TIMEOUT_MS,
        },
        problems,
        config.seed,
        0,
      )
      return rollouts.map(({ problem, text, sequence, verdict }) => ({
        prompt:
          typeof problem.prompt === "string"
            ? problem.prompt
            : problem.prompt.map(({ role, content }) => `${role}: ${content}`).join("\n"),
        completion: text,
        tokens: sequence.tokens.length,
        stopReason: sequence.stopReason,
        logprob: sequence.logprobs.reduce((total, x) => total + x, 0),
        ...(own ? {} : { reward: verdict.reward, reason: verdict.reason }),
      }))
    } finally {
      await engine.close()
    }
  },
}
