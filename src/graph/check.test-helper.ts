/** Helpers of the op tests: finite differences in float64, and the same graph on onnxruntime. */
import * as ort from "onnxruntime-node"
import { evaluate, type Feeds } from "./evaluate.ts"
import { gradients } from "./gradients.ts"
import { inputName } from "./ops/leaf.ts"
import { emitOnnx } from "./onnx/emit.ts"
import { input, mul, sum, type Tensor, type Value } from "./index.ts"
import { topologicalOrder } from "./tensor.ts"

export function inputsOf(outputs: readonly Tensor[]): Tensor[] {
  return topologicalOrder(outputs).filter((tensor) => inputName(tensor) !== undefined)
}

export async function runOnnx(outputs: Readonly<Record<string, Tensor>>, feeds: Feeds): Promise<Record<string, Float32Array>> {
  const session = await ort.InferenceSession.create(emitOnnx(outputs), { intraOpNumThreads: 1, logSeverityLevel: 3 })
  const ortFeeds: Record<string, ort.Tensor> = {}
  for (const tensor of inputsOf(Object.values(outputs))) {
    const name = inputName(tensor)!
    const value = feeds[name]!
    ortFeeds[name] =
      tensor.dtype === "i64"
        ? new ort.Tensor("int64", BigInt64Array.from(value.data, (x) => BigInt(x)), [...value.shape])
        : new ort.Tensor("float32", Float32Array.from(value.data), [...value.shape])
  }
  const results = await session.run(ortFeeds)
  const out: Record<string, Float32Array> = {}
  for (const name of Object.keys(outputs)) out[name] = results[name]!.data as Float32Array
  await session.release()
  return out
}

/** Largest difference, relative to the largest magnitude (or to 1 for small arrays). */
export function worstRelative(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) return Infinity
  let [worst, scale] = [0, 1e-3]
  for (let i = 0; i < got.length; i++) {
    worst = Math.max(worst, Number.isNaN(got[i]!) ? Infinity : Math.abs(got[i]! - expected[i]!))
    scale = Math.max(scale, Math.abs(expected[i]!))
  }
  return worst / scale
}

/**
 * Checks an expression three ways with random output weights: its gradient against central differences in float64, and value
 * and gradients on onnxruntime against the interpreter.
 * @returns the worst relative errors
 */
export async function checkOp(output: Tensor, feeds: Record<string, Value>): Promise<{ finiteDifference: number; runtime: number }> {
  const [plain] = evaluate([output], feeds)
  const weightData = plain!.data.map((_, i) => Math.sin(1.7 * i + 0.3))
  const weighted = input("check.weights", output.shape)
  const loss = sum(mul(output, weighted))
  const allFeeds: Feeds = { ...feeds, "check.weights": { shape: plain!.shape, data: weightData } }
  const wrt = inputsOf([output]).filter((tensor) => tensor.dtype === "f32")
  const derivatives = gradients(loss, wrt)
  // The loss comes along so that every symbol can be read off an input.
  const analytic = evaluate([loss, ...derivatives], allFeeds).slice(1)

  let finiteDifference = 0
  wrt.forEach((tensor, k) => {
    const name = inputName(tensor)!
    const value = allFeeds[name]!
    const numeric = value.data.map((x, i) => {
      const step = 1e-5
      const at = (shift: number): number => {
        const data = Float64Array.from(value.data)
        data[i] = x + shift
        return evaluate([loss], { ...allFeeds, [name]: { shape: value.shape, data } })[0]!.data[0]!
      }
      return (at(-2 * step) - 8 * at(-step) + 8 * at(step) - at(2 * step)) / (12 * step)
    })
    finiteDifference = Math.max(finiteDifference, worstRelative(analytic[k]!.data, numeric))
  })

  const outputs: Record<string, Tensor> = { "check.output": output }
  derivatives.forEach((tensor, k) => {
    outputs[`check.gradient${k}`] = tensor
  })
  const onnx = await runOnnx(outputs, allFeeds)
  let runtime = worstRelative(onnx["check.output"]!, plain!.data)
  analytic.forEach((value, k) => {
    runtime = Math.max(runtime, worstRelative(onnx[`check.gradient${k}`]!, value.data))
  })
  return { finiteDifference, runtime }
}
