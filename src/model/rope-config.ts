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
  | {
    readonly type: "yarn"
    readonly factor: number
    /** Full turns within the original context: above the first a pair is not scaled, below the second wholly. */
    readonly betaFast: number
    readonly betaSlow: number
    /** The bounds between them are rounded to whole pairs. */
    readonly truncate: boolean
    /** Multiplies queries and keys after the rotation. */
    readonly attentionFactor: number
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

/** Rotary settings of all layers, or of those without a sliding window where windowed layers have their own. */
export function parseRope(reader: ConfigReader, contextLength: number): RopeConfig {
  if (reader.has("partial_rotary_factor") && reader.json["partial_rotary_factor"] !== 1) reportPartial(reader)
  const key = reader.has("rope_scaling") ? "rope_scaling" : "rope_parameters"
  return parseSettings(reader, key, "full_attention", reader.positive("rope_theta", defaultTheta), contextLength)
}

/** Rotary settings of windowed layers, where they have their own: those of `rope_scaling` do not apply to them. */
export function parseWindowedRope(reader: ConfigReader, contextLength: number): RopeConfig {
  const outerTheta = reader.positive("rope_local_base_freq", defaultTheta)
  return parseSettings(reader, "rope_parameters", "sliding_attention", outerTheta, contextLength)
}

/** @param kind  the key inside, where the settings are listed by kind of layer */
function parseSettings(
  reader: ConfigReader,
  key: string,
  kind: string,
  outerTheta: number,
  contextLength: number,
): RopeConfig {
  const settings = reader.json[key]
  if (settings === undefined || settings === null) return { theta: outerTheta }
  if (!isJsonObject(settings)) {
    reader.report(key, `expected an object or null, got ${showValue(settings)}. Correct the file.`)
    return { theta: outerTheta }
  }
  const original = reader.count("original_max_position_embeddings", contextLength)
  const byKind = isJsonObject(settings["full_attention"]) || isJsonObject(settings["sliding_attention"])
  if (!byKind) return parseScaling(reader.nested(settings, key), outerTheta, original)
  const own = settings[kind]
  if (!isJsonObject(own)) return { theta: outerTheta }
  return parseScaling(reader.nested(own, `${key}.${kind}`), outerTheta, original)
}

function parseScaling(rope: ConfigReader, outerTheta: number, originalContext: number): RopeConfig {
  const theta = rope.positive("rope_theta", outerTheta)
  if (rope.has("partial_rotary_factor") && rope.json["partial_rotary_factor"] !== 1) reportPartial(rope)
  const type = rope.json["rope_type"] ?? rope.json["type"] ?? "default"
  switch (type) {
    case "default":
      return { theta }
    case "linear":
      return { theta, scaling: { type: "linear", factor: rope.positive("factor") } }
    case "llama3":
      return { theta, scaling: parseLlama3(rope, originalContext) }
    case "yarn":
      return { theta, scaling: parseYarn(rope, originalContext) }
    default:
      rope.report(
        "rope_type",
        `expected "default", "linear", "llama3" or "yarn", got ${showValue(type)}. ` +
          "Other scalings are not computed; use another checkpoint.",
      )
      return { theta }
  }
}

function parseLlama3(rope: ConfigReader, originalContext: number): RopeScaling {
  const scaling: RopeScaling = {
    type: "llama3",
    factor: rope.positive("factor"),
    lowFreqFactor: rope.positive("low_freq_factor"),
    highFreqFactor: rope.positive("high_freq_factor"),
    originalContextLength: rope.count("original_max_position_embeddings", originalContext),
  }
  if (rope.has("high_freq_factor") && scaling.highFreqFactor <= scaling.lowFreqFactor) {
    rope.report(
      "high_freq_factor",
      `expected more than low_freq_factor (${scaling.lowFreqFactor}), got ${scaling.highFreqFactor}. Correct the file.`,
    )
  }
  return scaling
}

/** As in transformers 5. Version 4 takes the factor from the two context lengths, which should say the same. */
function parseYarn(rope: ConfigReader, originalContext: number): RopeScaling {
  const factor = rope.positive("factor")
  const mscale = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1)
  const [own, all] = [rope.json["mscale"], rope.json["mscale_all_dim"]]
  const weighted = typeof own === "number" && typeof all === "number" && own !== 0 && all !== 0
  const derived = weighted ? mscale(own) / mscale(all) : mscale(1)
  return {
    type: "yarn",
    factor,
    betaFast: rope.positive("beta_fast", 32),
    betaSlow: rope.positive("beta_slow", 1),
    truncate: rope.boolean("truncate", true),
    attentionFactor: rope.positive("attention_factor", derived),
    originalContextLength: rope.count("original_max_position_embeddings", originalContext),
  }
}

function reportPartial(reader: ConfigReader): void {
  const value = reader.json["partial_rotary_factor"]
  reader.report("partial_rotary_factor", `expected 1, got ${showValue(value)}. Partial rotation is not computed; use another checkpoint.`)
}

/**
 * Both forms, saying the same, so that every version of transformers and vLLM reads the right one.
 * @param windowed  settings of windowed layers, where they have their own
 */
export function ropeToJson(rope: RopeConfig, windowed?: RopeConfig): JsonObject {
  const scaling = rope.scaling === undefined ? null : scalingToJson(rope.scaling)
  const json = { rope_theta: rope.theta, rope_scaling: scaling }
  if (windowed === undefined) return { ...json, rope_parameters: parametersToJson(rope) }
  return {
    ...json,
    rope_local_base_freq: windowed.theta,
    rope_parameters: { full_attention: parametersToJson(rope), sliding_attention: parametersToJson(windowed) },
  }
}

function parametersToJson({ theta, scaling }: RopeConfig): JsonObject {
  return { rope_theta: theta, ...(scaling === undefined ? { rope_type: "default" } : scalingToJson(scaling)) }
}

function scalingToJson(scaling: RopeScaling): JsonObject {
  switch (scaling.type) {
    case "linear":
      return { rope_type: "linear", factor: scaling.factor }
    case "llama3":
      return {
        rope_type: "llama3",
        factor: scaling.factor,
        low_freq_factor: scaling.lowFreqFactor,
        high_freq_factor: scaling.highFreqFactor,
        original_max_position_embeddings: scaling.originalContextLength,
      }
    case "yarn":
      return {
        rope_type: "yarn",
        factor: scaling.factor,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        truncate: scaling.truncate,
        attention_factor: scaling.attentionFactor,
        original_max_position_embeddings: scaling.originalContextLength,
      }
  }
}
