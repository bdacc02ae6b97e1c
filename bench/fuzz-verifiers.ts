/**
 * Random and mutated answers over the verifiers of answers, and at a smaller count over those of code, schemas,
 * instructions, tools and texts: nothing may throw, and none may run long.
 *   npx tsx bench/fuzz-verifiers.ts [ANSWERS] [SEED]
 */
import { createVerifier } from "../src/verifiers/registry.ts"

const [answers = 50_000, seed = 1] = process.argv.slice(2).map(Number)
const names = ["math", "mcq", "numeric", "integer", "boxed-integer", "gsm8k", "math_dapo", "prime_math", "minerva"]
const verifiers = ["math", ...names.flatMap((name) => ["math", name])].map((name) => createVerifier(name))

// mulberry32
let state = seed
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0
  let value = Math.imul(state ^ (state >>> 15), 1 | state)
  value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
  return ((value ^ (value >>> 14)) >>> 0) % below
}

const pieces =
  `0 1 12 3.5 1,234 1.234.567 1.234,5 3{,}5 0.(3) 0.333... x y n AB HHT BADC May Team + - * / ^ _ = < > ( ) [ ] { } ] [
\\{ \\} | ! % , ; : . $ & ~ ' " \\\\ \\frac \\frac{ \\sqrt{ \\boxed{ \\text{ } \\left( \\right) \\cup \\in \\mathbb{Z} \\pm
\\infty \\pi \\sin \\log \\sum_{k=1}^{9} \\binom{5}{2} \\begin{cases} \\end{cases} \\begin{pmatrix} \\end{pmatrix} ^\\circ
30' \\% m kg km/h L mL dollars cents €5 million dozen hour minutes 9:30 AM p.m. 2024-05-01 at least or and not out of
negative squared more less than answer: #### <answer> </answer> <think> </think> \\color{red}{ \\checkmark ** 答案是 、 ½ ² √`
    .split(/\s+/)
    .flatMap((piece) => [piece, `${piece} `])
const golds = [
  "5",
  "\\frac{1}{2}",
  "5\\text{ L}",
  "1.5 million",
  "(2,5]",
  "x>1 and x<3",
  "May 5",
  "9:30 AM",
  "B",
  "HHT",
]

function soup(most: number): string {
  return Array.from({ length: random(most) }, () => pieces[random(pieces.length)]).join("")
}

function mutated(text: string): string {
  const at = random(text.length + 1)
  return text.slice(0, at) + soup(4) + text.slice(at + random(3))
}

let slowestMs = 0
let slowest = ""
let thrown = 0
const statuses = new Map<string, number>()
const began = process.cpuUsage()
for (let count = 0; count < answers; count++) {
  const verifier = verifiers[count % verifiers.length]!
  const chosen = golds[random(golds.length)]!
  const gold = random(3) === 0 ? soup(12) : chosen
  const answer = random(2) === 0 ? soup(30) : mutated(gold)
  const completion = random(2) === 0 ? `So it is \\boxed{${answer}}.` : `The answer is ${answer}`
  const before = process.cpuUsage()
  try {
    const { status } = await verifier.verify({ gold, completion })
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  } catch (error) {
    thrown++
    console.log(`${verifier.name} threw ${String(error)} on ${JSON.stringify({ gold, completion })}`)
  }
  const { user, system } = process.cpuUsage(before)
  const ms = (user + system) / 1000
  if (ms > slowestMs) {
    slowestMs = ms
    slowest = `${verifier.name} ${JSON.stringify({ gold, completion })}`
  }
}

/** What the other verifiers judge by, sound responses to be mutated, and for how many answers there is one of them. */
interface Other {
  readonly name: string
  readonly options?: object
  readonly gold: string
  readonly responses: readonly string[]
  readonly every: number
}

const tool = JSON.stringify([{ name: "add", arguments: { a: 1, b: 2 } }])
const others: readonly Other[] = [
  {
    name: "json-schema",
    gold: JSON.stringify({ type: "object", properties: { a: { type: "integer" } }, required: ["a"] }),
    responses: ['{"a": 1}', '```json\n{"a": 1}\n```'],
    every: 50,
  },
  {
    name: "instructions",
    gold: JSON.stringify({
      instruction_id_list: ["length_constraints:number_words", "detectable_format:json_format"],
      kwargs: [{ num_words: 3, relation: "at least" }, {}],
    }),
    responses: ["one two three", '{"a": "b c d"}'],
    every: 50,
  },
  {
    name: "tool-calls",
    gold: tool,
    responses: [tool, '<tool_call>{"name": "add", "arguments": {"a": 1, "b": 2}}</tool_call>'],
    every: 50,
  },
  { name: "qa-exact", gold: "the red fox", responses: ["The red fox.", "Answer: red fox"], every: 50 },
  { name: "qa-f1", gold: "the red fox", responses: ["The red fox.", "Answer: red fox"], every: 50 },
  {
    name: "code-javascript",
    options: { seconds: 0.5 },
    gold: '["assert(f(1) === 2)"]',
    responses: ["```js\nfunction f(x) { return x + 1 }\n```"],
    every: 1000,
  },
  {
    name: "code-python",
    options: { seconds: 1 },
    gold: '["assert f(1) == 2"]',
    responses: ["```python\ndef f(x):\n  return x + 1\n```"],
    every: 2500,
  },
]
for (const { name, options = {}, gold: sound, responses, every } of others) {
  let verifier: ReturnType<typeof createVerifier>
  try {
    verifier = createVerifier({ name, ...options })
  } catch (error) {
    console.log(`${name} is left out: ${String(error)}`)
    continue
  }
  const told = new Map<string, number>()
  for (let count = 0; count < answers / every; count++) {
    const gold = random(4) === 0 ? mutated(sound) : sound
    const response = responses[random(responses.length)]!
    const completion = random(4) === 0 ? soup(60) : mutated(random(2) === 0 ? response : mutated(response))
    try {
      const { status } = await verifier.verify({ gold, completion })
      told.set(status, (told.get(status) ?? 0) + 1)
    } catch (error) {
      thrown++
      console.log(`${name} threw ${String(error)} on ${JSON.stringify({ gold, completion })}`)
    }
  }
  console.log(
    `${name}: ${[...told]
      .sort()
      .map(([status, count]) => `${count} ${status}`)
      .join(", ")}`,
  )
}
const { user, system } = process.cpuUsage(began)
const told = [...statuses].sort().map(([status, count]) => `${count} ${status}`)
console.log(`${answers} answers, seed ${seed}: ${told.join(", ")}; ${thrown} thrown`)
console.log(`${((user + system) / 1e6).toFixed(1)} s of processor time; slowest ${slowestMs.toFixed(1)} ms: ${slowest}`)
if (thrown > 0) process.exitCode = 1
