import type { Engine, SampleRequest, Sequence, TokenListener } from "../engine/engine.ts"
import type { Tokenizer } from "../model/tokenizer.ts"

export interface ScriptedEngine {
  readonly engine: Pick<Engine, "sample" | "capabilities">
  /** Prompts that it was given, as text. */
  readonly prompts: string[]
}

/** An engine that gives one reply after the other, whatever it is asked; each ends with the end-of-sequence token. */
export function scriptedEngine(
  tokenizer: Tokenizer,
  replies: readonly string[],
  {
    contextLength = 1000,
    streams = true,
    delay = () => Promise.resolve(),
  }: { readonly contextLength?: number; readonly streams?: boolean; readonly delay?: () => Promise<void> } = {},
): ScriptedEngine {
  const prompts: string[] = []
  const capabilities: Engine["capabilities"] = {
    name: "scripted",
    contextLength,
    vocabularySize: tokenizer.vocabularySize,
    parameterCount: 0,
    trainableParameterCount: 0,
    training: "full",
    exactBehaviourLogprobs: true,
    entropy: false,
    valueHead: false,
    snapshots: false,
    streaming: streams,
    gradientClipping: false,
  }
  let turn = 0
  async function sample(
    [request]: readonly SampleRequest[],
    signal?: AbortSignal,
    onToken?: TokenListener,
  ): Promise<Sequence[][]> {
    signal?.throwIfAborted()
    const { promptTokens, options } = request!
    prompts.push(tokenizer.decode(promptTokens))
    const tokens = [
      ...tokenizer.encode(replies[turn++] ?? "", { addSpecialTokens: false }),
      tokenizer.eosTokens[0]!,
    ].slice(0, options.maxTokens)
    for (const token of streams ? tokens : []) {
      await delay()
      signal?.throwIfAborted()
      onToken?.({ request: 0, response: 0, token })
    }
    signal?.throwIfAborted()
    const stopReason = tokens.at(-1) === tokenizer.eosTokens[0] ? "stop" : "length"
    const logprobs = new Float32Array(tokens.length)
    return [[{ tokens, logprobs, policyLogprobs: logprobs, stopReason }]]
  }
  return { engine: { capabilities, sample }, prompts }
}
