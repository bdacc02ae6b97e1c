/** What JavaScript of a response tries on its interpreter. Every attempt is judged wrong, or is named as harmless. */
import { expect, test } from "vitest"
import { createVerifier, VerifierPool } from "../src/index.ts"
import type { Verdict } from "../src/index.ts"

const pool = new VerifierPool({ workers: 2, timeoutMs: 120_000 })
const verifier = createVerifier({ name: "code-javascript", seconds: 0.3, memoryMb: 16, outputCharacters: 2000 })
const gold = '{"fn_name": "f", "inputs": [[1], [2]], "outputs": [2, 3]}'

async function judge(source: string): Promise<Verdict> {
  return pool.verify(verifier, { gold, completion: `\`\`\`js\n${source}\nfunction f(x) { return x + 1 }\n\`\`\`` })
}

/** Each ends in the right function: without the attempt it would be correct. */
const attempts: Readonly<Record<string, readonly [source: string, reason: RegExp]>> = {
  // Time: loops that the interpreter notices, and native calls that it does not.
  "an endless loop": ["for (;;);", /ran longer/u],
  "an endless loop in a promise": ["Promise.resolve().then(() => { for (;;); })", /ran longer/u],
  "an endless loop that catches": ["for (;;) try { for (;;); } catch {}", /ran longer/u],
  "an endless loop in a getter of the result": ["f = () => ({ get a() { for (;;); } })", /./u],
  "awaiting without end": ["(async () => { for (;;) await null })()", /ran longer|memory/u],
  "an endless generator": ["[...(function* () { for (;;) yield 1 })()]", /ran longer|memory/u],
  "an endless iterator with flat memory": ["new Set((function* () { for (;;) yield 1 })())", /ran longer/u],
  "an expression that backtracks": ["/^(a+)+$/.test('a'.repeat(50) + 'b')", /ran longer/u],
  "indexOf without end": ["const a = new Array(1e6).fill(0); for (;;) a.indexOf(1)", /ran longer|memory/u],
  "indexOf of text": ["const a = 'a'.repeat(4e6); a.indexOf('a'.repeat(2e6) + 'b')", /ran longer/u],
  "lastIndexOf of text": ["const a = 'a'.repeat(4e6); a.lastIndexOf('a'.repeat(2e6) + 'b')", /ran longer/u],
  "split by text": ["('a'.repeat(4e6)).split('a'.repeat(2e6) + 'b')", /ran longer/u],
  "replaceAll of text": ["('a'.repeat(4e6)).replaceAll('a'.repeat(2e6) + 'b', '')", /ran longer/u],
  "includes of text": ["('a'.repeat(4e6)).includes('a'.repeat(2e6) + 'b')", /ran longer/u],
  "a regular expression with a counter": ["/(x+x+)+y/.exec('x'.repeat(1e5))", /ran longer|memory|overflow/u],
  "powers of BigInt": ["let n = 3n ** 200000n; for (let i = 0; i < 9; i++) n = n * n", /ran longer|memory|BigInt/u],
  "digits of BigInt": ["String(7n ** 300000n)", /ran longer|memory|BigInt/u],
  "a BigInt read from text": ["BigInt('7'.repeat(1e6))", /ran longer|memory|BigInt/u],
  "join of holes": ["new Array(2 ** 32 - 1).join('')", /ran longer|memory|invalid/u],
  "indexOf in holes": ["Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)", /ran longer/u],
  "reverse of holes": ["Array.prototype.reverse.call({ length: 2 ** 53 - 1 })", /ran longer/u],
  "fill of holes": ["Array.prototype.fill.call(new Proxy({ length: 2 ** 53 - 1 }, {}), 1)", /ran longer|memory/u],
  "copyWithin of holes": ["Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 1, 0)", /ran longer/u],
  "a sort that never decides": ["for (;;) Array.from({ length: 1e5 }, (_, i) => i % 7).sort()", /ran longer|memory/u],
  "JSON.parse in depth": ["JSON.parse('['.repeat(1e6))", /overflow|SyntaxError|memory/u],
  "normalisation again and again": ["for (;;) '\\u0344'.repeat(1e5).normalize('NFKD')", /ran longer|memory/u],
  // Memory.
  "typed arrays without end": ["const k = []; for (;;) k.push(new Uint8Array(1e5))", /memory/u],
  "text that doubles": ["let s = 'x'; for (;;) s += s + s", /memory|too long/u],
  repeat: ["'abc'.repeat(1e8)", /memory|too long|invalid/u],
  padEnd: ["'a'.padEnd(1e9, 'bc')", /memory|too long/u],
  "an array of a hundred million": ["new Array(1e8).fill(1)", /memory/u],
  "one huge buffer": ["new ArrayBuffer(2e9)", /memory|invalid/u],
  "concat that doubles": ["let a = [1]; for (;;) a = a.concat(a)", /memory/u],
  "Array.from of a length": ["Array.from({ length: 1e9 })", /memory|ran longer/u],
  "objects without end": ["let a = {}; for (;;) a = { a }", /memory|ran longer/u],
  "closures without end": ["const k = []; for (;;) k.push(() => k)", /memory|ran longer/u],
  "JSON that grows": [
    "let a = [1, 1, 1]; for (let i = 0; i < 20; i++) a = [a, a, a]; JSON.stringify(a)",
    /memory|ran longer/u,
  ],
  "symbols and maps without end": [
    "const m = new Map(); for (let i = 0;; i++) m.set(Symbol(i), i)",
    /memory|ran longer/u,
  ],
  "a regular expression of 16 million groups": [
    "new RegExp('(a)'.repeat(3e6))",
    /memory|ran longer|groups|SyntaxError/u,
  ],
  "template text without end": ["let s = 'ab'; for (;;) s = `${s}${s}`", /memory|too long/u],
  // Stack.
  "recursion without end": ["const g = () => g() + 1; g()", /overflow/u],
  "recursion through a getter": ["const o = { get a() { return this.a } }; o.a", /overflow/u],
  "recursion through JSON": ["const o = { toJSON: () => JSON.stringify(o) }; JSON.stringify(o)", /overflow/u],
  "recursion through a proxy": [
    "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.a",
    /overflow|memory/u,
  ],
  "a program of nested brackets": [`${"(".repeat(30_000)}1${")".repeat(30_000)}`, /overflow|memory|SyntaxError/u],
  // Output.
  "printing without end": ["for (;;) console.log('x'.repeat(100))", /printed more/u],
  "one line of a megabyte": ["console.log('x'.repeat(1e6))", /printed more/u],
  "stdout without end": ["for (;;) process.stdout.write('x')", /printed more/u],
  // The host.
  "a process": ["require('child_process')", /no module/u],
  "a module by import": ["import fs from 'fs'", /SyntaxError|could not load|import/u],
  "writing a file": ["require('fs').writeFileSync('/tmp/x', 'x')", /not a function/u],
  "the network": ["fetch('http://127.0.0.1')", /fetch/u],
  "a socket": ["new WebSocket('ws://127.0.0.1')", /WebSocket/u],
  "a worker": ["new Worker('x')", /Worker/u],
  WebAssembly: ["new WebAssembly.Module(new Uint8Array(8))", /WebAssembly/u],
  "the end of the process": ["process.exit(0)", /not a function/u],
  "killing a process": ["process.kill(1)", /not a function/u],
  "bindings of Node": ["process.binding('fs')", /not a function/u],
  "the function of functions": [
    "(function () {}).constructor('return process.mainModule.require')()('fs')",
    /TypeError/u,
  ],
  "the constructor of the host's function": [
    "console.log.constructor('return this')().process.mainModule.x",
    /TypeError/u,
  ],
  "waiting on shared memory": [
    "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 1e6)",
    /TypeError|cannot block|not defined/u,
  ],
  "std and os of QuickJS": ["std.exit(0)", /not defined/u],
}

