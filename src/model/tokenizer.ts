/**
 * Text to tokens and back, from the files of a Hugging Face folder. The files are kept as they were read, so that a
 * saved model carries the very tokenizer it was trained with.
 */
import { join } from "node:path"
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers"
import { CheckpointError, DataError } from "../errors.ts"
import type { ChatMessage, ChatRenderer } from "./chat-template.ts"
import { compileChatTemplate, selectChatTemplate } from "./chat-template.ts"
import type { JsonObject } from "./json-file.ts"
import { isJsonObject, parseJsonObject, readOptionalFile, showValue } from "./json-file.ts"
import { checkTokenizerLimits, guardTokenizer } from "./tokenizer-limits.ts"
import { createAlphabetCheck, meaningfulTokens, refuseUnsupportedParts, vocabularySizeOf } from "./tokenizer-json.ts"

export interface EncodeOptions {
  /**
   * Adds what the tokenizer's post-processor adds, e.g. a leading begin-of-text token. Default true, as in transformers.
   * Prompts rendered from a chat template carry those tokens already: pass false.
   */
  readonly addSpecialTokens?: boolean
}

export interface DecodeOptions {
  /**
   * Leaves special tokens out, but for those that mark parts of a response, e.g. `<answer>` and `</answer>`. Default
   * false.
   */
  readonly skipSpecialTokens?: boolean
}

export interface RenderChatOptions {
  /** Ends the prompt with the opening of the assistant's turn. Default false. */
  readonly addGenerationPrompt?: boolean
  /** Further variables of the template, e.g. `enable_thinking: false`. */
  readonly extra?: Readonly<Record<string, unknown>>
}

export interface Tokenizer {
  /** One more than the largest id; there may be unused ids below. */
  readonly vocabularySize: number
  /**
   * Special tokens written out in the text become those tokens.
   * @throws DataError  when the text holds something the vocabulary has no token for
   */
  encode(text: string, options?: EncodeOptions): number[]
  /** Ids without a token (a model's vocabulary may be padded) decode to nothing; incomplete UTF-8 to U+FFFD. */
  decode(tokens: readonly number[], options?: DecodeOptions): string
  /** The end-of-sequence token of the tokenizer; a model's generation_config.json may list more. */
  readonly eosTokens: readonly number[]
  readonly padToken: number | undefined
  readonly bosToken: number | undefined
  readonly chatTemplate: string | undefined
  /** @throws DataError  when there is no chat template, or it refuses the messages */
  renderChat(messages: readonly ChatMessage[], options?: RenderChatOptions): string
  /** File name to content, as to be saved beside the model. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** What a folder may hold of a tokenizer. Only tokenizer.json is needed; the others are carried along. */
const tokenizerFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
] as const

/**
 * Reads the tokenizer of a model folder.
 * @throws CheckpointError  when there is no tokenizer.json or it cannot be used
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const files = new Map<string, Uint8Array>()
  for (const name of tokenizerFiles) {
    const content = await readOptionalFile(join(directory, name))
    if (content !== undefined) files.set(name, content)
  }
  return createTokenizer(files, directory)
}

/**
 * @param files  by name; tokenizer.json must be there
 * @param where  folder or name of the tokenizer, for messages
 */
