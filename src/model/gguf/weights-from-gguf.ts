/** A model's parameters out of the tensors of a GGUF file. */
import type { ModelConfig } from "../config.ts"
import type { Weights } from "../weights.ts"
import { parameterSpecs } from "../weights.ts"
import { familyOf } from "./config-from-gguf.ts"
import { unreadable } from "./errors.ts"
import type { GgufFile } from "./reader.ts"
import { readGgufTensors } from "./reader.ts"
import { describeTensorType, tensorTypeNames, tensorTypeOf } from "./tensor-types.ts"
import { ggufTensorName } from "./tensor-names.ts"

/** Listed in full up to here; a model of another architecture differs in hundreds of tensors. */
const listedProblems = 40

/** Parameter names by the tensor that holds them. */
export type GgufPlan = ReadonlyMap<string, string>

/**
 * Finds every parameter of the model in the file and checks it by name, type and shape.
 * @throws CheckpointError  listing all that is missing, unexpected, of a wrong shape or a type that is not read
 */
export function planGgufWeights(file: GgufFile, config: ModelConfig): GgufPlan {
  const left = new Map(file.tensors)
  const { outputNorms } = familyOf(file)
  const plan = new Map<string, string>()
  const problems: string[] = []
  for (const { name, shape } of parameterSpecs(config)) {
    const stored = ggufTensorName(name, outputNorms) ?? name
    const tensor = left.get(stored)
    left.delete(stored)
    const expected = `[${shape.join(", ")}]`
    if (tensor === undefined) {
      problems.push(`missing: ${stored} ${expected}`)
    } else if (tensor.shape.join() !== shape.join()) {
      problems.push(`wrong shape: ${stored}: expected ${expected}, got [${tensor.shape.join(", ")}]`)
    } else if (tensorTypeOf(tensor.typeId) === undefined) {
      problems.push(`quantisation: ${stored} is ${describeTensorType(tensor.typeId)}`)
    } else {
      plan.set(stored, name)
    }
  }
  left.delete("rope_freqs.weight")
  for (const [name, { shape }] of left) problems.push(`unexpected: ${name} [${shape.join(", ")}]`)
  if (problems.length > 0) {
    const more = problems.length > listedProblems ? [`and ${problems.length - listedProblems} more`] : []
    const list = [...problems.slice(0, listedProblems), ...more].map((problem) => `\n  ${problem}`).join("")
    const known = `in ${tensorTypeNames().join(", ")}`
    const expected = `the ${config.architecture} parameters that its metadata describes, ${known}`
    const remedy = "Use a file in one of these quantisations, e.g. Q8_0, of a model of this architecture."
    throw unreadable(file.path, expected, `${problems.length} that differ:${list}`, `\n${remedy}`)
  }
  return plan
}

/** Reads every parameter into float32, laid out as Hugging Face has it. */
export async function readGgufWeights(file: GgufFile, config: ModelConfig, plan: GgufPlan): Promise<Weights> {
  const { interleavedRotary, normOffset = 0 } = familyOf(file)
  const weights: Weights = new Map()
  for (const [stored, values] of await readGgufTensors(file, plan.keys())) {
    const name = plan.get(stored)!
    const heads = name.includes(".q_proj.") ? config.heads : name.includes(".k_proj.") ? config.keyValueHeads : 0
    if (name.endsWith("norm.weight")) values.forEach((value, i) => (values[i] = value - normOffset))
    const interleaved = interleavedRotary === true && heads > 0
    weights.set(name, interleaved ? splitHalves(values, heads, config.headDim) : values)
  }
  return weights
}

/**
 * Rows of each head from the interleaved order, in which rows 2i and 2i + 1 turn together, to that of two halves, in
 * which i and i + headDim / 2 do. The inverse of `permute` of LlamaModel in llama.cpp's converter.
 * @param values  [heads x headDim, width], or the biases [heads x headDim]
 */
export function splitHalves(values: Float32Array, heads: number, headDim: number): Float32Array {
  const width = values.length / (heads * headDim)
  const out = new Float32Array(values.length)
  for (let row = 0; row < heads * headDim; row++) {
    const inHead = row % headDim
    const target = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2)
    out.set(values.subarray(row * width, (row + 1) * width), target * width)
  }
  return out
}
