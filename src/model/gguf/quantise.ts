/**
 * Blocks of quantised tensors, bit for bit as llama.cpp's reference makes them.
 */
import { encodeFloat16 } from "../float-formats.ts"

/** Elements of a block of Q8_0, along the innermost dimension. */
export const q8BlockElements = 32
/** A float16 scale and 32 signed bytes. */
export const q8BlockBytes = 34

/**
 * Q8_0: per block a scale d = max |x| / 127, stored as float16, and q = round(x / d), halves away from zero; x is about q d.
 * The division is a product with 1 / d in float32, as the reference has it.
 * @param source  whole blocks
 * @param target  34 bytes for each
 * @returns index of the first block's element or of the NaN that cannot be stored: scales end at 65504; -1 when all can
 * Source: quantize_row_q8_0_ref of ggml. Differs: no.
 */
export function encodeQ8(source: Float32Array, target: Uint8Array): number {
  const scale = new Float32Array(1)
  const half = new Uint16Array(1)
  for (let block = 0; block * q8BlockElements < source.length; block++) {
    const first = block * q8BlockElements
    let largest = 0
    for (let i = first; i < first + q8BlockElements; i++) {
      const size = Math.abs(source[i]!)
      if (Number.isNaN(size)) return i
      if (size > largest) largest = size
    }
    scale[0] = largest / 127
    const reciprocal = Math.fround(1 / scale[0])
    // Infinite for no scale, and for one so small that float16 has 0 for it.
    const inverse = reciprocal === Infinity ? 0 : reciprocal
    if (encodeFloat16(scale, half) >= 0 || largest === Infinity) return first
    const at = block * q8BlockBytes
    target[at] = half[0]! & 0xff
    target[at + 1] = half[0]! >>> 8
    for (let i = 0; i < q8BlockElements; i++) {
      const scaled = Math.fround(source[first + i]! * inverse)
      const rounded = Math.floor(Math.abs(scaled) + 0.5)
      target[at + 2 + i] = scaled < 0 ? -rounded : rounded
    }
  }
  return -1
}
