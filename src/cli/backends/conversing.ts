/** What the command `chat` does. */
import { Conversation } from "../../rollout/conversation.ts"
import { configChecks } from "../../trainer/config-checks.ts"
import type { ChatBackend } from "../chat.ts"
import { openSaved } from "../../trainer/open-saved.ts"
import { unjudgedTask } from "../../data/unjudged-task.ts"

/** Where neither the command line nor the model's makers say anything: livelier than greedy, calmer than training. */
const DEFAULT_TEMPERATURE = 0.7

export const chatBackend: ChatBackend = {
  checks: configChecks,
  async open({ model, config, maxTokens, ...asked }) {
    // An answer gets what room the context has: the check of a run's longest response is not for here.
    const { engine, tokenizer, eosTokens, generation } = await openSaved(
      model,
      { ...config, rollout: { ...config.rollout, maxResponseTokens: 1 } },
      unjudgedTask([]),
    )
    const { topK = 0 } = generation
    const temperature = asked.temperature ?? generation.temperature ?? DEFAULT_TEMPERATURE
    const topP = asked.topP ?? generation.topP ?? 1
    const { contextLength, parameterCount, streaming = false } = engine.capabilities
    try {
      const sampling = {
        temperature,
        topP,
        topK,
        maxTokens,
        stopTokens: eosTokens,
        stopStrings: config.rollout.stopStrings,
      }
      const conversation = new Conversation({
        engine,
        tokenizer,
        sampling,
        promptFormat: config.rollout,
        seed: config.seed,
      })
      conversation.check()
      return {
        conversation,
        temperature,
        topP,
        contextLength,
        parameterCount,
        streams: streaming,
        close: () => engine.close(),
      }
    } catch (error) {
      await engine.close()
      throw error
    }
  },
}
