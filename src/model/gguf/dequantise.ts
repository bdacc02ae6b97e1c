/**
 * Blocks of quantised weights to float32, equal bit by bit to `gguf.quants.dequantize` of the Python package. Products
 * of a scale and a code fit the 24 bits of a float32 mantissa, so that the one rounding left is that of the store.
 */
import { decodeBfloat16, decodeFloat16 } from "../float-formats.ts"
import type { TensorType } from "./tensor-types.ts"
import { tensorLayouts } from "./tensor-types.ts"

/** Reads the block at byte `at` into `out` from element `to` on. */
type BlockDecoder = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void

let halves: Float32Array | undefined

/** Every float16 by its bits: a model has millions of blocks, each with one or two of them. */
function halfTable(): Float32Array {
  if (halves === undefined) {
    halves = new Float32Array(0x10000)
    decodeFloat16(Uint16Array.from(halves, (_, bits) => bits), halves, 0)
  }
  return halves
}

function half(bytes: Uint8Array, at: number): number {
  return halfTable()[bytes[at]! | (bytes[at + 1]! << 8)]!
}

function int8(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) >> 24
}

const q8_0: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at)
  for (let i = 0; i < 32; i++) out[to + i] = int8(bytes, at + 2 + i) * d
}

/** Codes of four bits: the first half of the block in the low halves of the bytes, the second in the high ones. */
const q4_0: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at)
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 2 + i]!
    out[to + i] = d * ((byte & 15) - 8)
    out[to + 16 + i] = d * ((byte >> 4) - 8)
  }
}

const q4_1: BlockDecoder = (bytes, at, out, to) => {
  const [d, m] = [half(bytes, at), half(bytes, at + 2)]
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 4 + i]!
    out[to + i] = d * (byte & 15) + m
    out[to + 16 + i] = d * (byte >> 4) + m
  }
}

/** The fifth bits of the 32 codes, one bit each, from byte `at` on. */
function fifthBit(bytes: Uint8Array, at: number, i: number): number {
  return ((bytes[at + (i >> 3)]! >> (i & 7)) & 1) << 4
}

const q5_0: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at)
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 6 + i]!
    out[to + i] = d * (((byte & 15) | fifthBit(bytes, at + 2, i)) - 16)
    out[to + 16 + i] = d * (((byte >> 4) | fifthBit(bytes, at + 2, 16 + i)) - 16)
  }
}

const q5_1: BlockDecoder = (bytes, at, out, to) => {
  const [d, m] = [half(bytes, at), half(bytes, at + 2)]
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 8 + i]!
    out[to + i] = d * ((byte & 15) | fifthBit(bytes, at + 4, i)) + m
    out[to + 16 + i] = d * ((byte >> 4) | fifthBit(bytes, at + 4, 16 + i)) + m
  }
}

/** 16 groups of 16: scale and minimum of four bits each; codes of two bits, 32 to a plane, four planes to 32 bytes. */
const q2_k: BlockDecoder = (bytes, at, out, to) => {
  const [d, dmin] = [half(bytes, at + 80), half(bytes, at + 82)]
  for (let group = 0; group < 16; group++) {
    const scale = bytes[at + group]!
    const [dl, ml] = [d * (scale & 15), dmin * (scale >> 4)]
    const codes = at + 16 + (group >> 3) * 32 + (group & 1) * 16
    const shift = ((group >> 1) & 3) * 2
    for (let i = 0; i < 16; i++) out[to + group * 16 + i] = dl * ((bytes[codes + i]! >> shift) & 3) - ml
  }
}

/** 16 groups of 16: scales of six bits in twelve bytes; codes as in Q2_K, less 4 where the mask has no bit. */
const q3_k: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at + 108)
  for (let group = 0; group < 16; group++) {
    const low = (bytes[at + 96 + (group & 7)]! >> (group < 8 ? 0 : 4)) & 15
    const high = (bytes[at + 104 + (group & 3)]! >> ((group >> 2) * 2)) & 3
    const dl = d * ((low | (high << 4)) - 32)
    const codes = at + 32 + (group >> 3) * 32 + (group & 1) * 16
    const shift = ((group >> 1) & 3) * 2
    const mask = at + (group & 1) * 16
    for (let i = 0; i < 16; i++) {
      const code = (bytes[codes + i]! >> shift) & 3
      out[to + group * 16 + i] = dl * (code - (((bytes[mask + i]! >> (group >> 1)) & 1) === 1 ? 0 : 4))
    }
  }
}

