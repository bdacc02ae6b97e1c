/**
 * Conversion between float32 and the 16-bit float formats of weight files, on bit patterns. Rounding is to nearest,
 * ties to even, as PyTorch does it, and for bfloat16 also stochastic. NaN stays NaN (its payload may not).
 */
import { bitsAt } from "../random.ts"

/** bfloat16 is the upper half of a float32. */
export function decodeBfloat16(source: Uint16Array, target: Float32Array, offset: number): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset + offset * 4, source.length)
  for (let i = 0; i < source.length; i++) bits[i] = source[i] << 16
}

export function encodeBfloat16(source: Float32Array, target: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length)
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]
    // Adding to a NaN could carry into the sign; keep its sign and make it quiet.
    if ((value & 0x7fffffff) > 0x7f800000) target[i] = (value >>> 16) | 0x0040
    else target[i] = (value + 0x7fff + ((value >>> 16) & 1)) >>> 16
  }
}

/**
 * Rounds up or down at random, such that the mean of the result is the value: 16 random bits are added below the kept
 * ones, then the lower half is cut. Updates below half a step, which rounding to nearest undoes, survive in the mean over
 * many weights. What bfloat16 holds exactly is kept; nothing finite becomes infinite.
 * @param key    as `deriveSeed` gives it; the bits of an element are a pure function of key and index
 * @param first  index of the first element in its tensor
 * Source: S. Gupta et al., arXiv:1502.02551.
 */
export function encodeBfloat16Stochastic(source: Float32Array, target: Uint16Array, key: number, first: number): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length)
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]
    if ((value & 0x7fffffff) > 0x7f800000) {
      target[i] = (value >>> 16) | 0x0040
      continue
    }
    const index = first + i
    // One draw serves two elements.
    const random = (bitsAt(key, index >>> 1) >>> ((index & 1) << 4)) & 0xffff
    const rounded = (value + random) >>> 16
    target[i] = (rounded & 0x7fff) === 0x7f80 ? value >>> 16 : rounded
  }
}

function float16ToBits32(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0
  if (fraction === 0) return sign >>> 0
  // Subnormal: shift the leading one into the implicit place.
  const shift = Math.clz32(fraction) - 21
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0
}

function bits32ToFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  // 65520 is halfway between the largest half (65504) and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - 0x38000000
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13)
  }
  // Below half the smallest subnormal, 2^-25, everything is zero.
  if (magnitude < 0x33000000) return sign
  const fraction = (magnitude & 0x7fffff) | 0x800000
  const shift = 126 - (magnitude >>> 23)
  const kept = fraction >>> shift
  const rest = fraction & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return sign | (rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept)
}

export function decodeFloat16(source: Uint16Array, target: Float32Array, offset: number): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset + offset * 4, source.length)
  for (let i = 0; i < source.length; i++) bits[i] = float16ToBits32(source[i])
}

/** @returns index of the first finite value that float16 cannot hold, or -1 */
export function encodeFloat16(source: Float32Array, target: Uint16Array): number {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length)
  let overflow = -1
  for (let i = 0; i < bits.length; i++) {
    target[i] = bits32ToFloat16(bits[i])
    if ((target[i] & 0x7fff) === 0x7c00 && (bits[i] & 0x7fffffff) !== 0x7f800000 && overflow < 0) overflow = i
  }
  return overflow
}
