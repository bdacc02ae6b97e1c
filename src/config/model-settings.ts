/**
 * `model`: where the policy comes from. A model on disk (`path`), a model of the Hugging Face hub, or a small preset from scratch.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { integer } from "./fields.ts"

export interface ModelSettings {
  /** Hugging Face folder (config.json, tokenizer.json, safetensors), GGUF file, or folder of PEFT adapters. */
  readonly path?: string
  /** Model that the adapters at `path` belong to; the one that they name when absent. */
  readonly base?: string
  /** Model of the Hugging Face hub, `owner/name`; with `task.hub` the only setting that makes the network be used. */
  readonly hub?: string
  /** Branch, tag or commit of `hub`; main when absent. */
  readonly revision?: string
  /** What `revision` was when the run began. The run's own config.yaml has it, so that a resumed run has the same model. */
  readonly commit?: string
  /** A GGUF file of `hub`, where the repository holds several or a folder beside it. */
  readonly file?: string
  /** Name of a preset, initialised from scratch with `seed`. */
  readonly preset?: string
  /** Tokenizer of a preset; absent with `path` and `hub`, which bring their own. */
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
    hub: z.string().min(1).exactOptional().describe("Model of the Hugging Face hub, owner/name, fetched once; instead of path"),
    revision: z.string().min(1).exactOptional().describe("Branch, tag or commit of hub; main when absent"),
    commit: z.string().min(1).exactOptional().describe("Commit that revision was when the run began; written by pirl"),
    file: z.string().min(1).exactOptional().describe("A .gguf file of hub, where it holds several"),
    preset: z.string().min(1).exactOptional().describe("Small model created from scratch, instead of path or hub"),
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
