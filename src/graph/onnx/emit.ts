/**
 * Compiles expressions to an ONNX model (opset 21 plus com.microsoft). Weights are inputs like any other, so that sampler
 * and trainer share one copy and the two-gigabyte limit of protocol buffers is never met; for other programs they can be
 * made part of the model.
 */
import { ShapeError } from "../../errors.ts"
import { dimToString, shapeToString, type Dim, type Shape } from "../dim.ts"
import { inputName } from "../ops/leaf.ts"
import { topologicalOrder, type Tensor } from "../tensor.ts"
import type { EmitContext, NodeOptions, OnnxAttribute } from "./emit-context.ts"
import { ProtobufWriter } from "./protobuf.ts"

const ONNX_IR_VERSION = 10
const ONNX_OPSET = 21
const FLOAT = 1
const INT64 = 7
const INT8 = 3
const TYPES = { f32: FLOAT, i64: INT64, i8: INT8 } as const
const EXTERNAL = 1

/** Attribute types of the ONNX schema. */
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const

function attribute(name: string, value: OnnxAttribute): ProtobufWriter {
  const writer = new ProtobufWriter().string(1, name)
  if (typeof value === "number" || typeof value === "bigint") return writer.integer(3, value).integer(20, ATTRIBUTE.int)
  if (typeof value === "string") return writer.string(4, value).integer(20, ATTRIBUTE.string)
  if ("float" in value) return writer.float(2, value.float).integer(20, ATTRIBUTE.float)
  for (const entry of value) writer.integer(8, entry)
  return writer.integer(20, ATTRIBUTE.ints)
}

function tensorProto(name: string, type: number, shape: readonly number[], data: Uint8Array): ProtobufWriter {
  const writer = new ProtobufWriter()
  for (const size of shape) writer.integer(1, size)
  return writer.integer(2, type).string(8, name).bytes(9, data)
}

/** The value of an input that becomes part of the model: float32, in the model's file or in one beside it. */
export type Initializer = { readonly shape: readonly number[] } & (
  | { readonly values: Float32Array }
  | { readonly file: string; readonly offset: number; readonly bytes: number }
)

function initializerProto(name: string, initializer: Initializer): ProtobufWriter {
  if ("values" in initializer) {
    const { buffer, byteOffset, byteLength } = initializer.values
    return tensorProto(name, FLOAT, initializer.shape, new Uint8Array(buffer, byteOffset, byteLength))
  }
  const writer = new ProtobufWriter()
  for (const size of initializer.shape) writer.integer(1, size)
  writer.integer(2, FLOAT).string(8, name)
  const entries = { location: initializer.file, offset: String(initializer.offset), length: String(initializer.bytes) }
  for (const [key, value] of Object.entries(entries)) writer.message(13, new ProtobufWriter().string(1, key).string(2, value))
  return writer.integer(14, EXTERNAL)
}

function valueInfo(name: string, tensor: Tensor): ProtobufWriter {
  const shape = new ProtobufWriter()
  for (const dim of tensor.shape) {
    shape.message(1, typeof dim === "number" ? new ProtobufWriter().integer(1, dim) : new ProtobufWriter().string(2, dimToString(dim)))
  }
  const type = new ProtobufWriter().integer(1, TYPES[tensor.dtype]).message(2, shape)
  return new ProtobufWriter().string(1, name).message(2, new ProtobufWriter().message(1, type))
}

class GraphWriter implements EmitContext {
  readonly graph: ProtobufWriter = new ProtobufWriter()
  readonly #shared = new Map<string, string>()
  readonly #symbolSource = new Map<string, { readonly name: string; readonly axis: number }>()
  #count = 0

  constructor(inputs: readonly Tensor[]) {
    for (const tensor of inputs) {
      tensor.shape.forEach((dim, axis) => {
        const symbol = dimToString(dim)
        if (typeof dim !== "number" && !/[*+]/.test(symbol) && !this.#symbolSource.has(symbol)) {
          this.#symbolSource.set(symbol, { name: inputName(tensor)!, axis })
        }
      })
    }
  }

