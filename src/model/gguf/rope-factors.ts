/** Rotary scaling of Llama 3, which GGUF files carry as one factor per frequency. */
import type { JsonObject } from "../json-file.ts"

/** What every Llama 3 has; the factors say nothing of them but their effect. */
const llama3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 }

/** Relative, of float32 numbers that two programs computed. */
const tolerance = 1e-5

/**
 *   factor_i = 1 where the wavelength is below original / high, `factor` where it is above original / low,
 *   else 1 / ((1 - s) / factor + s) with s = (original / wavelength - low) / (high - low)
 * Source: generate_extra_tensors of LlamaModel in llama.cpp's converter.
 * @param headDim  width of a head, of which pairs turn
 */
export function llama3Factors(factor: number, theta: number, headDim: number): Float64Array {
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = llama3
  return Float64Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * i) / headDim)
    if (wavelength < original / high) return 1
    if (wavelength > original / low) return factor
    const smooth = (original / wavelength - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  })
}

/** The `rope_scaling` of config.json whose factors these are; undefined when they are no such ones. */
export function describeRopeFactors(factors: Float32Array, theta: number, headDim: number): JsonObject | undefined {
  const factor = factors.at(-1) ?? 0
  const expected = llama3Factors(factor, theta, headDim)
  const close = (value: number, i: number): boolean => Math.abs(factors[i]! / value - 1) < tolerance
  const equal = expected.length === factors.length && expected.every(close)
  return equal ? { rope_type: "llama3", factor, ...llama3 } : undefined
}
