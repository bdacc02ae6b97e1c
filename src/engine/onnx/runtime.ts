/** Sessions of onnxruntime for the compiled programs, with the weights fed in place. Lives in the worker. */
import * as ort from "onnxruntime-node"
import { EngineError } from "../../errors.ts"
import type { Weights } from "../../model/weights.ts"
import type { Program } from "./programs.ts"

export type Feeds = Record<string, ort.Tensor>
export type Results = Readonly<Record<string, Float32Array>>

export function floats(data: Float32Array, shape: readonly number[]): ort.Tensor {
  return new ort.Tensor("float32", data, [...shape])
}

export function integers(data: BigInt64Array, shape: readonly number[]): ort.Tensor {
  return new ort.Tensor("int64", data, [...shape])
}

export class Runtime {
  readonly #sessions = new Map<string, { readonly program: Program; readonly session: ort.InferenceSession }>()
  readonly #weightTensors = new WeakMap<Float32Array, ort.Tensor>()
  readonly #shapes: ReadonlyMap<string, readonly number[]>
  readonly #threads: number

  /** @param shapes shape of every parameter, by name */
  constructor(shapes: ReadonlyMap<string, readonly number[]>, threads: number) {
    this.#shapes = shapes
    this.#threads = threads
  }

  async add(program: Program): Promise<void> {
    if (this.#sessions.has(program.key)) return
    const session = await ort.InferenceSession.create(program.model, {
      intraOpNumThreads: this.#threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      // Half the peak memory at no cost in speed.
      enableMemPattern: false,
      // The arena of a session keeps its own peak for as long as the session lives: sampling and training would add up.
      enableCpuMemArena: false,
      // Threads wait for the next operator spinning, but briefly: on a machine that is shared, spinning without end made a
      // training step take twice as long; without any it is a tenth slower on an idle one.
      extra: { session: { intra_op: { spin_duration_us: "50" } } },
      logSeverityLevel: 3,
    })
    this.#sessions.set(program.key, { program, session })
  }

  /** Runs a program; weights are taken from `weights`, the rest from `feeds`. */
  async run(key: string, weights: Weights, feeds: Feeds): Promise<Results> {
    const entry = this.#sessions.get(key)
    if (entry === undefined) throw new EngineError(`onnx engine: expected the program ${key} to be compiled, got none. Add it first.`)
    const all: Feeds = {}
    for (const name of entry.program.inputs) all[name] = feeds[name] ?? this.#weight(name, weights)
    const results = await entry.session.run(all)
    const data: Record<string, Float32Array> = {}
    for (const name of entry.program.outputs) data[name] = results[name]!.data as Float32Array
    return data
  }

  #weight(name: string, weights: Weights): ort.Tensor {
    const values = weights.get(name)
    const shape = this.#shapes.get(name)
    if (values === undefined || shape === undefined) {
      throw new EngineError(`onnx engine: expected a value for input ${name}, got none. This is a bug in the program's builder.`)
    }
    let tensor = this.#weightTensors.get(values)
    if (tensor === undefined) {
      tensor = floats(values, shape)
      this.#weightTensors.set(values, tensor)
    }
    return tensor
  }

  async close(): Promise<void> {
    for (const { session } of this.#sessions.values()) await session.release()
    this.#sessions.clear()
  }
}