  nodes(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}, options: NodeOptions = {}): string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => `%${this.#count++}`)
    const node = new ProtobufWriter()
    for (const name of inputs) node.string(1, name)
    for (const name of outputs) node.string(2, name)
    node.string(3, `${op}${outputs[0]}`).string(4, op)
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value))
    if (options.domain !== undefined) node.string(7, options.domain)
    this.graph.message(1, node)
    return outputs
  }

  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}, options: NodeOptions = {}): string {
    return this.nodes(op, inputs, attributes, options)[0]!
  }

  floats(data: readonly number[] | Float32Array, shape: readonly number[]): string {
    const bytes = new Uint8Array(Float32Array.from(data).buffer)
    return this.#constant(`f[${shape.join(",")}]${Buffer.from(bytes).toString("base64")}`, FLOAT, shape, bytes)
  }

  ints(data: readonly number[], shape: readonly number[] = [data.length]): string {
    const bytes = new Uint8Array(BigInt64Array.from(data, (x) => BigInt(x)).buffer)
    return this.#constant(`i[${shape.join(",")}]${data.join(",")}`, INT64, shape, bytes)
  }

  #constant(key: string, type: number, shape: readonly number[], bytes: Uint8Array): string {
    return this.shared(key, () => {
      const name = `%${this.#count++}`
      this.graph.message(5, tensorProto(name, type, shape, bytes))
      return name
    })
  }

  shape(shape: Shape): string {
    if (shape.every((dim) => typeof dim === "number")) return this.ints(shape)
    return this.shared(`shape${shapeToString(shape)}`, () => {
      const entries = shape.map((dim) => this.#dimVector(dim))
      return entries.length === 1 ? entries[0]! : this.node("Concat", entries, { axis: 0 })
    })
  }

  /** A dimension as an int64 vector of one entry, computed from the inputs' shapes. */
  #dimVector(dim: Dim): string {
    if (typeof dim === "number") return this.ints([dim])
    return this.shared(`dim:${dim.key}`, () => {
      const terms = dim.terms.map(([monomial, coefficient]) => {
        const factors = monomial.split("*").filter(Boolean).map((symbol) => this.#symbol(symbol))
        if (coefficient !== 1 || factors.length === 0) factors.push(this.ints([coefficient]))
        return factors.reduce((product, factor) => this.node("Mul", [product, factor]))
      })
      return terms.reduce((total, term) => this.node("Add", [total, term]))
    })
  }

  #symbol(symbol: string): string {
    const source = this.#symbolSource.get(symbol)
    if (source === undefined) {
      throw new ShapeError(`emitOnnx: expected an input with the dimension ${symbol}, got none. Add one, so that its size is known at run time.`)
    }
    return this.shared(`symbol:${symbol}`, () => this.node("Shape", [source.name], { start: source.axis, end: source.axis + 1 }))
  }

  shared(key: string, make: () => string): string {
    const known = this.#shared.get(key)
    if (known !== undefined) return known
    const made = make()
    this.#shared.set(key, made)
    return made
  }
}

/**
 * @param outputs  results by name; names must differ from those of the inputs
 * @param initializers  values of inputs that are no longer to be fed, by name
 * @returns an ONNX model whose inputs are the other ones that the outputs depend on
 * @throws ShapeError when two inputs share a name, or a symbol cannot be read off any input
 */
export function emitOnnx(outputs: Readonly<Record<string, Tensor>>, initializers: ReadonlyMap<string, Initializer> = new Map()): Uint8Array {
  const order = topologicalOrder(Object.values(outputs))
  const inputs = order.filter((tensor) => inputName(tensor) !== undefined)
  const byName = new Map<string, Tensor>()
  for (const tensor of inputs) {
    const name = inputName(tensor)!
    if (byName.has(name) || name in outputs) {
      throw new ShapeError(`emitOnnx: expected unique names, got ${name} twice. Make each input once and name outputs differently.`)
    }
    byName.set(name, tensor)
  }

  const writer = new GraphWriter(inputs)
  const names = new Map<Tensor, string>()
  for (const tensor of order) {
    names.set(tensor, tensor.op.emit(writer, tensor.inputs.map((input) => names.get(input)!), tensor))
  }
  const { graph } = writer
  graph.string(2, "pirl")
  for (const [name, tensor] of byName) {
    const initializer = initializers.get(name)
    if (initializer === undefined) graph.message(11, valueInfo(name, tensor))
    else graph.message(5, initializerProto(name, initializer))
  }
  for (const [name, tensor] of Object.entries(outputs)) {
    // An Identity gives the result its public name; the runtime removes it.
    const renamed = new ProtobufWriter().string(1, names.get(tensor)!).string(2, name).string(3, `output:${name}`).string(4, "Identity")
    graph.message(1, renamed)
    graph.message(12, valueInfo(name, tensor))
  }
  const opset = (domain: string, version: number): ProtobufWriter => new ProtobufWriter().string(1, domain).integer(2, version)
  return new ProtobufWriter()
    .integer(1, ONNX_IR_VERSION)
    .string(2, "pirl")
    .message(7, graph)
    .message(8, opset("", ONNX_OPSET))
    .message(8, opset("com.microsoft", 1))
    .finish()
}

/** Names of the inputs that the outputs depend on. */
export function inputNames(outputs: Readonly<Record<string, Tensor>>): string[] {
  return topologicalOrder(Object.values(outputs)).flatMap((tensor) => inputName(tensor) ?? [])
}
