/** Cosines and sines of the rotary position embedding, by position. */
import type { ModelConfig } from "./config.ts"
import { decoderInputs } from "./decoder.ts"
import type { RopeConfig, RopeScaling } from "./rope-config.ts"

export interface RopeTables {
  /** [positions, headDim / 2], row-major. */
  readonly cos: Float32Array
  readonly sin: Float32Array
}

/**
 * Rotation of each pair of features per position, radians. Source: arXiv:2104.09864; scalings as in transformers
 * (Llama 3; YaRN: arXiv:2309.00071, section 3.2).
 */
export function inverseFrequencies(config: ModelConfig, rope: RopeConfig = config.rope): Float64Array {
  const { headDim } = config
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => rope.theta ** ((-2 * i) / headDim))
  const { scaling } = rope
  switch (scaling?.type) {
    case undefined:
      return plain
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor)
    case "llama3":
      return plain.map((frequency) => llama3Frequency(frequency, scaling))
    case "yarn": {
      const share = yarnShares(headDim, rope.theta, scaling)
      return plain.map((frequency, i) => (frequency / scaling.factor) * share(i) + frequency * (1 - share(i)))
    }
  }
}

type Llama3Scaling = Extract<RopeScaling, { type: "llama3" }>
type YarnScaling = Extract<RopeScaling, { type: "yarn" }>

function llama3Frequency(frequency: number, scaling: Llama3Scaling): number {
  const { factor, lowFreqFactor, highFreqFactor, originalContextLength } = scaling
  const wavelength = (2 * Math.PI) / frequency
  if (wavelength < originalContextLength / highFreqFactor) return frequency
  if (wavelength > originalContextLength / lowFreqFactor) return frequency / factor
  const smooth = (originalContextLength / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor)
  return ((1 - smooth) * frequency) / factor + smooth * frequency
}

/** How far each pair is scaled: 0 where it turns often within the original context, 1 where it hardly does. */
function yarnShares(headDim: number, theta: number, scaling: YarnScaling): (pair: number) => number {
  const { betaFast, betaSlow, originalContextLength, truncate } = scaling
  const pairOfTurns = (turns: number): number =>
    (headDim * Math.log(originalContextLength / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  const [first, last] = [pairOfTurns(betaFast), pairOfTurns(betaSlow)]
  const low = Math.max(truncate ? Math.floor(first) : first, 0)
  const high = Math.min(truncate ? Math.ceil(last) : last, headDim - 1)
  // As transformers has it, against a division by zero.
  const width = low === high ? 0.001 : high - low
  return (pair) => Math.min(Math.max((pair - low) / width, 0), 1)
}

/** Tables for positions 0..positions-1; by the settings of all layers when none are given. */
export function ropeTables(config: ModelConfig, positions: number, rope: RopeConfig = config.rope): RopeTables {
  const frequencies = inverseFrequencies(config, rope)
  const factor = rope.scaling?.type === "yarn" ? rope.scaling.attentionFactor : 1
  const half = frequencies.length
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!
      cos[position * half + i] = Math.cos(angle) * factor
      sin[position * half + i] = Math.sin(angle) * factor
    }
  }
  return { cos, sin }
}

/** Values of one of the decoder's inputs. */
export interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** The tables that a decoder reads: those of all layers, and of windowed layers where they have settings of their own. */
export function ropeTensors(config: ModelConfig, positions: number): NamedTensor[] {
  const tensors = (rope: RopeConfig, cosName: string, sinName: string): NamedTensor[] => {
    const { cos, sin } = ropeTables(config, positions, rope)
    const shape = [positions, config.headDim / 2]
    return [
      { name: cosName, shape, values: cos },
      { name: sinName, shape, values: sin },
    ]
  }
  const own = config.slidingWindow?.rope
  return [
    ...tensors(config.rope, decoderInputs.cos, decoderInputs.sin),
    ...(own === undefined ? [] : tensors(own, decoderInputs.windowCos, decoderInputs.windowSin)),
  ]
}
