/**
 * Runs a chat template within limits. A template is a program that a stranger wrote, and it may behave on one
 * conversation and loop on the next, so the limits hold for every rendering: steps, and the size of every value.
 * They count work and not time, so that the same template on the same messages always ends the same way.
 */
import { Environment, Interpreter } from "@huggingface/jinja"
import { DataError } from "../errors.ts"

/** A node of a parsed template. */
interface Statement {
  readonly type: string
}

/** What an expression came to. */
interface Value {
  readonly type: string
  readonly value: unknown
}

/** Variables, by name. */
interface Scope {
  set(name: string, value: unknown): unknown
}

/** The interpreter as the library has it; its own types do not resolve. */
interface BaseInterpreter {
  evaluate(statement: Statement | undefined, scope: Scope): Value
  run(program: Statement): Value
}

const Base = Interpreter as unknown as new (scope: Scope) => BaseInterpreter

/** Steps of one rendering, beyond one for each character of it. Known templates take some 100 for a message. */
export const maximumSteps: number = 1_000_000
/**
 * Size of a value, beyond four times that of what is rendered: characters of texts and items of lists, in all depths.
 */
export const maximumValueSize: number = 4_000_000
/** Items of `range`. */
export const maximumRange: number = 100_000
/** Product of the sizes that a filter or method joins: the most characters that `replace` may write. */
const MAXIMUM_PRODUCT = 2 ** 28

/** Characters that the engine copies in the time of a step. */
const COPIED_PER_STEP = 256
/** Characters that it compares. The search for a text in a text may take the product of their lengths. */
const COMPARED_PER_STEP = 1024
/** A loop makes an object with nine members of each item. */
const STEPS_PER_ITEM = 4
/** The members of a list are looked at when it is made. */
const STEPS_PER_MEMBER = 1
/** Looking up what is not there throws an error inside of the library; so do break and continue. */
const STEPS_PER_THROW = 20

/** What the parts of an expression came to so far. */
interface Operands {
  readonly statement: Statement
  count: number
  /** Size of the first, and the number of its items where it is a list. */
  first: number
  items: number
  /** Size of the others together. */
  others: number
}

/** A template went beyond a limit. */
class BeyondLimit extends DataError {
  override readonly name: string = "BeyondLimit"
}

class BoundedInterpreter extends Base {
  readonly #largest: number
  readonly #mostSteps: number
  #steps = 0
  #operands: Operands | undefined
  /** Sizes of values that cannot change. */
  readonly #sizes = new WeakMap<object, number>()
  /** Sizes of the texts and objects whose methods these are. */
  readonly #owners = new WeakMap<object, number>()

  /** @param inputSize  of what is rendered */
  constructor(scope: Scope, inputSize: number) {
    super(scope)
    this.#largest = maximumValueSize + 4 * inputSize
    this.#mostSteps = maximumSteps + inputSize
  }

  override evaluate(statement: Statement | undefined, scope: Scope): Value {
    if (statement === undefined) return super.evaluate(statement, scope)
    const outer = this.#operands
    const own: Operands = { statement, count: 0, first: 0, items: 0, others: 0 }
    this.#operands = own
    this.#spend(statement.type === "Break" || statement.type === "Continue" ? STEPS_PER_THROW : 1)
    let value: Value
    try {
      value = super.evaluate(statement, scope)
    } finally {
      this.#operands = outer
    }
    const { type } = value
    if (type === "UndefinedValue" && statement.type === "Identifier") this.#spend(STEPS_PER_THROW)
    if (type === "FunctionValue" && statement.type === "MemberExpression") this.#owners.set(value, own.first)
    if (outer !== undefined) this.#take(outer, value, this.#sizeOf(value))
    else this.#sizeOf(value)
    return value
  }

  #spend(steps: number): void {
    this.#steps += steps
    if (this.#steps <= this.#mostSteps) return
    throw new BeyondLimit(`expected at most ${this.#mostSteps} steps, got more`)
  }

