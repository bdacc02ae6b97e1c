/**
 * What a tokenizer.json may ask for. Its sizes are bounded, and its regular expressions are either those of known
 * families, which take time linear in any text, or run within a time limit.
 */
import { CheckpointError, DataError } from "../errors.ts"
import { OutOfTime, withinTime } from "../within-time.ts"
import { preTokenizers } from "./gguf/pre-tokenizers.ts"
import type { JsonObject } from "./json-file.ts"
import { isJsonObject } from "./json-file.ts"
import { sizeLimits } from "./size-limits.ts"
import { addedTokensOf, vocabularySizeOf } from "./tokenizer-json.ts"

const limits = {
  tokens: sizeLimits.vocab_size,
  merges: 2 ** 22,
  addedTokens: 2 ** 16,
  addedTokenCharacters: 1000,
  patternCharacters: 10_000,
  /** Of normalizer, pre_tokenizer, post_processor and decoder, each. */
  steps: 100,
  depth: 10,
  /** How many times longer the replacements of a part may make a text. */
  growth: 256,
  /** How often the text may stand in what a post_processor makes of it. */
  copies: 16,
}

/** Milliseconds that a text may take, and characters for which there is one more. */
const TEXT_MS = 1000
const CHARACTERS_PER_MS = 50
/** Milliseconds of making the tokenizer. That of Gemma 3 takes 1,500. */
const CREATE_MS = 60_000

const parts = ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const

/** Patterns of the families that are computed. Each takes time linear in the text. */
const knownPatterns: ReadonlySet<string> = new Set(Object.values(preTokenizers).flatMap(({ splits }) => splits))

/** Runs what a tokenizer does with a text of some length. */
export type Guard = <T>(characters: number, work: () => T) => T

/** The steps of a part: itself, or those that it lists, in all depths. */
function stepsOf(part: unknown, depth: number, refuse: (expected: string, got: string) => never): JsonObject[] {
  if (!isJsonObject(part)) return []
  if (depth > limits.depth) refuse(`lists of steps at most ${limits.depth} deep`, "deeper ones")
  const lists = ["normalizers", "pretokenizers", "processors", "decoders"].flatMap((key) => {
    const list: unknown = part[key]
    return Array.isArray(list) ? (list as unknown[]) : []
  })
  if (lists.length > limits.steps) refuse(`at most ${limits.steps} steps`, String(lists.length))
  return [part, ...lists.flatMap((step) => stepsOf(step, depth + 1, refuse))]
}

function patternOf({ pattern }: JsonObject): string | undefined {
  return isJsonObject(pattern) && typeof pattern["Regex"] === "string" ? pattern["Regex"] : undefined
}

/** How many times longer a step may make a text. */
function growthOf({ type, content, prepend }: JsonObject): number {
  if (type === "Replace" && typeof content === "string") return Math.max(1, content.length)
  // What is put before a text makes a short one longer, and a long one hardly.
  const before = type === "Prepend" ? prepend : undefined
  return typeof before === "string" && before.length > limits.addedTokenCharacters ? before.length : 1
}

/** How often the text itself stands in a template of a post_processor. */
function copiesOf({ single }: JsonObject): number {
  if (!Array.isArray(single)) return 1
  return Math.max(1, (single as unknown[]).filter((item) => isJsonObject(item) && "Sequence" in item).length)
}

/**
 * @param file  for messages
 * @throws CheckpointError  naming the part that is beyond its limit
 */
export function checkTokenizerLimits(json: JsonObject, file: string): void {
  const refuse = (part: string, expected: string, got: string): never => {
    throw new CheckpointError(`${file}: ${part}: expected ${expected}, got ${got}. Use another tokenizer.`)
  }
  const within = (part: string, what: string, count: number, most: number): void => {
    if (count > most) refuse(part, `at most ${most} ${what}`, String(count))
  }
  within("model.vocab", "token ids", vocabularySizeOf(json), limits.tokens)
  const model = isJsonObject(json["model"]) ? json["model"] : {}
  if (Array.isArray(model["merges"])) within("model.merges", "merges", model["merges"].length, limits.merges)
  const added = addedTokensOf(json)
  within("added_tokens", "tokens", added.length, limits.addedTokens)
  for (const { content } of added) {
    within("added_tokens", "characters in a token", content.length, limits.addedTokenCharacters)
  }
  for (const part of parts) {
    const steps = stepsOf(json[part], 0, (expected, got) => refuse(part, expected, got))
    within(part, "steps", steps.length, limits.steps)
    for (const step of steps) {
      within(part, "characters in a pattern", patternOf(step)?.length ?? 0, limits.patternCharacters)
    }
    const growth = steps.reduce((product, step) => product * growthOf(step), 1)
    within(part, "times the length of the text", growth, limits.growth)
    within(part, "times the text", steps.reduce((product, step) => product * copiesOf(step), 1), limits.copies)
  }
}

/** True when nothing of a tokenizer takes more than time linear in the text, by what is known of its parts. */
export function isKnownTokenizer(json: JsonObject): boolean {
  const model = json["model"]
  if (!isJsonObject(model) || model["type"] !== "BPE") return false
  const refuse = (): never => {
    throw new CheckpointError("tokenizer.json: expected steps within the limits. Use another tokenizer.")
  }
  return parts.every((part) =>
    stepsOf(json[part], 0, refuse).every((step) => {
      const pattern = patternOf(step)
      return pattern === undefined || knownPatterns.has(pattern)
    }),
  )
}

/**
 * Makes a tokenizer, and guards what it does with texts: not at all for known ones, within a time limit for others.
 * @throws CheckpointError  when making it takes too long
 */
export function guardTokenizer<T>(json: JsonObject, where: string, create: () => T): { inner: T; guard: Guard } {
  if (isKnownTokenizer(json)) return { inner: create(), guard: (_, work) => work() }
  const guard: Guard = (characters, work) => {
    try {
      return withinTime(TEXT_MS + Math.ceil(characters / CHARACTERS_PER_MS), work)
    } catch (cause) {
      if (!(cause instanceof OutOfTime)) throw cause
      const expected = `tokens of ${characters} characters within ${cause.milliseconds} ms`
      throw new DataError(
        `${where}/tokenizer.json: expected ${expected}, got none. A pattern of it backtracks: use another tokenizer.`,
        { cause },
      )
    }
  }
  try {
    return { inner: withinTime(CREATE_MS, create), guard }
  } catch (cause) {
    if (!(cause instanceof OutOfTime)) throw cause
    const expected = `expected a tokenizer within ${CREATE_MS} ms, got none`
    throw new CheckpointError(`${where}/tokenizer.json: ${expected}. Use another tokenizer.`, { cause })
  }
}
