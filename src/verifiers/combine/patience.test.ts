import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, describe, expect, test } from "vitest"
import { VerifierPool } from "../pool/verifier-pool.ts"
import { functionVerifier } from "./function.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-patience-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const pool = new VerifierPool()
const input = (completion: string): { gold: string; completion: string } => ({ gold: "", completion })

describe("a function that asks a server", () => {
  test("is called by as many at once as it allows, and waiting does not count against the deadline", async () => {
    let [now, most] = [0, 0]
    const judge = async (): Promise<number> => {
      most = Math.max(most, ++now)
      await sleep(20)
      now--
      return 1
    }
    const verifier = functionVerifier("judge", judge, { concurrency: 4 })
    // 64 of 20 ms, four at once, are 320 ms; each has 200.
    const verdicts = await Promise.all(Array.from({ length: 64 }, (_, i) => pool.verify(verifier, input(`${i}`), 200)))
    expect(verdicts.map(({ status }) => status)).toEqual(Array(64).fill("correct"))
    expect(most).toBe(4)
  })

  test("is asked again when it throws or is late, but not for a mistake that comes again", async () => {
    let calls = 0
    const flaky = functionVerifier("judge", () => (++calls < 2 ? Promise.reject(new Error("busy")) : 1), { retries: 2 })
    expect((await pool.verify(flaky, input("a"))).reward).toBe(1)
    expect(calls).toBe(2)
    calls = 0
    const slow = (): number | Promise<number> => (++calls === 1 ? sleep(1000, 0) : 0.75)
    expect((await pool.verify(functionVerifier("judge", slow, { retries: 1, timeoutMs: 20 }), input("a"))).reward).toBe(
      0.75,
    )
    calls = 0
    const text = functionVerifier("judge", () => (calls++, "0.5" as unknown as number), { retries: 3 })
    expect(await pool.verify(text, input("a"))).toMatchObject({
      status: "failure",
      reason: expect.stringContaining('got "0.5"') as string,
    })
    const refused = functionVerifier(
      "judge",
      () => (calls++, Promise.reject(Object.assign(new Error("no key"), { status: 401 }))),
      { retries: 3 },
    )
    expect((await pool.verify(refused, input("a"))).reason).toBe("judge: no key")
    expect(calls).toBe(2)
  })

  test("is asked once about equal inputs, also of another process where the cache is a file", async () => {
    const file = join(temporary, "cache", "judge.jsonl")
    let calls = 0
    const judge = (): number => (calls++, 0.25)
    const first = functionVerifier("judge", judge, { cache: file })
    const same = await Promise.all(["a", "a", "b"].map((text) => pool.verify(first, input(text))))
    expect([calls, same[0]!.reward]).toEqual([2, 0.25])
    writeFileSync(file, `${readFileSync(file, "utf8")}{"key": "half`)
    const second = functionVerifier("judge", judge, { cache: file })
    expect((await pool.verify(second, input("b"))).reward).toBe(0.25)
    expect(calls).toBe(2)
    const other = { ...input("b"), prompt: "another question" }
    expect((await pool.verify(second, other)).reward).toBe(0.25)
    expect(calls).toBe(3)
    expect((await pool.verify(functionVerifier("judge", judge, { cache: file }), other)).reward).toBe(0.25)
    expect(calls).toBe(3)
  })

  test.runIf(existsSync("/proc/self"))("says that its cache cannot be written", async () => {
    const elsewhere = functionVerifier("judge", () => 1, { cache: "/proc/pirl/judge.jsonl" })
    const { status, reason } = await pool.verify(elsewhere, input("a"))
    expect([status, reason]).toEqual(["failure", expect.stringContaining("got /proc/pirl")])
    const folder = functionVerifier("judge", () => 1, { cache: "/proc/self/judge.jsonl" })
    expect((await pool.verify(folder, input("a"))).reason).toContain("expected to write to /proc/self/judge.jsonl")
  })

  test("is asked again where it failed", async () => {
    let calls = 0
    const verifier = functionVerifier("judge", () => (++calls === 1 ? Promise.reject(new Error("down")) : 1), {
      cache: true,
    })
    expect((await pool.verify(verifier, input("a"))).status).toBe("failure")
    expect((await pool.verify(verifier, input("a"))).status).toBe("correct")
  })

  test("refuses limits that are none", () => {
    expect(() => functionVerifier("judge", () => 1, { concurrency: 0 })).toThrow(
      "expected concurrency to be a whole number from 1 on, got 0",
    )
  })
})
