/**
 * `pirl chat`: a conversation with a model or a run, answers as they come.
 */
import type { ConfigCheck, ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import type { Conversation } from "../rollout/conversation.ts"
import { progressStream } from "./command.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { converse } from "./chat-session.ts"
import { findModel } from "./find-model.ts"
import { formatCount, formatDuration, terminalLine } from "./format.ts"
import { dieOf, type SignalSource, type StopSignal } from "./interrupt.ts"
import { configFor } from "./model-config.ts"
import type { ModelSource } from "../trainer/model-source.ts"
import { promptOptions, promptOverrides } from "./prompt-options.ts"
import { configOptions } from "./train.ts"

/** What the command line says of answers; what it leaves out is the model's own, or the command's. */
export interface ChatRequest {
  readonly model: ModelSource
  readonly config: ResolvedConfig
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly maxTokens: number
}

/** A model that is ready to answer. */
export interface OpenChat {
  readonly conversation: Conversation
  readonly temperature: number
  readonly topP: number
  readonly contextLength: number
  /** 0 when nobody says. */
  readonly parameterCount: number
  /** Answers come token by token. */
  readonly streams: boolean
  close(): Promise<void>
}

/** What this command needs of the layers below. */
export interface ChatBackend {
  readonly checks: readonly ConfigCheck[]
  /** @throws DataError when the model's chat template fails */
  open(request: ChatRequest): Promise<OpenChat>
}

const DEFAULT_MAX_TOKENS = 512

/**
 * The command, on an engine.
 * @param signals         for tests: where Ctrl-C comes from
 * @param onSecondSignal  for tests: what ends a process whose engine does not stop at once
 */
export function chatCommand(
  backend: ChatBackend,
  signals: SignalSource = process,
  onSecondSignal: (signal: StopSignal) => void = dieOf,
): Command {
  return {
    name: "chat",
    summary: "Talk to a model or a run",
    positionals: "MODEL_OR_RUN",
    positionalCount: { min: 1, max: 1 },
    options: [
      ...promptOptions,
      {
        name: "temperature",
        kind: "number",
        placeholder: "T",
        help: "0 is greedy (default: generation_config.json, else 0.7)",
      },
      {
        name: "top-p",
        kind: "number",
        placeholder: "P",
        help: "Most likely tokens up to this mass (default: generation_config.json, else 1)",
      },
      { name: "max-tokens", kind: "integer", placeholder: "N", help: `Longest answer (default ${DEFAULT_MAX_TOKENS})` },
      {
        name: "seed",
        kind: "integer",
        placeholder: "N",
        help: "The same seed and messages give the same answers (default: seed)",
      },
      { name: "checkpoint", kind: "integer", placeholder: "STEP", help: "Checkpoint of a run (default the newest)" },
      ...configOptions,
    ],
    description:
      "A conversation in the terminal, through the model's chat template. Each line is a message; /help lists the\n" +
      "commands. Ctrl-C stops an answer, and ends at the prompt; Ctrl-D ends. Lines may come through a pipe:\n" +
      "answers alone go to the standard output. When the context is full the oldest messages are forgotten, and it\n" +
      "says so.\n" +
      "A model without a chat template goes on with each line by itself.",
    examples: [
      ["pirl chat ./SmolLM2-135M-Instruct", "Talk to a model folder"],
      ["pirl chat runs/math --system 'Answer in one sentence.'", "Talk to the newest checkpoint of a run"],
      ["pirl chat hub:HuggingFaceTB/SmolLM2-135M-Instruct", "Talk to a model of the Hugging Face hub, fetched once"],
      ["echo 'What is 7 + 5?' | pirl chat ./SmolLM2-135M-Instruct --temperature 0", "One message, for scripts"],
    ],
    run: (args, context) => runChat(backend, args, context, signals, onSecondSignal),
  }
}

async function runChat(
  backend: ChatBackend,
  args: CommandArguments,
  context: CliContext,
  signals: SignalSource,
  onSecondSignal: (signal: StopSignal) => void,
): Promise<number> {
  const { temperature, topP, maxTokens } = answerOptions(args)
  const model = await findModel(args.positionals[0]!, args.number("checkpoint"), context)
  const seed = args.text("seed")
  const sets = [...args.texts("set"), ...promptOverrides("chat", args), ...(seed === undefined ? [] : [`seed=${seed}`])]
  const config = configFor(model, { task: undefined, sets, taskNeeded: false }, backend.checks)
  const say = (text: string): void => void progressStream(context).write(`${text}\n`)
  say(`loading ${terminalLine(model.path)} ...`)
  const started = performance.now()
  const chat = await backend.open({ model, config, temperature, topP, maxTokens })
  try {
    say(describeChat(chat, (performance.now() - started) / 1000))
    if (!chat.conversation.remembers) say(describeBareText(config))
    if (!chat.streams) say("The server gives answers whole: they do not come token by token.")
    const { conversation, contextLength } = chat
    return await converse({ conversation, maxTokens, contextLength, signals, onSecondSignal }, context)
  } finally {
    await chat.close()
  }
}

function answerOptions(args: CommandArguments): Pick<ChatRequest, "temperature" | "topP" | "maxTokens"> {
  const [temperature, topP, maxTokens = DEFAULT_MAX_TOKENS] = [
    args.number("temperature"),
    args.number("top-p"),
    args.number("max-tokens"),
  ]
  const wrong: readonly (readonly [boolean, string, string, number | undefined])[] = [
    [temperature === undefined || temperature >= 0, "--temperature", "of 0 or more", temperature],
    [topP === undefined || (topP > 0 && topP <= 1), "--top-p", "above 0 and up to 1", topP],
    [maxTokens >= 1, "--max-tokens", "of 1 or more", maxTokens],
  ]
  const issues = wrong
    .filter(([fine]) => !fine)
    .map(([, option, expected, got]) => ({
      path: "",
      message: `pirl chat: expected ${option} ${expected}, got ${got}. Correct it.`,
    }))
  if (issues.length > 0) throw new ConfigError(issues)
  return { temperature, topP, maxTokens }
}

function describeChat({ parameterCount, contextLength, temperature, topP }: OpenChat, seconds: number): string {
  const size = parameterCount === 0 ? "" : `${formatCount(parameterCount)} parameters, `
  const cut = topP < 1 ? `, top-p ${topP}` : ""
  const sampling = `temperature ${temperature}${cut}`
  return `ready in ${formatDuration(seconds)}: ${size}context of ${contextLength} tokens, ${sampling}`
}

function describeBareText({ rollout }: ResolvedConfig): string {
  const why =
    rollout.chatTemplate === false ? "As bare text (rollout.chatTemplate: false)" : "The model has no chat template:"
  return `${why} each line is a prompt by itself, which the model goes on with; nothing is remembered.`
}
