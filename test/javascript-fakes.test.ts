/** Wrong JavaScript that tries to pass its tests: every one is incorrect, and none is masked as a failure. */
import { expect, test } from "vitest"
import { createVerifier, VerifierPool } from "../src/index.ts"
import type { Verdict } from "../src/index.ts"

const pool = new VerifierPool({ workers: 2, timeoutMs: 120_000 })
const verifier = createVerifier({ name: "code-javascript", seconds: 1 })

/** Each kind of test asks for x + 1 or for [x, x + 1]. */
const golds: Readonly<Record<string, string>> = {
  calls: '{"fn_name": "f", "inputs": [[1], [2]], "outputs": [2, 3]}',
  lists: '{"fn_name": "f", "inputs": [[1], [2]], "outputs": [[1, 2], [2, 3]]}',
  asserts: JSON.stringify(["assert(f(1) === 2)", "assert.strictEqual(f(2), 3)"]),
  deep: JSON.stringify(["assert.deepStrictEqual(f(1), [1, 2])", "assert.deepEqual(f(2), [2, 3])"]),
  methods: JSON.stringify(["const r = f(1); assert(r.length === 2 && r.every((y, i) => y === 1 + i))"]),
  json: JSON.stringify(['assert(JSON.stringify(f(1)) === "[1,2]")']),
  check: JSON.stringify({ test: "const check = (g) => { if (g(1) !== 2) throw new Error('no') }", entry_point: "f" }),
  later: JSON.stringify(["(async () => { assert((await f(1)) === 2) })()"]),
  awaited: JSON.stringify(["assert((await f(1)) === 2)"]),
  callback: JSON.stringify(["let n = 0; f((y) => { n++; assert(y === 2) }); assert(n === 1)"]),
  thrown: JSON.stringify(["assert.throws(() => f(-1), RangeError)"]),
  range: JSON.stringify(["const r = f(1); assert(r > 1.5 && r < 2.5)"]),
  instance: JSON.stringify(["const c = new C(); c.add(1); assert(c.size() === 1)"]),
  program: '{"inputs": ["1", "2"], "outputs": ["2", "3"]}',
}

const fakes: readonly (readonly [name: string, gold: string, source: string])[] = [
  [
    "patches Object.is, JSON and Array",
    "calls",
    "Object.is = Array.isArray = () => true; JSON.parse = () => 2; f = () => 5",
  ],
  ["returns infinity, which is within any share of itself", "calls", "f = () => Infinity"],
  ["returns what is no number", "calls", "f = () => NaN"],
  ["returns an object with valueOf", "calls", "f = () => ({ valueOf: () => 2, toString: () => '2' })"],
  ["returns an object with toJSON that prints a verdict", "calls", "f = () => ({ toJSON: () => 'null' })"],
  [
    "gives every object a toJSON",
    "lists",
    "Object.prototype.toJSON = () => ({ '@': 'same', index: 0 }); f = () => [9]",
  ],
  ["returns a proxy that equals everything", "lists", "f = () => new Proxy([], { get: () => () => true })"],
  ["returns a list of any length", "lists", "f = () => new Proxy([], { get: (_t, k) => (k === 'length' ? 2 : 1) })"],
  ["throws the words of a pass", "calls", "f = () => { throw 'null' }"],
  ["throws an object without words", "calls", "f = () => { throw Object.create(null) }"],
  ["throws null", "asserts", "f = () => { throw null }"],
  ["throws an error whose message throws", "asserts", "f = () => { throw { get message() { throw 1 } } }"],
  [
    "prints the words of the verdict",
    "calls",
    "console.log('2 of 2 tests pass'); f = () => { console.log('null'); return 'null' }",
  ],
  [
    "looks for expected values",
    "calls",
    "f = (...a) => Object.keys(globalThis).map((k) => globalThis[k]).find(Number.isFinite) ?? a",
  ],
  [
    "looks for expected values in the stack",
    "calls",
    "f = () => Number(/\\d+/.exec(new Error().stack)?.[0] ?? 7) + 0.5",
  ],
  ["returns the list of all guesses", "calls", "f = () => [2, 3, 4]"],
  ["replaces assert", "asserts", "globalThis.assert = () => {}; assert.strictEqual = () => {}; f = () => 0"],
  [
    "declares an assert of its own",
    "asserts",
    "const assert = Object.assign(() => {}, { strictEqual() {} }); f = () => 0",
  ],
  ["replaces the modules", "asserts", "globalThis.require = () => () => {}; console.assert = () => {}; f = () => 0"],
  ["replaces globalThis", "asserts", "globalThis.globalThis = new Proxy({}, { get: () => () => true }); f = () => 0"],
  ["replaces eval, which finds the function", "asserts", "globalThis.eval = () => () => 2; f = () => 0"],
  ["patches every", "methods", "Array.prototype.every = () => true; f = () => [7, 7]"],
  ["patches every when it is called", "methods", "f = () => { Array.prototype.every = () => true; return [7, 7] }"],
  ["returns a list with an every of its own", "methods", "f = () => Object.assign([7, 7], { every: () => true })"],
  [
    "returns a class with an every that says no",
    "methods",
    "class L { length = 3; every() { return true } }; f = () => new L()",
  ],
  ["patches stringify", "json", "JSON.stringify = () => '[1,2]'; f = () => [7]"],
  ["gives its result a toJSON", "json", "f = () => ({ toJSON: () => [1, 3] })"],
  ["freezes assert", "deep", "Object.freeze(assert); Object.prototype.deepEqual = () => {}; f = () => []"],
  [
    "hands out eval as its result",
    "asserts",
    "Object.prototype.toJSON = () => ({ '@': 'builtin', path: 'globalThis.eval' }); f = () => ({})",
  ],
  [
    "forges what it sends back",
    "deep",
    "Object.prototype.toJSON = () => ({ value: { '@': 'same', index: 1 }, back: [[1, 2]] }); f = () => 0",
  ],
  ["catches the test's error", "check", "f = () => 7; globalThis.Error = function () {}"],
  [
    "replaces check before it is defined",
    "check",
    "Object.defineProperty(globalThis, 'check', { value() {}, writable: false }); f = () => 0",
  ],
  ["never settles its promise", "later", "f = () => new Promise(() => {})"],
  ["returns a thenable that never answers", "later", "f = () => ({ then() {} })"],
  ["patches then", "later", "Promise.prototype.then = function () { return this }; f = async () => 7"],
  ["never settles what is awaited", "awaited", "f = () => new Promise(() => {})"],
  ["rejects what is awaited", "awaited", "f = () => Promise.reject()"],
  ["swallows an assertion of a callback", "callback", "f = (g) => { try { g(7) } catch {} }"],
  ["swallows it in a promise", "callback", "f = (g) => { Promise.resolve(7).then(g).catch(() => {}) }"],
  ["reaches for the tests through a callback", "callback", "f = (g) => { g.constructor('assert = () => {}')(); g(7) }"],
  ["sets members of a callback", "callback", "f = (g) => { g.call = g.apply = () => {}; g.__proto__ = null; g(7) }"],
  [
    "throws an error with the name of another",
    "thrown",
    "f = () => { const e = new TypeError(); e.message = 'RangeError'; throw e }",
  ],
  [
    "is another number whenever it is asked",
    "range",
    "let n = 9; class N { valueOf() { return (n = n === 9 ? 0 : 9) } }; f = () => new N()",
  ],
  [
    "is a number by Symbol.toPrimitive",
    "range",
    "let n = 9; class N { [Symbol.toPrimitive]() { return (n = 9 - n) } }; f = () => new N()",
  ],
  [
    "answers every method",
    "instance",
    "C = new Proxy(class {}, { construct: () => new Proxy({}, { get: () => () => ({}) }) })",
  ],
  ["prints what its test expects to see in the verdict", "program", "console.log('2 of 2 tests pass')"],
  ["prints the answers to all inputs", "program", "console.log('2\\n3')"],
  ["prints nothing and throws the output", "program", "throw '2'"],
  ["patches readline", "program", "globalThis.readline = () => '2'; console.log('correct', readline())"],
  ["hides a wrong output behind a zero character", "program", "console.log('2\\0wrong'); console.log('3')"],
]

