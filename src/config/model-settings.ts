/**
 * `model`: where the policy comes from. Either a model on disk (`path`) or a small preset from scratch.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { integer } from "./fields.ts"

export interface ModelSettings {
  /** Hugging Face folder (config.json, tokenizer.json, safetensors), GGUF file, or folder of PEFT adapters. */
  readonly path?: string
  /** Model that the adapters at `path` belong to; the one that they name when absent. */
  readonly base?: string
  /** Name of a preset, initialised from scratch with `seed`. */
  readonly preset?: string
  /** Tokenizer of a preset; absent with `path`, whose folder brings its own. */
  readonly tokenizer?: "character" | "byte"
  /** Characters of a character tokenizer; the task's own alphabet when absent. */
  readonly alphabet?: string
  /** Longest prompt plus response of a preset, tokens; what the task needs when absent. */
  readonly contextLength?: number
  /** Number format of saved weights. Training itself is in f32. */
  readonly dtype: "f32" | "bf16" | "f16"
}

export const modelSchema: z.ZodType<ModelSettings> = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .exactOptional()
      .describe("Model to train: a Hugging Face folder, a .gguf file, or a folder of PEFT adapters"),
    base: z
      .string()
      .min(1)
      .exactOptional()
      .describe("Model that the adapters at path belong to; the one that they name when absent"),
    preset: z.string().min(1).exactOptional().describe("Small model created from scratch, instead of path"),
    tokenizer: z.enum(["character", "byte"]).exactOptional().describe("Tokenizer of a preset"),
    alphabet: z
      .string()
      .min(1)
      .exactOptional()
      .describe("Characters of a preset's character tokenizer; the task's own when absent"),
    contextLength: integer(2)
      .exactOptional()
      .describe("Longest prompt plus response of a preset, tokens; what the task needs when absent"),
    dtype: z.enum(["f32", "bf16", "f16"]).default(defaults.model.dtype).describe("Number format of saved weights"),
  })
  .transform((model) =>
    model.preset !== undefined && model.tokenizer === undefined
      ? { ...model, tokenizer: defaults.model.tokenizer }
      : model,
  )