/** Scale of six bits of the group (0 to 7) of Q4_K and Q5_K; the minimum with `minimum` 4. */
function sixBits(bytes: Uint8Array, at: number, group: number, minimum: 0 | 4): number {
  if (group < 4) return bytes[at + minimum + group]! & 63
  const shared = bytes[at + 4 + group]!
  return ((minimum === 0 ? shared : shared >> 4) & 15) | ((bytes[at + minimum + group - 4]! >> 2) & 0x30)
}

/** 8 groups of 32: scale and minimum of six bits each, codes of four bits in pairs of groups. */
const q4_k: BlockDecoder = (bytes, at, out, to) => {
  const [d, dmin] = [half(bytes, at), half(bytes, at + 2)]
  for (let group = 0; group < 8; group++) {
    const [dl, ml] = [d * sixBits(bytes, at + 4, group, 0), dmin * sixBits(bytes, at + 4, group, 4)]
    const codes = at + 16 + (group >> 1) * 32
    const shift = (group & 1) * 4
    for (let i = 0; i < 32; i++) out[to + group * 32 + i] = dl * ((bytes[codes + i]! >> shift) & 15) - ml
  }
}

/** Q4_K with a fifth bit: that of group g is bit g of 32 bytes. */
const q5_k: BlockDecoder = (bytes, at, out, to) => {
  const [d, dmin] = [half(bytes, at), half(bytes, at + 2)]
  for (let group = 0; group < 8; group++) {
    const [dl, ml] = [d * sixBits(bytes, at + 4, group, 0), dmin * sixBits(bytes, at + 4, group, 4)]
    const codes = at + 48 + (group >> 1) * 32
    const shift = (group & 1) * 4
    for (let i = 0; i < 32; i++) {
      const code = ((bytes[codes + i]! >> shift) & 15) | (((bytes[at + 16 + i]! >> group) & 1) << 4)
      out[to + group * 32 + i] = dl * code - ml
    }
  }
}

/** 16 groups of 16: signed scales of eight bits; codes of four and two bits, less 32. */
const q6_k: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at + 208)
  for (let group = 0; group < 16; group++) {
    const dl = d * int8(bytes, at + 192 + group)
    const row = group >> 1
    const low = at + (row >> 2) * 64 + (row & 1) * 32 + (group & 1) * 16
    const lowShift = ((row >> 1) & 1) * 4
    const high = at + 128 + (row >> 2) * 32 + (group & 1) * 16
    const highShift = (row & 3) * 2
    for (let i = 0; i < 16; i++) {
      const code = ((bytes[low + i]! >> lowShift) & 15) | (((bytes[high + i]! >> highShift) & 3) << 4)
      out[to + group * 16 + i] = dl * (code - 32)
    }
  }
}

const blockDecoders: Readonly<Record<Exclude<TensorType, "F32" | "F16" | "BF16">, BlockDecoder>> = {
  Q8_0: q8_0,
  Q4_0: q4_0,
  Q4_1: q4_1,
  Q5_0: q5_0,
  Q5_1: q5_1,
  Q2_K: q2_k,
  Q3_K: q3_k,
  Q4_K: q4_k,
  Q5_K: q5_k,
  Q6_K: q6_k,
}

/**
 * @param bytes  whole blocks, little-endian
 * @param out    gets the values from element `start` on
 */
export function dequantise(type: TensorType, bytes: Uint8Array, out: Float32Array, start: number): void {
  switch (type) {
    case "F32":
      new Uint8Array(out.buffer, out.byteOffset + start * 4, bytes.length).set(bytes)
      return
    case "F16":
      decodeFloat16(aligned(bytes), out, start)
      return
    case "BF16":
      decodeBfloat16(aligned(bytes), out, start)
      return
    default: {
      const { elements, bytes: size } = tensorLayouts[type]
      const decode = blockDecoders[type]
      const blocks = bytes.length / size
      for (let block = 0; block < blocks; block++) decode(bytes, block * size, out, start + block * elements)
    }
  }
}

/** A copy: the bytes may start anywhere in their buffer. */
function aligned(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(new Uint8Array(bytes).buffer)
}
