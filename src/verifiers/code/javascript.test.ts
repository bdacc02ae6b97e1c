import { describe, expect, test } from "vitest"
import type { Verdict } from "../verifier.ts"
import { javaScriptCodeVerifier } from "./javascript.ts"

const asserts = JSON.stringify(["assert(f(1) === 2)", "assert.deepStrictEqual([f(2)], [3])"])
const right = "const f = (x) => x + 1"

async function judge(source: string, gold: string = asserts, options: object = {}): Promise<Verdict> {
  return await javaScriptCodeVerifier({ seconds: 0.5, memoryMb: 16, outputCharacters: 1000, ...options }).verify({
    gold,
    completion: `\`\`\`js\n${source}\n\`\`\``,
  })
}

async function expectStopped(source: string, reason: RegExp): Promise<void> {
  const verdict = await judge(`${source}\n${right}`)
  expect(verdict).toMatchObject({ status: "incorrect", reward: 0 })
  expect(verdict.reason).toMatch(reason)
}

describe("JavaScript code is stopped and reported when it", () => {
  test("loops for ever", async () => {
    await expectStopped("for (;;);", /ran longer than 0.5 s/u)
    await expectStopped("Promise.resolve().then(() => { for (;;); })", /ran longer than 0.5 s/u)
    await expectStopped("/^(a+)+$/.test('a'.repeat(50) + 'b')", /ran longer than 0.5 s/u)
    await expectStopped("try { for (;;); } catch {}", /ran longer than 0.5 s/u)
  })

  test("allocates or recurses without end", async () => {
    const greedy = await judge("const kept = []; for (;;) kept.push(new Uint8Array(100000))", asserts, {
      seconds: 30,
      memoryMb: 4,
    })
    expect(greedy).toMatchObject({ status: "incorrect", reason: expect.stringContaining("more memory") })
    await expectStopped("const g = () => g() + 1; g()", /stack overflow/u)
  })

  test("prints without end", async () =>
    expectStopped("for (;;) console.log('x'.repeat(100))", /printed more than 1000/u))

  test("reaches for the host: files, network, processes, our globals", async () => {
    await expectStopped("require('child_process')", /no module child_process/u)
    await expectStopped("require('fs').writeFileSync('/tmp/x', 'x')", /not a function/u)
    await expectStopped("fetch('http://127.0.0.1')", /fetch/u)
    await expectStopped("process.exit(0)", /not a function/u)
    await expectStopped(
      "import('fs').then(() => { globalThis.f = () => 0 }); globalThis.__host('x')",
      /not a function|not defined/u,
    )
    await expectStopped("(function () {}).constructor('return process.mainModule.require')()('fs')", /TypeError/u)
  })
})

describe("tests of JavaScript code", () => {
  test("pass for right code, and the first that fails is named", async () => {
    expect(await judge(right)).toMatchObject({ status: "correct", reason: "2 of 2 tests pass" })
    expect((await judge("const f = () => 2")).reason).toContain("test 2")
    expect((await judge("const f = (")).reason).toContain("SyntaxError")
    expect(await judge("const f = () => 2", asserts, { reward: "share" })).toMatchObject({ reward: 0.5 })
  })

  test("reach functions however they are defined", async () => {
    const gold = '{"fn_name": "f", "inputs": [[1], [2]], "outputs": [2, 3]}'
    for (const source of [
      right,
      "function f(x) { return x + 1 }",
      "export function f(x) { return x + 1 }",
      "export default function f(x) { return x + 1 }",
      "module.exports = { f: (x) => x + 1 }",
      "module.exports = (x) => x + 1",
      "class Solution { f(x) { return x + 1 } }",
    ]) {
      expect(await judge(source, gold), source).toMatchObject({ status: "correct" })
    }
    expect((await judge("const f = (x) => x", gold)).reason).toContain("expected 2, got 1")
  })

  test("are not fooled by a response that redefines what they use", async () => {
    const gold = '{"fn_name": "f", "inputs": [[1]], "outputs": [2]}'
    expect((await judge("Object.is = () => true\nconst f = () => 5", gold)).status).toBe("incorrect")
  })

  test("of programs compare what is printed", async () => {
    const gold = '{"inputs": ["1 2\\n3", "5 6\\n7"], "outputs": ["3\\n3", "11\\n7"]}'
    expect(
      await judge("const [a, b] = readline().split(' ').map(Number); console.log(a + b); print(readline())", gold),
    ).toMatchObject({ status: "correct" })
    const file =
      "const lines = require('fs').readFileSync(0, 'utf8').split('\\n'); console.log(eval(lines[0].replace(' ', '+')) + '\\n' + lines[1])"
    expect(await judge(file, gold)).toMatchObject({ status: "correct" })
    expect((await judge("console.log(3); console.log(3)", gold)).reason).toContain(
      'test 2: expected line 1 of the output to be "11", got "3"',
    )
  })

  test("see nothing of one another's globals", async () => {
    await judge("globalThis.left = 1\nconst f = (x) => x + 1")
    expect(await judge(`if (typeof left !== "undefined") throw new Error("seen")\n${right}`)).toMatchObject({
      status: "correct",
    })
  })
})