/** What succeeds, and why it may: the code remains right, and nothing of this outlives its run. */
const allowed: Readonly<Record<string, string>> = {
  "reading the host's clock (Date.now)": "if (!(Date.now() > 1.6e12)) throw new Error('no clock')",
  "evaluating text inside (eval, Function)":
    "if (eval('1 + 1') !== 2 || new Function('return 3')() !== 3) throw new Error('no')",
  "patching builtins for itself": "Array.prototype.map = Object.prototype.toString = JSON.stringify = () => 'mine'",
  "leaving a promise that never settles": "new Promise(() => {})",
  "catching the end of its memory": "try { new ArrayBuffer(1e9) } catch {}",
  "catching a deep recursion": "const g = () => g() + 1; try { g() } catch {}",
  "an import that nobody waits for": "import('fs').catch(() => {})",
}

test("the corpus holds at least 40 attempts", () => {
  expect(Object.keys(attempts).length).toBeGreaterThanOrEqual(40)
})

test.each(Object.entries(attempts))("JavaScript does not get away with %s", async (_name, [source, reason]) => {
  const verdict = await judge(source)
  expect(verdict, verdict.reason).toMatchObject({ status: "incorrect", reward: 0 })
  expect(verdict.reason).toMatch(reason)
})

test.each(Object.entries(allowed))("JavaScript may succeed with %s", async (_name, source) => {
  const verdict = await judge(source)
  expect(verdict, verdict.reason).toMatchObject({ status: "correct" })
  expect(
    await judge("if (typeof g !== 'undefined' || [1].map(String)[0] !== '1') throw new Error('left over')"),
  ).toMatchObject({
    status: "correct",
  })
})
