import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test, vi } from "vitest"
import { parseConfig, type ConfigInput } from "../config/index.ts"
import { CheckpointError } from "../errors.ts"
import { withKeptDate, withPromptDate } from "./prompt-date.ts"
import { endlessWarning } from "./policy.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-prompt-date-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const input: ConfigInput = { model: { preset: "nano" }, task: { name: "add2" } }
const dated = { chatTemplate: "{{ strftime_now('%Y') }}" }

test("a run goes on with the date that it was begun on", () => {
  const folder = mkdtempSync(join(temporary, "run-"))
  vi.useFakeTimers({ now: new Date(2026, 10, 30, 23, 59) })
  try {
    const first = withPromptDate(parseConfig(input), dated, folder)
    expect(first.rollout.templateVariables).toEqual({ strftime_now: "2026-11-30" })
    vi.setSystemTime(new Date(2026, 11, 1, 0, 1))
    expect(withPromptDate(parseConfig(input), dated, folder)).toEqual(first)
    expect(withKeptDate(parseConfig(input), folder)).toEqual(first)
  } finally {
    vi.useRealTimers()
  }
})

test("a date of the config stays, and a template without a clock gets none", () => {
  const folder = mkdtempSync(join(temporary, "run-"))
  const given = parseConfig({ ...input, rollout: { templateVariables: { strftime_now: "2020-01-01" } } })
  expect(withPromptDate(given, dated, folder)).toBe(given)
  const config = parseConfig(input)
  expect(withPromptDate(config, { chatTemplate: "{{ date_string }}" }, folder)).toBe(config)
  expect(withPromptDate(config, { chatTemplate: undefined }, folder)).toBe(config)
})

test("a record that names no date is an error", () => {
  const folder = mkdtempSync(join(temporary, "run-"))
  writeFileSync(join(folder, "prompts.json"), '{"date": "soon"}')
  expect(() => withPromptDate(parseConfig(input), dated, folder)).toThrow(CheckpointError)
  expect(readFileSync(join(folder, "prompts.json"), "utf8")).toContain("soon")
})

test("a model without an end is warned about, unless stop strings end its responses", () => {
  expect(endlessWarning(parseConfig(input), [])).toMatch(/names no token that ends a response.*eos_token_id/)
  expect(endlessWarning(parseConfig(input), [1])).toBeUndefined()
  expect(endlessWarning(parseConfig({ ...input, rollout: { stopStrings: ["\n"] } }), [])).toBeUndefined()
})