export function createTokenizer(files: ReadonlyMap<string, Uint8Array>, where: string): Tokenizer {
  const json = parseFile(files, "tokenizer.json", where)
  if (json === undefined) {
    throw new CheckpointError(
      `${where}: expected a tokenizer.json, got none. Write one with AutoTokenizer.from_pretrained(...).save_pretrained(...) of transformers.`,
    )
  }
  const config = parseFile(files, "tokenizer_config.json", where) ?? {}
  const special = { ...parseFile(files, "special_tokens_map.json", where), ...withoutNulls(config) }
  refuseUnsupportedParts(json, `${where}/tokenizer.json`)
  checkTokenizerLimits(json, `${where}/tokenizer.json`)
  const { inner, guard } = guardTokenizer(json, where, () => buildInner(json, config, where))
  const checkAlphabet = createAlphabetCheck(json)
  const { kept, dropped } = meaningfulTokens(json)

  const tokenText = (key: string): string | undefined => specialTokenText(special[key])
  const tokenId = (key: string): number | undefined => {
    const text = tokenText(key)
    if (text === undefined) return undefined
    const id = inner.token_to_id(text)
    if (id === undefined) {
      throw new CheckpointError(`${where}: ${key}: expected a token of tokenizer.json, got ${showValue(text)}. Correct tokenizer_config.json.`)
    }
    return id
  }
  const eosToken = tokenId("eos_token")
  const templateFile = files.get("chat_template.jinja")
  const chatTemplateFile = `${where}/${templateFile === undefined ? "tokenizer_config.json" : "chat_template.jinja"}`
  const chatTemplate = templateFile === undefined
    ? selectChatTemplate(config["chat_template"], chatTemplateFile)
    : Buffer.from(templateFile).toString("utf8")
  let render: ChatRenderer | undefined

  return {
    vocabularySize: vocabularySizeOf(json),
    eosTokens: eosToken === undefined ? [] : [eosToken],
    padToken: tokenId("pad_token"),
    bosToken: tokenId("bos_token"),
    chatTemplate,
    files,
    encode(text, options = {}) {
      if (text === "" && options.addSpecialTokens === false) return []
      checkAlphabet(text, where)
      const { ids, tokens } = guard(text.length, () =>
        inner.encode(text, { add_special_tokens: options.addSpecialTokens ?? true }),
      )
      const missing = (ids as (number | undefined)[]).indexOf(undefined)
      if (missing >= 0) {
        throw new DataError(`${where}: expected text made of known tokens, got ${showValue(tokens[missing])}. Remove it from the text.`)
      }
      return ids
    },
    decode(tokens, options = {}) {
      const known = tokens.filter((token) => inner.id_to_token(token) !== undefined)
      if (known.length === 0) return ""
      const skip = options.skipSpecialTokens ?? false
      const write = (ids: readonly number[], skipped: boolean): string =>
        guard(ids.length, () => inner.decode(ids as number[], { skip_special_tokens: skipped }))
      if (!skip || !known.some((token) => kept.has(token))) return write(known, skip)
      return write(
        known.filter((token) => !dropped.has(token)),
        false,
      )
    },
    renderChat(messages, options = {}) {
      if (chatTemplate === undefined) {
        throw new DataError(`${where}: expected a chat template, got none. Give prompts as text, or add chat_template.jinja to the model's folder.`)
      }
      render ??= compileChatTemplate(chatTemplate, chatTemplateFile)
      return render({
        messages,
        bosToken: tokenText("bos_token"),
        eosToken: tokenText("eos_token"),
        addGenerationPrompt: options.addGenerationPrompt,
        extra: options.extra,
      })
    },
  }
}

function buildInner(json: JsonObject, config: JsonObject, where: string): HuggingFaceTokenizer {
  try {
    // Where the file is silent nothing is cleaned up: sampled text must come back as it was sampled.
    const cleanUp = config["clean_up_tokenization_spaces"] ?? false
    return new HuggingFaceTokenizer(json, { ...config, clean_up_tokenization_spaces: cleanUp })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CheckpointError(
      `${where}/tokenizer.json: expected a tokenizer that can be computed, got: ${reason}. Check that the file belongs to the model.`,
      { cause },
    )
  }
}

function parseFile(files: ReadonlyMap<string, Uint8Array>, name: string, where: string): JsonObject | undefined {
  const content = files.get(name)
  return content === undefined ? undefined : parseJsonObject(Buffer.from(content).toString("utf8"), `${where}/${name}`)
}

function withoutNulls(json: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null))
}

/** A special token stands as a text or as an object with the text in `content`. */
function specialTokenText(value: unknown): string | undefined {
  if (typeof value === "string") return value
  return isJsonObject(value) && typeof value["content"] === "string" ? value["content"] : undefined
}
