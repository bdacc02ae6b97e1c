/**
 * A program of one's own: a task made in code, its run opened by the commands, questions in a file, a judge over HTTP.
 */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { trainOnPalindromes } from "../examples/custom-task.ts"
import { trainWithJudge } from "../examples/llm-judge.ts"
import { captured } from "../src/cli/cli.test-helper.ts"
import { runCli } from "../src/cli/cli.ts"
import { openTask } from "../src/data/open-task.ts"
import { generate, readRun, tasks, trainRun } from "../src/index.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-own-task-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

async function pirl(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const context = captured()
  const code = await runCli(argv, context)
  return { code, out: context.stdout(), err: context.stderr() }
}

const run = join(temporary, "palindromes")
const small = ["--set", "evaluation.size=8"]
beforeAll(() => trainOnPalindromes({ runDirectory: run, steps: 1, warmStartSteps: 2 }))

describe("the run of a task made in code", () => {
  test("is evaluated, sampled and reported by the commands, which find the task by its module", async () => {
    const evaluated = await pirl("eval", run, ...small)
    expect(evaluated).toMatchObject({
      code: 0,
      out: expect.stringMatching(/palindromes, 8 held-out problems[^]*greedy accuracy .*95 %/) as string,
    })
    expect(await pirl("sample", run, "--problems", "1")).toMatchObject({
      code: 0,
      out: expect.stringContaining("reward 0") as string,
    })
    const html = join(temporary, "report.html")
    expect((await pirl("report", run, "--out", html)).code).toBe(0)
    expect(existsSync(html)).toBe(true)
  })

  test("says how it is opened when it does not know its module", async () => {
    const unknown = join(temporary, "unknown")
    const rows = Array.from({ length: 20 }, (_, i) => ({ q: `${i}+1=`, a: i + 1 }))
    const task = tasks.fromRows(rows, { prompt: "q", answer: "a", name: "sums", heldOut: 4 })
    const config = {
      model: { preset: "nano" as const },
      rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 3 },
      train: { steps: 1 },
    }
    await trainRun({ task, config, runDirectory: unknown })
    const { code, err } = await pirl("eval", unknown)
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("name its module: --set task.module=FILE --set task.export=NAME"),
    ])
    const module = fileURLToPath(new URL("../examples/custom-task.ts", import.meta.url))
    const named = ["--set", `task.module=${module}`, "--set", "task.export=palindromes"]
    // Another task than it was trained on, whose letters the model has no tokens for.
    expect((await pirl("eval", unknown, ...named)).err).toMatch(/expected/)
    expect((await pirl("eval", run, ...small, ...named)).code).toBe(0)
  })

  test.each([
    ["throws", "throw new Error('no data here')", /expected a module that can be loaded, got an error: no data here\./],
    [
      "exports something else",
      "export default 5",
      /expected default to be a task, or a function that returns one, got number/,
    ],
    [
      "exports nothing of the name",
      "export const task = 1",
      /expected an export default, got none\. The exports are task/,
    ],
    [
      "has a function that throws",
      "export default () => { throw new Error('no rows') }",
      /expected a task from default\(\), got an error: no rows/,
    ],
  ])("whose module %s is refused in a sentence", async (name, text, message) => {
    const module = join(temporary, `${name.replaceAll(" ", "-")}.mjs`)
    writeFileSync(module, text)
    await expect(openTask({ name: "mine", module })).rejects.toThrow(message)
    const { code, err } = await pirl("eval", run, "--set", `task.module=${module}`, "--set", "task.export=default")
    expect([code, err.includes("    at ")]).toEqual([2, false])
  })
})

describe("generate", () => {
  test("gives text for each prompt in order, the same for the same seed", async () => {
    const options = { count: 2, temperature: 1, seed: 3 }
    const results = await generate(run, ["abc:", "def:"], options)
    expect(results.map(({ prompt, samples }) => [prompt, samples.length])).toEqual([
      ["abc:", 2],
      ["def:", 2],
    ])
    expect(results[0]!.text).toBe(results[0]!.samples[0]!.text)
    expect(await generate(run, ["abc:", "def:"], options)).toEqual(results)
    const [single] = await generate(join(run, "model"), "abc:", { maxTokens: 2, temperature: 0 })
    expect(single!.samples[0]!.tokens).toBeLessThanOrEqual(2)
  })

  test("refuses an empty prompt, a model that is not there, and no responses", async () => {
    await expect(generate(run, ["abc:", " "])).rejects.toThrow("prompt 2: expected a text, got an empty one")
    await expect(generate(join(temporary, "nothing"), "a")).rejects.toThrow("which is not there")
    await expect(generate(run, "abc:", { count: 0 })).rejects.toThrow(
      "expected count to be a whole number from 1 on, got 0",
    )
    expect(await generate(run, [])).toEqual([])
  })
})

describe("pirl eval --data", () => {
  test("finds columns and verifier, and tells intervals, responses without an answer, and truncated ones", async () => {
    const data = join(temporary, "questions.jsonl")
    writeFileSync(
      data,
      ["abc:", "bcd:", "abd:", "abc:"].map((question, i) => `${JSON.stringify({ question, answer: i })}\n`).join(""),
    )
    const { code, out, err } = await pirl(
      "eval",
      join(run, "model"),
      "--data",
      data,
      "--set",
      "rollout.maxResponseTokens=3",
    )
    expect(code).toBe(0)
    expect(out).toMatch(
      /3 questions\n +verifier +numeric \(every ground truth is a number; --verifier chooses another\)/,
    )
    expect(out).toMatch(/greedy accuracy +0\.0 % +\(95 %: 0\.0 to 56\.1\)/)
    expect(out).toMatch(/without an answer +100\.0 %\n +truncated +\d/)
    expect(err).toContain("1 of 4 rows repeat a question")
  })
})

describe("examples/llm-judge.ts", () => {
  let server: Server
  let [now, most, asked, refusals] = [0, 0, 0, 2]
  beforeAll(async () => {
    server = createServer((request, response) => {
      most = Math.max(most, ++now)
      let body = ""
      request.on("data", (chunk: Buffer) => (body += chunk.toString()))
      request.on("end", () => {
        asked++
        setTimeout(() => {
          now--
          // The first requests find the judge busy.
          if (refusals-- > 0) return response.writeHead(503).end()
          const { messages } = JSON.parse(body) as { messages: { content: string }[] }
          const points = messages[0]!.content.includes("Task: Write one line about")
            ? messages[0]!.content.length % 10
            : 0
          response.end(JSON.stringify({ choices: [{ message: { content: `Points: ${points}` } }] }))
        }, 5)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))

  test("trains on the judge's points, at most eight requests at once, and asks nothing twice", async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
    const judge = { url, model: "stub", cache: join(temporary, "judge-cache.jsonl") }
    const { finished, summary } = await trainWithJudge({ judge, runDirectory: join(temporary, "poems"), steps: 2 })
    expect(finished).toBe(true)
    expect(most).toBeLessThanOrEqual(8)
    expect(asked).toBeGreaterThan(8)
    const { metrics, evaluations } = readRun(join(temporary, "poems"))
    expect(metrics.map((line) => line["verifierFailures"])).toEqual([0, 0])
    expect(evaluations.every(({ greedyReward }) => greedyReward! > 0 && greedyReward! < 1)).toBe(true)
    expect(summary.modelStep).toBeDefined()
    // Two answers were refusals.
    expect(readFileSync(judge.cache, "utf8").trim().split("\n")).toHaveLength(asked - 2)
  })
})
