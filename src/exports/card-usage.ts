/** How a card says that its model is used: by whose program, as a chat where the model has a template for it. */
import type { ModelFormat } from "./model-card.ts"

export interface CardUse {
  readonly format: ModelFormat
  /** Prompts go through the model's chat template. */
  readonly isChat: boolean
  /** What the training put before every prompt. */
  readonly systemPrompt: string | undefined
  /** Most tokens of a response in training; undefined for a model that no run of ours made. */
  readonly maxTokens: number | undefined
  /** The model that adapters belong to. */
  readonly base: string | undefined
  /** Name of the GGUF file. */
  readonly file: string | undefined
}

const defaultTokens = 256

/** Blocks of code. */
export function usage(use: CardUse): string {
  const own = use.isChat && use.format !== "onnx" ? [fence("sh", [ownCommand(use)])] : []
  return [...own, foreignUse(use)].join("\n\n")
}

function fence(language: string, lines: readonly string[]): string {
  return ["```" + language, ...lines, "```"].join("\n")
}

/** A conversation by pirl's own command. */
function ownCommand({ format, file, systemPrompt }: CardUse): string {
  const model = format === "gguf" ? (file ?? "MODEL.gguf") : "FOLDER"
  const isPlain = systemPrompt !== undefined && !/["\\$`!\n]/.test(systemPrompt)
  return `npx pirl chat ${model}${isPlain ? ` --system "${systemPrompt}"` : ""}`
}

function messages({ systemPrompt }: CardUse): string {
  const system = systemPrompt === undefined ? "" : `{"role": "system", "content": ${JSON.stringify(systemPrompt)}}, `
  return `[${system}{"role": "user", "content": "PROMPT"}]`
}

function foreignUse(use: CardUse): string {
  const tokens = use.maxTokens ?? defaultTokens
  switch (use.format) {
    case "onnx":
      return fence("js", [
        'import { AutoModelForCausalLM, AutoTokenizer } from "@huggingface/transformers"',
        "",
        'const tokenizer = await AutoTokenizer.from_pretrained("FOLDER")',
        'const model = await AutoModelForCausalLM.from_pretrained("FOLDER", { dtype: "fp32" })',
        use.isChat
          ? `const inputs = tokenizer.apply_chat_template(${messages(use)}, { add_generation_prompt: true, return_dict: true })`
          : 'const inputs = tokenizer("PROMPT")',
        `const output = await model.generate({ ...inputs, max_new_tokens: ${tokens} })`,
        "console.log(tokenizer.batch_decode(output, { skip_special_tokens: true })[0])",
      ])
    case "adapter":
      return fence("python", [
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        `base = "BASE"${use.base === undefined ? "" : `  # ${use.base}`}`,
        "tokenizer = AutoTokenizer.from_pretrained(base)",
        'model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), "FOLDER")',
        ...generation(use, tokens),
      ])
    case "gguf":
      return fence("sh", [
        "ollama create MODEL -f Modelfile",
        use.isChat ? "ollama run MODEL" : 'ollama run MODEL "PROMPT"',
      ])
    case "gguf-ready-hf":
      return fence("sh", ["python convert_hf_to_gguf.py FOLDER --outfile model.gguf --outtype bf16"])
    case "hf":
      return fence("python", [
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
        'model = AutoModelForCausalLM.from_pretrained("FOLDER")',
        ...generation(use, tokens),
      ])
  }
}

/** Prompt, response and its text, in Python. */
function generation(use: CardUse, tokens: number): string[] {
  const inputs = use.isChat
    ? [
        `messages = ${messages(use)}`,
        'inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")',
      ]
    : ['inputs = tokenizer("PROMPT", return_tensors="pt", return_token_type_ids=False)']
  return [
    ...inputs,
    `output = model.generate(**inputs, max_new_tokens=${tokens})`,
    'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))',
  ]
}
