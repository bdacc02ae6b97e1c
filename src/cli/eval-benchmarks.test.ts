import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { fakeServer, refuse, say } from "../evaluation/endpoint.test-helper.ts"
import { runCli } from "./cli.ts"
import { captured } from "./cli.test-helper.ts"
import { evalCommand } from "./eval.ts"

const excerpts = fileURLToPath(new URL("../../test/fixtures/benchmarks", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "pirl-eval-bench-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const server = await fakeServer()
let out = ""
beforeEach(() => {
  out = join(mkdtempSync(join(folder, "out-")), "new")
  server.requests.length = 0
  server.answer = (_, response) => say(response, "\\boxed{70}")
})

const command = evalCommand({ checks: [], evaluate: () => Promise.reject(new Error("not a benchmark")) })
const table = [{ name: "eval", summary: "", load: () => Promise.resolve(command) }]

async function pirl(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; err: string }> {
  const context = captured(undefined, { PIRL_BENCH_DIR: excerpts, ...env })
  const code = await runCli(["eval", ...argv], context, table)
  return { code, out: context.stdout(), err: context.stderr() }
}

function bench(list: string, ...more: string[]): string[] {
  return [`${server.url}/v1`, "--bench", list, "--out", out, "--api-model", "served", ...more]
}

describe("pirl eval --bench", () => {
  test("measures an endpoint, shows a table and keeps every response", async () => {
    const result = await pirl(bench("aime25, sciknoweval-chemistry", "--n", "2"))
    expect(result.code).toBe(0)
    expect(result.out).toMatch(/^benchmark +problems +avg@2 +pass@2 +maj@2 +truncated +no answer +tokens\n/)
    expect(result.out).toMatch(/aime25 +2 +50\.0 % \[0\.0, 100\.0\] +50\.0 % .* +0\.0 % +0\.0 % +7\n/)
    expect(result.out).toContain(`responses in ${out}`)
    const lines = readFileSync(join(out, "aime25.jsonl"), "utf8").trim().split("\n")
    expect(lines).toHaveLength(4)
    expect(server.requests).toHaveLength(8)
    expect(server.requests[0].body).toMatchObject({ model: "served", temperature: 0.6, max_tokens: 4096 })
    expect(JSON.parse(readFileSync(join(out, "summary.json"), "utf8"))).toMatchObject({
      model: "served",
      benchmarks: [{ benchmark: "aime25" }, {}],
    })
  })

  test("prints one JSON object and nothing else, with every number", async () => {
    const { out: text } = await pirl(bench("math-test", "--n", "4", "--json", "--limit", "3"))
    const { benchmarks, settings } = JSON.parse(text) as { benchmarks: Record<string, unknown>[]; settings: object }
    expect(settings).toMatchObject({ model: "served", n: 4, seed: 0, temperature: 0.6 })
    expect(Object.keys(benchmarks[0]["passAt"] as object)).toEqual(["1", "2", "4"])
    expect(benchmarks[0]).toMatchObject({
      problems: 3,
      responses: 12,
      missing: 0,
      average: { value: 0 },
      byLevel: expect.anything(),
    })
  })

  test("reads the key from a variable, sends it, and shows it nowhere", async () => {
    const env = { THE_KEY: "sk-secret" }
    server.answer = (_, response, number) =>
      number === 0 ? say(response, "\\boxed{70}") : refuse(response, 403, "bad key sk-secret")
    const result = await pirl(bench("aime25", "--api-key-env", "THE_KEY", "--concurrency", "1"), env)
    expect(result.code).toBe(1)
    expect(server.requests[0].headers.authorization).toBe("Bearer sk-secret")
    expect(result.err).toMatch(/status 403: bad key \[secret\]/)
    const kept = ["settings.json", "summary.json", "aime25.jsonl"]
      .map((file) => readFileSync(join(out, file), "utf8"))
      .join("")
    expect(`${result.out}${result.err}${kept}`).not.toContain("sk-secret")
    expect((await pirl(bench("aime25", "--api-key-env", "NO_KEY"))).err).toMatch(
      /environment variable NO_KEY, got none/,
    )
  })

  test("keeps the finished part when the endpoint fails, and goes on from there", async () => {
    server.answer = (_, response, number) => (number < 3 ? say(response, "\\boxed{70}") : refuse(response, 500))
    const argv = bench("aime25", "--n", "4", "--concurrency", "1", "--retries", "0")
    const broken = await pirl(argv)
    expect(broken.code).toBe(1)
    expect(broken.out).toContain("aime25: 5 responses are missing")
    expect(broken.err).toMatch(/gave up on 4 requests in a row, the last for: .*status 500/)
    expect(broken.err).toContain(`kept in ${out}; the same command goes on`)
    server.requests.length = 0
    server.answer = (_, response) => say(response, "\\boxed{70}")
    expect((await pirl(argv)).code).toBe(0)
    expect(server.requests).toHaveLength(5)
  })

  test("gives up on a request that stalls, at its deadline", async () => {
    server.answer = (_, response, number) => (number === 0 ? undefined : say(response, "\\boxed{70}"))
    const result = await pirl(bench("aime25", "--request-timeout", "0.2", "--retries", "0", "--concurrency", "1"))
    expect(result.code).toBe(1)
    expect(result.out).toContain("1 responses are missing")
    expect(result.err).toContain("none within 0.2 s")
  })

  test("names an unknown benchmark with those there are, before anything is asked or written", async () => {
    const result = await pirl(bench("aime25,math500"))
    expect(result).toMatchObject({
      code: 2,
      err: expect.stringMatching(/expected one of math-500, .*Did you mean math-500\?/),
    })
    expect(await pirl(bench(","))).toMatchObject({ code: 2, err: expect.stringContaining("expected one of math-500") })
    expect((await pirl(bench("aime25", "--bench-dir", folder))).err).toContain(`aime25.parquet`)
    expect([existsSync(out), server.requests.length]).toEqual([false, 0])
  })

  test("refuses numbers and fields that cannot be", async () => {
    const result = await pirl(bench("aime25", "--n", "0", "--top-p", "2", "--concurrency", "0"))
    expect(result.code).toBe(2)
    expect(result.err).toMatch(/3 problems[^]*--n: [^]*--top-p: [^]*--concurrency: /)
    expect((await pirl(bench("aime25", "--api-extra", "[1]"))).err).toContain("--api-extra: ")
    expect((await pirl(bench("aime25", "--api-kind", "chats"))).err).toContain("--api-kind: ")
  })

  test("does not go on with other settings in the same folder", async () => {
    await pirl(bench("aime25"))
    expect((await pirl(bench("aime25", "--temperature", "1"))).err).toMatch(/--out: .*temperature 0 there, 1 here/)
  })
})

test("an endpoint without benchmarks is refused", async () => {
  expect(await pirl([`${server.url}/v1`])).toMatchObject({
    code: 2,
    err: expect.stringContaining("expected --bench with an endpoint"),
  })
})
