/**
 * Seeded random numbers for fresh weights. Each parameter has a stream of its own, named by (seed, parameter name), so
 * that its values do not depend on which other parameters there are or on the order they are filled in.
 */

/** FNV-1a of the UTF-16 units of a text, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** Bijective 32-bit mixer (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

/**
 * A stream of whole numbers, uniform on [0, 2^32): xoshiro128** (Blackman and Vigna, arXiv:1805.01407).
 * @param seed  any finite number; fractions and bits past 2^53 are not told apart
 */
export function createRandomStream(seed: number, name: string): () => number {
  const low = seed >>> 0
  const high = Math.floor(seed / 0x1_0000_0000) >>> 0
  let state = mix(low ^ mix(high ^ mix(hashText(name))))
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    return mix(state)
  }
  let s0 = next()
  let s1 = next()
  let s2 = next()
  // The all-zero state is the one the generator cannot leave.
  let s3 = next() | 1
  return () => {
    const product = Math.imul(s1, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const shifted = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << 11) | (s3 >>> 21)
    return result
  }
}

/** Fills an array with independent draws from a normal distribution of mean 0 (Box and Muller). */
export function fillNormal(values: Float32Array, standardDeviation: number, random: () => number): void {
  for (let i = 0; i < values.length; i += 2) {
    // In (0, 1]: the logarithm must not meet zero.
    const radius = standardDeviation * Math.sqrt(-2 * Math.log((random() + 1) / 0x1_0000_0000))
    const angle = (2 * Math.PI * random()) / 0x1_0000_0000
    values[i] = radius * Math.cos(angle)
    if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle)
  }
}