/** Inherent in tests that look: an object with state may answer as it likes, as often as it is asked. */
const allowed: readonly (readonly [name: string, gold: string, source: string])[] = [
  [
    "an object that counts how often it is asked",
    JSON.stringify(["const o = f(); assert(o.x === 1 && o.x === 2)"]),
    "let n = 0; class O { get x() { return ++n } }; f = () => new O()",
  ],
  [
    "an argument that the test compares with afterwards",
    JSON.stringify(["const a = [1]; f(a); assert(a[0] === 2)"]),
    "f = (a) => { a[0] = 2 }",
  ],
  ["the right answer by a guess", JSON.stringify(["assert(f(1))"]), "f = () => true"],
]

async function judge(gold: string, source: string): Promise<Verdict> {
  return pool.verify(verifier, { gold, completion: `\`\`\`js\nvar f\nvar C\n${source}\n\`\`\`` })
}

test("the corpus holds at least 10 fakes, of every kind of test", () => {
  expect(fakes.length).toBeGreaterThanOrEqual(10)
  expect(new Set(fakes.map(([, kind]) => kind))).toEqual(new Set(Object.keys(golds)))
})

test.each(fakes)("JavaScript that %s is incorrect (%s)", async (_name, kind, source) => {
  const verdict = await judge(golds[kind]!, source)
  expect(verdict, verdict.reason).toMatchObject({ status: "incorrect", reward: 0 })
})

test.each([
  ["calls", "f = (x) => x + 1"],
  ["lists", "f = (x) => new Set([x, x + 1])"],
  ["asserts", "f = (x) => x + 1"],
  ["deep", "f = (x) => [x, x + 1]"],
  ["methods", "f = (x) => [x, x + 1]"],
  ["json", "f = (x) => [x, x + 1]"],
  ["check", "f = (x) => x + 1"],
  ["later", "f = async (x) => x + 1"],
  ["awaited", "f = async (x) => x + 1"],
  ["callback", "f = (g) => g(2)"],
  ["thrown", "f = () => { throw new RangeError('negative') }"],
  ["range", "f = (x) => x + 1"],
  ["instance", "C = class { #n = 0; add() { this.#n++ } size() { return this.#n } }"],
  ["program", "console.log(Number(readline()) + 1)"],
] as const)("right JavaScript passes tests of the kind %s", async (kind, source) => {
  const verdict = await judge(golds[kind]!, source)
  expect(verdict, verdict.reason).toMatchObject({ status: "correct", reward: 1 })
})

test.each(allowed)("tests that look cannot tell %s", async (_name, gold, source) => {
  const verdict = await judge(gold, source)
  expect(verdict, verdict.reason).toMatchObject({ status: "correct" })
})
