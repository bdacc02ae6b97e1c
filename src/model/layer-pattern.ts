/** Which layers attend through a sliding window and which do not rotate, from a config.json. */
import type { ConfigReader } from "./config-reader.ts"
import type { ModelConfig } from "./config.ts"
import type { Family } from "./families.ts"
import type { JsonObject } from "./json-file.ts"
import { showValue } from "./json-file.ts"
import type { RopeConfig } from "./rope-config.ts"
import { parseWindowedRope } from "./rope-config.ts"

export interface SlidingWindow {
  /** What a position of a windowed layer sees, tokens, its own included. */
  readonly tokens: number
  /** Indices of the windowed layers, in order. */
  readonly layers: readonly number[]
  /** Rotary settings of the windowed layers; absent: those of all layers. */
  readonly rope?: RopeConfig
}

export interface LayerPattern {
  /** Absent where every layer sees all tokens before. */
  readonly slidingWindow?: SlidingWindow
  /** Indices of layers that leave queries and keys as they are (NoPE); absent where every layer rotates. */
  readonly unrotatedLayers?: readonly number[]
}

/** A window that spans the whole context hides nothing, and is left out where it would change nothing else. */
export function parseLayerPattern(
  reader: ConfigReader,
  family: Family,
  layers: number,
  contextLength: number,
): LayerPattern {
  const unrotated = family.unrotatedLayers ? parseUnrotated(reader, layers) : []
  const windowed = parseWindowed(reader, family, layers, unrotated)
  const tokens = windowed.length > 0 ? windowTokens(reader, family) : undefined
  const rope = family.windowedRope ? parseWindowedRope(reader, contextLength) : undefined
  return {
    ...(tokens === undefined || (tokens >= contextLength && rope === undefined)
      ? {}
      : { slidingWindow: { tokens, layers: windowed, ...(rope === undefined ? {} : { rope }) } }),
    ...(unrotated.length > 0 ? { unrotatedLayers: unrotated } : {}),
  }
}

function indices(count: number, holds: (layer: number) => boolean): number[] {
  return Array.from({ length: count }, (_, layer) => layer).filter(holds)
}

/** `no_rope_layers` has a 1 for layers that rotate; without it every n-th does not. */
function parseUnrotated(reader: ConfigReader, layers: number): number[] {
  const list = reader.json["no_rope_layers"]
  if (!reader.has("no_rope_layers")) {
    const interval = reader.count("no_rope_layer_interval")
    return indices(layers, (layer) => (layer + 1) % interval === 0)
  }
  if (Array.isArray(list) && list.length >= layers && list.every((entry) => entry === 0 || entry === 1)) {
    return indices(layers, (layer) => list[layer] === 0)
  }
  const expected = `a 0 or 1 for each of ${layers} layers`
  reader.report("no_rope_layers", `expected ${expected}, got ${showValue(list)}. Correct the file.`)
  return []
}

const layerKinds: ReadonlySet<unknown> = new Set(["full_attention", "sliding_attention"])

function parseWindowed(reader: ConfigReader, family: Family, layers: number, unrotated: readonly number[]): number[] {
  const implied = impliedWindows(reader, family, layers, unrotated)
  const types = reader.json["layer_types"]
  if (!reader.has("layer_types")) return implied
  const other: unknown = Array.isArray(types) ? types.find((type) => !layerKinds.has(type)) : types
  if (!Array.isArray(types) || other !== undefined) {
    const expected = [...layerKinds].map(showValue).join(" or ")
    reader.report("layer_types", `expected ${expected} for each layer, got ${showValue(other)}. Use another checkpoint.`)
    return []
  }
  if (types.length !== layers) {
    reader.report("layer_types", `expected an entry for each of ${layers} layers, got ${types.length}. Correct the file.`)
    return []
  }
  const listed = indices(layers, (layer) => types[layer] === "sliding_attention")
  // transformers never reads the list of these families; where the two differ, no reading is safe.
  const fixed = family.windows === "none" || family.windows === "every-layer"
  if (fixed && listed.join() !== implied.join()) {
    const expected = `${implied.length} layers with "sliding_attention" beside the other keys`
    reader.report("layer_types", `expected ${expected}, got ${listed.length}. Correct the file.`)
  }
  return listed
}

function impliedWindows(reader: ConfigReader, family: Family, layers: number, unrotated: readonly number[]): number[] {
  const window = reader.has("sliding_window")
  const inUse = window && reader.boolean("use_sliding_window", false)
  switch (family.windows) {
    case "none":
      return []
    case "every-layer":
      return window ? indices(layers, () => true) : []
    case "upper-layers": {
      const first = reader.json["max_window_layers"]
      return inUse ? indices(layers, (layer) => typeof first === "number" && layer >= first) : []
    }
    case "unrotated-layers":
      return inUse ? [...unrotated] : []
    case "all-but-every-nth": {
      const period = reader.count("sliding_window_pattern")
      return indices(layers, (layer) => (layer + 1) % period !== 0)
    }
  }
}

function hasSwitch({ windows }: Family): boolean {
  return windows === "upper-layers" || windows === "unrotated-layers"
}

/** Families with the switch `use_sliding_window` have no window without it, whatever the other keys say. */
function windowTokens(reader: ConfigReader, family: Family): number {
  if (hasSwitch(family) && !reader.boolean("use_sliding_window", false)) {
    reader.report("use_sliding_window", `expected true beside layers of "sliding_attention", got false. Correct the file.`)
  }
  return reader.count("sliding_window")
}

/** The keys of config.json that say which layers have windows and which rotate. */
export function layerPatternToJson(config: ModelConfig, family: Family): JsonObject {
  const { layers, slidingWindow, unrotatedLayers = [], source } = config
  const listed = family.windows !== "none" && family.windows !== "every-layer"
  const windowed = new Set(slidingWindow?.layers)
  const kind = (layer: number): string => (windowed.has(layer) ? "sliding_attention" : "full_attention")
  return {
    ...(hasSwitch(family) ? { use_sliding_window: slidingWindow !== undefined } : {}),
    ...(family.windows === "every-layer" ? { sliding_window: source["sliding_window"] ?? null } : {}),
    ...(slidingWindow === undefined ? {} : { sliding_window: slidingWindow.tokens }),
    ...(listed && (slidingWindow !== undefined || source["layer_types"] !== undefined)
      ? { layer_types: Array.from({ length: layers }, (_, layer) => kind(layer)) }
      : {}),
    ...(family.unrotatedLayers
      ? { no_rope_layers: Array.from({ length: layers }, (_, layer) => (unrotatedLayers.includes(layer) ? 0 : 1)) }
      : {}),
  }
}
