import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { CompletionPage, CompletionsQuery } from "../api.ts"
import { CompletionIndex } from "./completion-index.ts"
import { searchCompletions } from "./completion-search.ts"

let run: string

beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "pirl-completions-"))
  mkdirSync(join(run, "completions"))
})

afterEach(() => rmSync(run, { recursive: true, force: true }))

function line(step: number, completion: string, status = "correct"): string {
  return `${JSON.stringify({ step, group: 0, problem: "add/1", prompt: "1+1=", completion, gold: "2", reward: 1, status, advantage: 0 })}\n`
}

function write(firstStep: number, text: string): void {
  writeFileSync(join(run, "completions", `steps-${String(firstStep).padStart(6, "0")}-${String(firstStep + 999).padStart(6, "0")}.jsonl`), text)
}

/** A log that is read in two parts: its first line lies 9 MB before its end. */
function writeTwoParts(first: string): void {
  write(0, first + line(2, "x".repeat(1000)).repeat(8000))
}

/** All pages of a search over an index that knows nothing yet, as the page asks for them. */
async function searchAll(query: Omit<CompletionsQuery, "limit">): Promise<CompletionPage["completions"]> {
  const index = new CompletionIndex(run)
  const found: CompletionPage["completions"][number][] = []
  let cursor: string | null = null
  do {
    const page: CompletionPage = await searchCompletions(index, { limit: 50, ...query, ...(cursor === null ? {} : { cursor }) })
    found.push(...page.completions)
    ;({ cursor } = page)
  } while (cursor !== null)
  return found
}

describe("the first search over a long log", () => {
  test("finds a text that stands in the part that is read last", async () => {
    writeTwoParts(line(1, "serendipity"))
    expect((await searchAll({ text: "serendipity" })).map(({ step }) => step)).toEqual([1])
  })

  test("finds a status that no part read so far has", async () => {
    writeTwoParts(line(1, "2", "timeout"))
    expect((await searchAll({ status: "timeout" })).map(({ step }) => step)).toEqual([1])
  })

  test("goes through every response once, newest first", async () => {
    writeTwoParts(line(1, "2"))
    write(1000, line(1000, "2"))
    const steps = (await searchAll({})).map(({ step }) => step)
    expect(steps).toHaveLength(8002)
    expect([steps[0], steps[1], steps.at(-1)]).toEqual([1000, 2, 1])
  })

  test("answers with the newest responses before older files are read", async () => {
    for (const step of [0, 1000, 2000]) write(step, line(step, "2"))
    const page = await searchCompletions(new CompletionIndex(run), { limit: 1 })
    expect(page.completions.map(({ step }) => step)).toEqual([2000])
    expect(page.indexed).toBe(1)
  })
})