  /** Pays for what an expression is about to do with one more of its parts. */
  #take(operands: Operands, value: Value, size: number): void {
    const { statement } = operands
    const items = value.type === "ArrayValue" || value.type === "TupleValue" ? (value.value as Value[]).length : 0
    const isFirst = operands.count++ === 0
    switch (statement.type) {
      case "For":
        if (isFirst) this.#spend(items * STEPS_PER_ITEM)
        break
      case "FilterExpression":
        this.#takeOperand(operands, value, size, isFirst, items)
        break
      case "FilterStatement":
        this.#takeBlock(operands, size)
        break
      case "CallExpression":
        // The function comes last.
        if (value.type === "FunctionValue") this.#join(this.#owners.get(value) ?? 0, operands.first + operands.others)
        else if (isFirst) operands.first = size
        else operands.others += size
        break
      case "MemberExpression":
        if (isFirst) {
          operands.first = size
          const { property } = statement as unknown as { readonly property: Statement }
          if (property.type === "SliceExpression") this.#spend((items > 0 ? items : size) / 8)
        }
        break
      case "BinaryExpression":
        this.#takeBinary(operands, value, size, isFirst, items)
        break
      default:
    }
  }

  /** The parts of a filter block are its statements, and then what its filter is given. */
  #takeBlock(operands: Operands, size: number): void {
    const { filter } = operands.statement as unknown as { readonly filter: FilterNode }
    if (filter.callee === undefined) this.#spend(size / COPIED_PER_STEP)
    else this.#join(operands.first, size)
    operands.first += size
  }

  #takeOperand(operands: Operands, value: Value, size: number, isFirst: boolean, items: number): void {
    if (isFirst) {
      operands.first = size
      const { filter } = operands.statement as unknown as { readonly filter: FilterNode }
      const name = filter.value ?? filter.callee?.value ?? ""
      // What looks at the members of a list does not look into them.
      const shallow = items > 0 && !DEEP_FILTERS.has(name)
      this.#spend(shallow ? items / 8 : size / COPIED_PER_STEP)
    } else {
      // Indentations are numbers of characters.
      const width = value.type === "IntegerValue" ? Math.abs(Number(value.value)) : size
      this.#join(operands.first, width)
    }
  }

  #takeBinary(operands: Operands, value: Value, size: number, isFirst: boolean, items: number): void {
    const { operator } = operands.statement as unknown as { readonly operator: { readonly value: string } }
    if (operator.value === "and" || operator.value === "or") return
    const isText = value.type === "StringValue"
    this.#spend((isText ? size / COMPARED_PER_STEP : items) / 8)
    if (isFirst) operands.first = isText ? size : 0
    else if (isText && (operator.value === "in" || operator.value === "not in")) {
      this.#spend((operands.first * size) / COMPARED_PER_STEP)
    }
  }

  /** What two sizes may come to when one is searched for, or put, at every place of the other. */
  #join(size: number, width: number): void {
    const product = size * Math.max(1, width)
    if (product > MAXIMUM_PRODUCT) {
      throw new BeyondLimit(`expected texts that come to at most ${MAXIMUM_PRODUCT} characters, got more`)
    }
    this.#spend(product / COPIED_PER_STEP)
  }

  #sizeOf(value: Value): number {
    const size = this.#measure(value, 0)
    if (size <= this.#largest) return size
    throw new BeyondLimit(`expected values of at most ${this.#largest} characters and items, got a larger one`)
  }

  /** Characters and items of a value, as if all were written out; no further than the largest that there may be. */
  #measure(value: Value, before: number): number {
    if (value.type === "StringValue") return (value.value as string).length + 1
    const content: unknown = value.value
    if (typeof content !== "object" || content === null) return 1
    const known = this.#sizes.get(value)
    if (known !== undefined) return known
    let size = 1
    for (const member of membersOf(content)) {
      this.#spend(STEPS_PER_MEMBER)
      size += this.#measure(member, before + size)
      if (before + size > this.#largest) return size
    }
    // Namespaces change, and so does what holds one.
    if (!this.#changes(value)) this.#sizes.set(value, size)
    return size
  }

  #changes(value: Value): boolean {
    if (value.type === "NamespaceValue") return true
    const content: unknown = value.value
    if (typeof content !== "object" || content === null) return false
    for (const member of membersOf(content)) {
      if (member.type === "NamespaceValue") return true
      const nested: unknown = member.value
      if (typeof nested === "object" && nested !== null && !this.#sizes.has(member)) return true
    }
    return false
  }
}

/** The filter of an expression: a name, or a call. */
interface FilterNode {
  readonly value?: string
  readonly callee?: { readonly value?: string }
}

/** Filters that write or compare all that a list holds. */
const DEEP_FILTERS: ReadonlySet<string> = new Set(["tojson", "join", "string", "sort", "unique"])

function membersOf(content: object): Iterable<Value> {
  if (content instanceof Map) return content.values() as Iterable<Value>
  return Array.isArray(content) ? (content as Value[]) : []
}

/** Python's `range`, of no more items than there may be. */
function boundedRange(first: unknown, second?: unknown, third?: unknown): number[] {
  const [from, to] = second === undefined ? [0, Number(first)] : [Number(first), Number(second)]
  const step = third === undefined ? 1 : Number(third)
  if (step === 0) throw new Error("range() step must not be zero")
  const count = Math.ceil((to - from) / step)
  if (count > maximumRange) throw new BeyondLimit(`expected a range of at most ${maximumRange} items, got ${count}`)
  return Array.from({ length: Math.max(0, Number.isNaN(count) ? 0 : count) }, (_, i) => from + i * step)
}

function raise(message: unknown): never {
  throw new Error(String(message))
}

/** Characters of all texts in a value. */
function charactersOf(value: unknown): number {
  if (typeof value === "string") return value.length
  if (typeof value !== "object" || value === null) return 1
  return Object.values(value).reduce<number>((sum, member) => sum + charactersOf(member), 1)
}

/**
 * Renders a parsed template.
 * @param program    as `Template.parsed` is
 * @param variables  by name; they go before what is built in
 * @throws DataError  when it goes beyond a limit, with what was expected and what came
 * @throws Error      when the template refuses
 */
export function renderWithinBudget(program: Statement, variables: Readonly<Record<string, unknown>>): string {
  const scope = new Environment() as Scope
  const builtIn = { false: false, true: true, none: null, False: false, True: true, None: null }
  const functions = { range: boundedRange, raise_exception: raise }
  for (const [name, value] of Object.entries({ ...builtIn, ...functions, ...variables })) scope.set(name, value)
  return String(new BoundedInterpreter(scope, charactersOf(variables)).run(program).value)
}
