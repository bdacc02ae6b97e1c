/**
 * `pirl sample`: responses of a model or a run, to look at.
 */
import type { ConfigCheck, ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { findModel } from "./find-model.ts"
import { configFor } from "./model-config.ts"
import { exitCodes } from "./exit-code.ts"
import { terminalText } from "./format.ts"
import { promptOptions, promptOverrides } from "./prompt-options.ts"
import type { ModelSource } from "../trainer/model-source.ts"
import { configOptions } from "./train.ts"

/** A response with what is known of it. */
export interface SampledResponse {
  readonly prompt: string
  readonly completion: string
  readonly tokens: number
  readonly stopReason: "stop" | "length"
  /** Log-prob of the response under the sampling distribution, nats. */
  readonly logprob: number
  /** Reward and reason, for problems of the task; absent for a prompt of one's own. */
  readonly reward?: number
  readonly reason?: string
}

/** What this command needs of the layers below. */
export interface SampleBackend {
  readonly checks: readonly ConfigCheck[]
  /** Responses by `config.rollout` at another temperature: `count` to each prompt, or to each of the first held-out problems. */
  sample(request: {
    readonly model: ModelSource
    /** Settings of the run, or of the task named. */
    readonly config: ResolvedConfig
    readonly prompts: { readonly texts: readonly string[] } | { readonly heldOutProblems: number }
    /** 0 is greedy. */
    readonly temperature: number
    readonly count: number
  }): Promise<readonly SampledResponse[]>
}

/** The command, on an engine. */
export function sampleCommand(backend: SampleBackend): Command {
  return {
    name: "sample",
    summary: "Show responses of a model or a run",
    positionals: "MODEL_OR_RUN",
    positionalCount: { min: 1, max: 1 },
    options: [
      { name: "prompt", kind: "text", multiple: true, placeholder: "TEXT", help: "Prompt to answer" },
      ...promptOptions,
      { name: "problems", kind: "integer", placeholder: "N", help: "Answer N held-out problems (default 4)" },
      { name: "count", kind: "integer", placeholder: "N", help: "Responses to each (default 1)" },
      { name: "temperature", kind: "number", placeholder: "T", help: "In place of rollout.temperature; 0 is greedy" },
      { name: "max-tokens", kind: "integer", placeholder: "N", help: "Over rollout.maxResponseTokens" },
      { name: "seed", kind: "integer", placeholder: "N", help: "Over seed; the same seed gives the same responses" },
      { name: "task", kind: "text", placeholder: "NAME", help: "Task of the problems (default: the run's own)" },
      { name: "checkpoint", kind: "integer", placeholder: "STEP", help: "Checkpoint of a run (default the newest)" },
      ...configOptions,
      { name: "json", kind: "flag", help: "One JSON object per response and nothing else" },
    ],
    description:
      "Samples responses to prompts of one's own, or to held-out problems, which are judged too. A prompt goes\n" +
      "through the chat template of a model that has one, as a user message; with --raw it is bare text, which the\n" +
      "model goes on with. A run is asked as it was trained: by rollout.chatTemplate and systemPrompt.",
    examples: [
      ["pirl sample runs/quickstart --problems 8", "Eight held-out problems, answered and judged"],
      ["pirl sample ./Qwen3-0.6B --prompt 'What is the capital of France?' --count 3", "Three answers to a question"],
      ["pirl sample ./Qwen3-0.6B --raw --prompt 'The capital of France is'", "Bare text, continued"],
      ["pirl sample hub:HuggingFaceTB/SmolLM2-135M-Instruct --prompt 'Hello!'", "A model of the Hugging Face hub, fetched once"],
    ],
    run: (args, context) => runSample(backend, args, context),
  }
}

async function runSample(backend: SampleBackend, args: CommandArguments, context: CliContext): Promise<number> {
  const { out } = context
  const texts = args.texts("prompt")
  if (texts.length > 0 && args.number("problems") !== undefined) {
    const message = "pirl sample: expected --prompt or --problems, got both. Leave one out."
    throw new ConfigError([{ path: "", message }])
  }
  // Not a setting of the config, which is one for training: there 0 is impossible.
  const temperature = args.number("temperature")
  if (temperature !== undefined && temperature < 0) {
    throw new ConfigError([{ path: "", message: `pirl sample: expected --temperature of 0 or more, got ${temperature}. Correct it.` }])
  }
  const model = await findModel(args.positionals[0]!, args.number("checkpoint"), context)
  const config = samplingConfig(backend, model, args, texts.length > 0)
  const responses = await backend.sample({
    model,
    config,
    prompts: texts.length > 0 ? { texts } : { heldOutProblems: args.number("problems") ?? 4 },
    temperature: temperature ?? config.rollout.temperature,
    count: args.number("count") ?? 1,
  })
  for (const response of responses) {
    out.write(args.flag("json") ? `${JSON.stringify(response)}\n` : describe(response))
  }
  return exitCodes.ok
}

function samplingConfig(
  backend: SampleBackend,
  model: ModelSource,
  args: CommandArguments,
  ownPrompts: boolean,
): ResolvedConfig {
  const setting = (path: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`${path}=${value}`]
  const sets = [
    ...args.texts("set"),
    ...promptOverrides("sample", args),
    ...setting("rollout.maxResponseTokens", args.text("max-tokens")),
    ...setting("seed", args.text("seed")),
  ]
  return configFor(model, { task: args.text("task"), sets, taskNeeded: !ownPrompts }, backend.checks)
}

function describe({ prompt, completion, tokens, stopReason, reward, reason }: SampledResponse): string {
  const judged = reward === undefined ? "" : `, reward ${reward}${reason === undefined ? "" : `: ${reason}`}`
  return terminalText(`${prompt}\n${completion}\n    [${tokens} tokens, ${stopReason}${judged}]\n\n`)
}
