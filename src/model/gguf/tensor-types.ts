/**
 * The element types of GGUF tensors that are computed here. Quantised types store blocks of a fixed number of elements.
 * Source: GGML_QUANT_SIZES of the `gguf` package of llama.cpp.
 */
import { GGMLQuantizationType } from "@huggingface/gguf"

export type TensorType =
  | "F32"
  | "F16"
  | "BF16"
  | "Q8_0"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q2_K"
  | "Q3_K"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K"

export interface TensorLayout {
  /** Number of the type in the file. */
  readonly id: number
  /** Elements of a block. */
  readonly elements: number
  readonly bytes: number
}

export const tensorLayouts: Readonly<Record<TensorType, TensorLayout>> = {
  F32: { id: 0, elements: 1, bytes: 4 },
  F16: { id: 1, elements: 1, bytes: 2 },
  BF16: { id: 30, elements: 1, bytes: 2 },
  Q8_0: { id: 8, elements: 32, bytes: 34 },
  Q4_0: { id: 2, elements: 32, bytes: 18 },
  Q4_1: { id: 3, elements: 32, bytes: 20 },
  Q5_0: { id: 6, elements: 32, bytes: 22 },
  Q5_1: { id: 7, elements: 32, bytes: 24 },
  Q2_K: { id: 10, elements: 256, bytes: 84 },
  Q3_K: { id: 11, elements: 256, bytes: 110 },
  Q4_K: { id: 12, elements: 256, bytes: 144 },
  Q5_K: { id: 13, elements: 256, bytes: 176 },
  Q6_K: { id: 14, elements: 256, bytes: 210 },
}

const typesById: ReadonlyMap<number, TensorType> = new Map(
  tensorTypeNames().map((type) => [tensorLayouts[type].id, type]),
)

/** Every type that is read. */
export function tensorTypeNames(): TensorType[] {
  return Object.keys(tensorLayouts).filter((name): name is TensorType => name in tensorLayouts)
}

/** The type of a number in a file; undefined when it is not read here. */
export function tensorTypeOf(id: number): TensorType | undefined {
  return typesById.get(id)
}

/** A type as it is called in messages, also one that is not read here. */
export function describeTensorType(id: number): string {
  return typesById.get(id) ?? GGMLQuantizationType[id] ?? `type ${id}`
}
