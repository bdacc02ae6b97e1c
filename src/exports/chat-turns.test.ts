import { describe, expect, test } from "vitest"
import type { ChatMessage } from "../model/chat-template.ts"
import { createByteTokenizer } from "../model/tokenizer-create.ts"
import { createTokenizer, type Tokenizer } from "../model/tokenizer.ts"
import { chatTurns, renderTurns } from "./chat-turns.ts"
import { ollamaModelfile } from "./ollama-modelfile.ts"

interface Given {
  readonly template: string
  /** Special tokens, in the order of their ids from 258 on. */
  readonly special?: readonly string[]
  readonly eos?: string
  readonly bos?: string
  readonly addsBos?: boolean
}

/** A byte tokenizer with a chat template and special tokens. */
function chatTokenizer({ template, special = [], eos, bos, addsBos = false }: Given): Tokenizer {
  const { files } = createByteTokenizer()
  const json = JSON.parse(Buffer.from(files.get("tokenizer.json")!).toString("utf8")) as { readonly added_tokens: object[] }
  const [first] = json.added_tokens
  const added = special.map((content, i) => ({ ...first, id: 258 + i, content }))
  const start = { SpecialToken: { id: bos, type_id: 0 } }
  const processor = {
    type: "TemplateProcessing",
    single: [start, { Sequence: { id: "A", type_id: 0 } }],
    pair: [start, { Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: bos === undefined ? {} : { [bos]: { id: bos, ids: [258 + special.indexOf(bos)], tokens: [bos] } },
  }
  const changed = { ...json, added_tokens: [...json.added_tokens, ...added], ...(addsBos ? { post_processor: processor } : {}) }
  const config = { ...(eos === undefined ? {} : { eos_token: eos }), ...(bos === undefined ? {} : { bos_token: bos }), chat_template: template }
  const text = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
  return createTokenizer(new Map([["tokenizer.json", text(changed)], ["tokenizer_config.json", text(config)]]), "test")
}

const chatml = chatTokenizer({
  special: ["<|im_start|>", "<|im_end|>"],
  eos: "<|im_end|>",
  template:
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}" +
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
})
const llama3 = chatTokenizer({
  special: ["<|begin_of_text|>", "<|eot_id|>"],
  eos: "<|eot_id|>",
  bos: "<|begin_of_text|>",
  addsBos: true,
  template:
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
})
const gemma = chatTokenizer({
  special: ["<bos>", "<end_of_turn>"],
  eos: "<end_of_turn>",
  bos: "<bos>",
  addsBos: true,
  template:
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set prefix = messages[0]['content'] + '\n\n' %}{% set rest = messages[1:] %}{% else %}{% set prefix = '' %}{% set rest = messages %}{% endif %}" +
    "{% for message in rest %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' + (prefix if loop.first else '') + message['content'] + '<end_of_turn>\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
})
const mistral = chatTokenizer({
  special: ["<s>", "</s>"],
  eos: "</s>",
  bos: "<s>",
  addsBos: true,
  template:
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + '[/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}" +
    "{% else %}{{ raise_exception('Only user and assistant roles are supported') }}{% endif %}{% endfor %}",
})

const conversation: readonly ChatMessage[] = [
  { role: "user", content: "Hi" },
  { role: "assistant", content: "Hello." },
  { role: "user", content: "3 + 4?" },
]

