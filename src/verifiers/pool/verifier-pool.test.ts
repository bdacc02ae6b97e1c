import { spawnSync } from "node:child_process"
import { afterAll, describe, expect, test } from "vitest"
import { createVerifier } from "../registry.ts"
import type { Verdict, Verifier } from "../verifier.ts"
import { VerifierPool } from "./verifier-pool.ts"

const module = `${import.meta.dirname}/../fixtures/functions.js`
const named = (name: string): Verifier => createVerifier({ name: "function", module, export: name })

const pool = new VerifierPool({ workers: 2, timeoutMs: 700 })
afterAll(async () => pool.close())

async function statuses(
  verifier: Verifier,
  completions: readonly string[],
  of: VerifierPool = pool,
): Promise<string[]> {
  const verdicts = await Promise.all(completions.map((completion) => of.verify(verifier, { gold: "", completion })))
  return verdicts.map(({ status }) => status)
}

const many = (odd: string, at: number): string[] =>
  Array.from({ length: 60 }, (_, i) => (i === at ? odd : `response ${i}`))
const allCorrectBut = (at: number, status: string): string[] =>
  Array.from({ length: 60 }, (_, i) => (i === at ? status : "correct"))

describe("a verifier in the pool", () => {
  test("that never returns is killed at its deadline, and the others of its batch get their verdicts", async () => {
    const before = pool.counts.threadsLost
    expect(await statuses(named("hang"), many("hang", 20))).toEqual(allCorrectBut(20, "timeout"))
    expect(pool.counts.threadsLost).toBe(before + 1)
  })

  test("whose promise never resolves is killed too", async () => {
    expect(await statuses(named("never"), many("never", 0))).toEqual(allCorrectBut(0, "timeout"))
  })

  test("that throws is a failure with the message, not a wrong answer", async () => {
    const verdicts = await Promise.all(
      ["a", "throw", "b"].map((completion) => pool.verify(named("throws"), { gold: "", completion })),
    )
    expect(verdicts.map(({ status }) => status)).toEqual(["correct", "failure", "correct"])
    expect(verdicts[1]!.reason).toContain("broken on purpose")
  })

  test("that ends its thread is a failure, and the others go on", async () => {
    expect(await statuses(named("exits"), many("exit", 33))).toEqual(allCorrectBut(33, "failure"))
  })

  test("that allocates without end loses its thread and nothing else", async () => {
    const patient = new VerifierPool({ workers: 1, timeoutMs: 20_000, memoryMb: 64 })
    try {
      expect(await statuses(named("hungry"), ["a", "eat", "b"], patient)).toEqual(["correct", "failure", "correct"])
    } finally {
      await patient.close()
    }
  })

  test("that gives something else than a verdict is a failure", async () => {
    expect(await statuses(named("nonsense"), ["a"])).toEqual(["failure"])
  })

  test("leaves the event loop free", async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 10)
    await pool.verify(named("hang"), { gold: "", completion: "hang" })
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(10)
  })

  test("gives the same verdict as in the calling thread", async () => {
    const math = createVerifier("math")
    const cases = [
      ["\\frac{1}{2}", "\\boxed{0.5}"],
      ["2", "\\boxed{3}"],
      ["2", "no answer here"],
      ["", "1"],
    ] as const
    for (const [gold, completion] of cases)
      expect(await pool.verify(math, { gold, completion })).toEqual(await math.verify({ gold, completion }))
  })

  test("with a row that cannot be copied to a thread is a failure of its own", async () => {
    const verdicts = await Promise.all([
      pool.verify(named("equals"), { gold: "1", completion: "1" }),
      pool.verify(named("equals"), { gold: "1", completion: "1", row: { callback: () => 1 } }),
    ])
    expect(verdicts.map(({ status }) => status)).toEqual(["correct", "failure"])
  })
})

describe("a catastrophic regular expression", () => {
  test("is stopped at the deadline", async () => {
    const regex = createVerifier("regex")
    const verdict = await pool.verify(regex, { gold: "^(a+)+$", completion: `${"a".repeat(40)}b` })
    expect(verdict.status).toBe("timeout")
    expect(await statuses(createVerifier({ name: "regex", pattern: "b$" }), ["ab", "ba"])).toEqual([
      "correct",
      "incorrect",
    ])
  })
})

describe("verifiers in this thread", () => {
  test("that answer too late time out and see their signal aborted", async () => {
    let aborted = false
    const slow: Verifier = {
      name: "slow",
      verify: (_input, signal) =>
        new Promise<Verdict>(() => {
          signal?.addEventListener("abort", () => (aborted = true))
        }),
    }
    expect((await pool.verify(slow, { gold: "", completion: "" }, 30)).status).toBe("timeout")
    expect(aborted).toBe(true)
  })

  test("in processes of their own run no more at once than there are workers", async () => {
    let [running, most] = [0, 0]
    const verifier: Verifier = {
      name: "process",
      place: "process",
      async verify() {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running--
        return { status: "correct", reward: 1, reason: "" }
      },
    }
    expect(await statuses(verifier, many("x", 0))).toEqual(allCorrectBut(0, "correct"))
    expect(most).toBe(2)
  })
})

test("a closed pool answers with failures", async () => {
  const closing = new VerifierPool({ workers: 1 })
  const waiting = closing.verify(named("hang"), { gold: "", completion: "hang" })
  await Promise.resolve()
  await closing.close()
  expect((await waiting).status).toBe("failure")
  expect((await closing.verify(named("equals"), { gold: "", completion: "" })).status).toBe("failure")
})

test("a pool that nobody closes does not keep its process alive, and what verifiers print does not reach its output", () => {
  const source = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)
  const script = `
    const { sharedVerifierPool } = await import(${source("./verifier-pool.ts")})
    const { createVerifier } = await import(${source("../registry.ts")})
    const verifier = createVerifier({ name: "function", module: ${JSON.stringify(module)}, export: "prints" })
    console.log((await sharedVerifierPool().verify(verifier, { gold: "", completion: "" })).status)`
  const run = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 60_000,
  })
  expect(run.error).toBeUndefined()
  expect(run.stdout).toBe("correct\n")
  expect(run.stderr).toContain("printed by a verifier")
})
