/**
 * Rotary position embedding settings of a config.json, in the form of transformers before 5 (`rope_theta` and
 * `rope_scaling`) and since (`rope_parameters`). Where both stand, `rope_scaling` wins over `rope_parameters` and an
 * inner `rope_theta` over the outer one, as transformers resolves them.
 */
import type { ConfigReader } from "./config-reader.ts"
import type { JsonObject } from "./json-file.ts"
import { isJsonObject, showValue } from "./json-file.ts"

export type RopeScaling =
  | {
    readonly type: "llama3"
    readonly factor: number
    readonly lowFreqFactor: number
    readonly highFreqFactor: number
    /** Tokens. */
    readonly originalContextLength: number
  }
  | { readonly type: "linear"; readonly factor: number }

export interface RopeConfig {
  /** Base of the wavelengths. */
  readonly theta: number
  readonly scaling?: RopeScaling
}

const defaultTheta = 10_000

export function parseRope(reader: ConfigReader): RopeConfig {
  const key = reader.has("rope_scaling") ? "rope_scaling" : "rope_parameters"
  const value = reader.json[key]
  const outerTheta = reader.positive("rope_theta", defaultTheta)
  const partial = reader.json["partial_rotary_factor"]
  if (reader.has("partial_rotary_factor") && partial !== 1) reportPartial(reader, partial)
  if (value === undefined || value === null) return { theta: outerTheta }
  if (!isJsonObject(value)) {
    reader.report(key, `expected an object or null, got ${showValue(value)}. Correct the file.`)
    return { theta: outerTheta }
  }
  const rope = reader.nested(value, key)
  const theta = rope.positive("rope_theta", outerTheta)
  if (rope.has("partial_rotary_factor") && value["partial_rotary_factor"] !== 1) {
    reportPartial(rope, value["partial_rotary_factor"])
  }
  const type = value["rope_type"] ?? value["type"] ?? "default"
  switch (type) {
    case "default":
      return { theta }
    case "linear":
      return { theta, scaling: { type: "linear", factor: rope.positive("factor") } }
    case "llama3":
      return { theta, scaling: parseLlama3(rope) }
    default:
      rope.report(
        "rope_type",
        `expected "default", "linear" or "llama3", got ${showValue(type)}. Other scalings are not computed; use another checkpoint.`,
      )
      return { theta }
  }
}

function parseLlama3(rope: ConfigReader): RopeScaling {
  const scaling: RopeScaling = {
    type: "llama3",
    factor: rope.positive("factor"),
    lowFreqFactor: rope.positive("low_freq_factor"),
    highFreqFactor: rope.positive("high_freq_factor"),
    originalContextLength: rope.count("original_max_position_embeddings"),
  }
  if (rope.has("high_freq_factor") && scaling.highFreqFactor <= scaling.lowFreqFactor) {
    rope.report(
      "high_freq_factor",
      `expected more than low_freq_factor (${scaling.lowFreqFactor}), got ${scaling.highFreqFactor}. Correct the file.`,
    )
  }
  return scaling
}

function reportPartial(reader: ConfigReader, value: unknown): void {
  reader.report("partial_rotary_factor", `expected 1, got ${showValue(value)}. Partial rotation is not computed; use another checkpoint.`)
}

/** Both forms, saying the same, so that every version of transformers and vLLM reads the right one. */
export function ropeToJson(rope: RopeConfig): JsonObject {
  const scaling = rope.scaling === undefined ? null : scalingToJson(rope.scaling)
  return {
    rope_theta: rope.theta,
    rope_scaling: scaling,
    rope_parameters: { rope_theta: rope.theta, ...(scaling ?? { rope_type: "default" }) },
  }
}

function scalingToJson(scaling: RopeScaling): JsonObject {
  if (scaling.type === "linear") return { rope_type: "linear", factor: scaling.factor }
  return {
    rope_type: "llama3",
    factor: scaling.factor,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalContextLength,
  }
}