/** What Go's text/template makes of the actions that a Modelfile of ours has; checked against Go by hand. */
function execute(template: string, system: string, messages: readonly ChatMessage[]): string {
  const body = /\{\{ range \.Messages \}\}(.*)\{\{ end \}\}$/s.exec(template)![1]!
  let first = true
  return messages
    .map((message) => {
      const branches = [...body.matchAll(/\{\{ (?:else )?if eq \.Role "(\w+)" \}\}(.*?)(?=\{\{ else if eq|\{\{ end \}\}$)/gs)]
      const branch = branches.find(([, role]) => role === message.role)?.[2] ?? ""
      const within = first && system !== "" ? "$1" : ""
      const text = branch.replace(/\{\{ if \$first \}\}\{\{ if \$\.System \}\}(.*?)\{\{ end \}\}\{\{ end \}\}/s, within)
      if (text.includes("{{ $first = false }}")) first = false
      return text.replace("{{ $first = false }}", "").replaceAll("{{ $.System }}", system).replaceAll("{{ .Content }}", message.content)
    })
    .join("")
}

function templateOf(tokenizer: Tokenizer): string {
  return /TEMPLATE """(.*?)"""/s.exec(ollamaModelfile("x.gguf", tokenizer, { eosTokens: [] }).text)![1]!
}

describe("the turns of a chat template", () => {
  test.each<[string, Tokenizer]>([["ChatML", chatml], ["Llama 3", llama3], ["Gemma", gemma]])("of %s give what it gives, with and without a system message", (_name, tokenizer) => {
    const turns = chatTurns(tokenizer)!
    const bos = tokenizer.bosToken === undefined ? "" : tokenizer.decode([tokenizer.bosToken])
    for (const messages of [conversation, [{ role: "system", content: "Short." }, ...conversation]]) {
      expect(bos + renderTurns(turns, messages)).toBe(tokenizer.renderChat(messages, { addGenerationPrompt: true }))
      const system = messages[0]!.role === "system" ? "Short." : (turns.defaultSystem ?? "")
      // Ollama puts the system message of the Modelfile before the others.
      const seen = messages[0]!.role === "system" || system === "" ? messages : [{ role: "system", content: system }, ...messages]
      expect(bos + execute(templateOf(tokenizer), system, seen)).toBe(tokenizer.renderChat(messages, { addGenerationPrompt: true }))
    }
  })

  test("open each user's turn behind the end of the turn before, also where a default system message comes first", () => {
    expect(chatTurns(chatml)).toEqual({
      user: { before: "<|im_start|>user\n", after: "<|im_end|>\n<|im_start|>assistant\n" },
      assistant: { before: "", after: "<|im_end|>\n" },
      system: { before: "<|im_start|>system\n", after: "<|im_end|>\n", withinUser: false },
      defaultSystem: "Be kind.",
    })
  })

  test("of a template without system messages leave them out", () => {
    expect(chatTurns(mistral)).toMatchObject({ system: undefined, user: { before: "[INST] ", after: "[/INST]" } })
  })

  test("are not made up where the template does more than to put text around messages", () => {
    const dated = "{% for message in messages %}{{ loop.index ~ message['content'] }}{% endfor %}{% if add_generation_prompt %}>{% endif %}"
    const doubled = "{% for message in messages %}{{ '<' + message['content'] + message['content'] + '>' }}{% endfor %}"
    const thinking = "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] }}{% endfor %}{% if add_generation_prompt %}<assistant><think>{% endif %}"
    for (const template of [dated, doubled, thinking, "{{ raise_exception('no') }}"]) expect(chatTurns(chatTokenizer({ template }))).toBeUndefined()
  })
})

describe("a Modelfile", () => {
  test("has the template in Go, the default system message, a stop for every end token and how to sample", () => {
    const { text, notes } = ollamaModelfile("m.f16.gguf", chatml, { eosTokens: [259, 1], temperature: 0.6, topK: 20, topP: 0.95 })
    expect(text).toBe(
      'FROM ./m.f16.gguf\nTEMPLATE """{{ range .Messages }}{{ if eq .Role "system" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n' +
        '{{ else if eq .Role "user" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n<|im_start|>assistant\n' +
        '{{ else if eq .Role "assistant" }}{{ .Content }}<|im_end|>\n{{ end }}{{ end }}"""\n' +
        'SYSTEM "Be kind."\nPARAMETER stop "<|im_end|>"\nPARAMETER stop "<eos>"\nPARAMETER temperature 0.6\nPARAMETER top_k 20\nPARAMETER top_p 0.95\n',
    )
    expect(notes).toEqual([])
  })

  test("without a translation has no TEMPLATE and says so; without a template it continues text", () => {
    const untold = ollamaModelfile("x.gguf", chatTokenizer({ template: "{% for message in messages %}{{ loop.index }}{{ message['content'] }}{% endfor %}" }), { eosTokens: [1] })
    expect(untold.text).toBe('FROM ./x.gguf\nPARAMETER stop "<eos>"\n')
    expect(untold.notes).toEqual([expect.stringContaining("The Modelfile has no TEMPLATE")])
    const bare = ollamaModelfile("x.gguf", createByteTokenizer(), { eosTokens: [1] })
    expect(bare.text).toBe('FROM ./x.gguf\nTEMPLATE "{{ .Prompt }}"\nPARAMETER stop "<eos>"\n')
    expect(bare.notes).toEqual([expect.stringContaining("no chat template")])
  })
})
