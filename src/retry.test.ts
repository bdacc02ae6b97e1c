import { describe, expect, test } from "vitest"
import { isRetryableStatus, retryAfterMs, withRetries } from "./retry.ts"

const quick = { retries: 3, delayMs: 1, maximumDelayMs: 5 }

function failing(times: number): { attempt: () => Promise<string>; made: () => number } {
  let made = 0
  const attempt = (): Promise<string> => {
    made += 1
    return made <= times ? Promise.reject(new Error(`failure ${made}`)) : Promise.resolve("done")
  }
  return { attempt, made: () => made }
}

describe("withRetries", () => {
  test("gives the first success", async () => {
    const { attempt, made } = failing(2)
    await expect(withRetries(attempt, () => ({ retryable: true }), quick)).resolves.toBe("done")
    expect(made()).toBe(3)
  })

  test("gives up with the last error after the given number", async () => {
    const { attempt, made } = failing(9)
    await expect(withRetries(attempt, () => ({ retryable: true }), quick)).rejects.toThrow("failure 4")
    expect(made()).toBe(4)
  })

  test("does not try again what cannot help", async () => {
    const { attempt, made } = failing(9)
    await expect(withRetries(attempt, () => ({ retryable: false }), quick)).rejects.toThrow("failure 1")
    expect(made()).toBe(1)
  })

  test("waits as long as the server asks, within the bound", async () => {
    const { attempt } = failing(1)
    const started = performance.now()
    await withRetries(attempt, () => ({ retryable: true, retryAfterMs: 60 }), { ...quick, maximumDelayMs: 1000 })
    expect(performance.now() - started).toBeGreaterThan(55)
    const bounded = performance.now()
    await withRetries(failing(1).attempt, () => ({ retryable: true, retryAfterMs: 60_000 }), quick)
    expect(performance.now() - bounded).toBeLessThan(1000)
  })

  test("stops waiting when it is aborted", async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 10)
    const { attempt } = failing(9)
    const waiting = withRetries(attempt, () => ({ retryable: true }), {
      retries: 3,
      delayMs: 60_000,
      maximumDelayMs: 60_000,
      signal: controller.signal,
    })
    await expect(waiting).rejects.toThrow(/abort/i)
  })
})

test("Retry-After is seconds or a date", () => {
  expect(retryAfterMs("2")).toBe(2000)
  expect(retryAfterMs("Thu, 01 Jan 1970 00:00:10 GMT", 4000)).toBe(6000)
  expect([retryAfterMs(null), retryAfterMs("soon"), retryAfterMs("-3")]).toEqual([undefined, undefined, 0])
})

test("servers that are busy or broken are asked again, refusals are not", () => {
  expect([429, 500, 503, 408].every(isRetryableStatus)).toBe(true)
  expect([400, 401, 403, 404, 422].some(isRetryableStatus)).toBe(false)
})
