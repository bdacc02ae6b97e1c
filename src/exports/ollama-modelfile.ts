/**
 * The Modelfile that tells Ollama how to talk with a GGUF file.
 * Format: https://github.com/ollama/ollama/blob/main/docs/modelfile.md
 */
import type { GenerationDefaults } from "../model/generation-config.ts"
import { endTokenTexts } from "../model/gguf/tokenizer-to-gguf.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { chatTurns, type ChatTurns } from "./chat-turns.ts"

/** A Modelfile and what should be known about it. */
export interface Modelfile {
  readonly text: string
  readonly notes: readonly string[]
}

/**
 * FROM, TEMPLATE and SYSTEM where the chat template could be translated, a stop parameter for every end token, and how the
 * model's makers advise to sample.
 * @param file  name of the GGUF file, which lies beside it
 */
export function ollamaModelfile(file: string, tokenizer: Tokenizer, generation: GenerationDefaults): Modelfile {
  const turns = chatTurns(tokenizer)
  const { temperature, topK, topP, eosTokens } = generation
  const parameters = [
    ["temperature", temperature],
    ["top_k", topK],
    ["top_p", topP],
  ] as const
  const lines = [
    `FROM ./${file}`,
    ...(turns === undefined ? bareTemplate(tokenizer) : templateLines(turns)),
    ...endTokenTexts(tokenizer, eosTokens).map((text) => `PARAMETER stop ${quoted(text)}`),
    ...parameters.flatMap(([name, value]) => (value === undefined ? [] : [`PARAMETER ${name} ${value}`])),
  ]
  return { text: `${lines.join("\n")}\n`, notes: notesOn(turns, tokenizer) }
}

function templateLines(turns: ChatTurns): string[] {
  return [
    `TEMPLATE ${quoted(goTemplate(turns))}`,
    ...(turns.defaultSystem === undefined ? [] : [`SYSTEM ${quoted(turns.defaultSystem)}`]),
  ]
}

/** A model without a chat template continues text. */
function bareTemplate({ chatTemplate }: Tokenizer): string[] {
  return chatTemplate === undefined ? [`TEMPLATE ${quoted("{{ .Prompt }}")}`] : []
}

/** In Go's template language, without its trimming of white space: what stands between actions is the prompt's text. */
function goTemplate({ user, assistant, system }: ChatTurns): string {
  const said = `{{ .Content }}`
  const within = system?.withinUser === true ? `{{ if $first }}{{ if $.System }}{{ $.System }}${system.after}{{ end }}{{ end }}{{ $first = false }}` : ""
  const own = system?.withinUser === false ? `{{ if eq .Role "system" }}${system.before}${said}${system.after}{{ else if` : "{{ if"
  return [
    within === "" ? "" : "{{ $first := true }}",
    "{{ range .Messages }}",
    `${own} eq .Role "user" }}${user.before}${within}${said}${user.after}`,
    `{{ else if eq .Role "assistant" }}${assistant.before}${said}${assistant.after}`,
    "{{ end }}{{ end }}",
  ].join("")
}

function notesOn(turns: ChatTurns | undefined, { chatTemplate }: Tokenizer): string[] {
  if (chatTemplate === undefined) return ["The model has no chat template: it continues the text that it is given, in Ollama too."]
  if (turns !== undefined) return []
  return [
    "The Modelfile has no TEMPLATE: this chat template does more than to put text around messages, and could not be translated to Go. " +
      "llama.cpp reads it from the GGUF file. Ollama looks for the nearest among those that it knows; check with `ollama show --template NAME`.",
  ]
}

/** Between triple quotes, within which nothing is special but they. */
function quoted(text: string): string {
  return /["\n]/.test(text) ? `"""${text}"""` : `"${text}"`
}
