/** Cosines and sines of the rotary position embedding, by position. */
import type { ModelConfig } from "./config.ts"

export interface RopeTables {
  /** [positions, headDim / 2], row-major. */
  readonly cos: Float32Array
  readonly sin: Float32Array
}

/** Rotation of each pair of features per position, radians. Source: arXiv:2104.09864; Llama 3 scaling as in transformers. */
export function inverseFrequencies(config: ModelConfig): Float64Array {
  const half = config.headDim / 2
  const plain = Float64Array.from({ length: half }, (_, i) => config.rope.theta ** ((-2 * i) / config.headDim))
  const { scaling } = config.rope
  if (scaling === undefined) return plain
  if (scaling.type === "linear") return plain.map((frequency) => frequency / scaling.factor)
  const { factor, lowFreqFactor, highFreqFactor, originalContextLength } = scaling
  return plain.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency
    if (wavelength < originalContextLength / highFreqFactor) return frequency
    if (wavelength > originalContextLength / lowFreqFactor) return frequency / factor
    const smooth = (originalContextLength / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor)
    return ((1 - smooth) * frequency) / factor + smooth * frequency
  })
}

/** Tables for positions 0..positions-1. */
export function ropeTables(config: ModelConfig, positions: number): RopeTables {
  const frequencies = inverseFrequencies(config)
  const half = frequencies.length
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!
      cos[position * half + i] = Math.cos(angle)
      sin[position * half + i] = Math.sin(angle)
    }
  }
  return { cos, sin }
}
