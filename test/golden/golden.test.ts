import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import type { Json } from "./harness/fields.ts"
import { runGoldenFile } from "./harness/run-file.ts"

interface Entry {
  name: string
  kind: string
  config: Record<string, Json>
  inputs: Record<string, Json>
  outputs: Record<string, Json>
}
interface GoldenFile {
  batches: Record<string, Json>
  entries: Entry[]
}

const file = JSON.parse(readFileSync(new URL("reference-numbers.json", import.meta.url), "utf8")) as GoldenFile
const TOLERANCE = 1e-10

function run(entries: readonly Entry[]): ReturnType<typeof runGoldenFile> {
  return runGoldenFile({ batches: file.batches, entries } as unknown as Json, TOLERANCE)
}

function changed(name: string, change: (entry: Entry) => void): Entry {
  const entry = structuredClone(file.entries.find((candidate) => candidate.name === name)!)
  change(entry)
  return entry
}

/** The first number that differs from 0 anywhere in a value, made a thousandth larger. */
function nudge(value: Json): { readonly value: Json; readonly done: boolean } {
  if (typeof value === "number" && value !== 0) return { value: value * 1.001 + 1e-6, done: true }
  if (Array.isArray(value)) {
    const copy: Json[] = [...value]
    for (let i = 0; i < copy.length; i++) {
      const { value: next, done } = nudge(copy[i]!)
      copy[i] = next
      if (done) return { value: copy, done }
    }
    return { value: copy, done: false }
  }
  return { value, done: false }
}

describe("golden numbers", () => {
  test("every recorded number is met", () => {
    const failed = run(file.entries).filter((result) => !result.passed)
    expect(failed).toEqual([])
  })

  test("the differences from the reference are the two documented kinds", () => {
    const named = run(file.entries)
      .filter((result) => result.note !== "")
      .map((result) => result.name)
    expect(named.sort()).toEqual(["agg/seq-mean-token-mean/empty_row", "trl/luspo_beta/base", "trl/luspo_token/base"])
  })

  test("a recorded number that is off by a thousandth fails, whatever the entry", () => {
    const primary = ["loss", "dloss_dlogp", "advantages", "advantages_seq", "kl", "coefficients", "scaled_advantages"]
    const altered = file.entries.flatMap((entry) => {
      const field = primary.find((name) => entry.outputs[name] !== undefined && nudge(entry.outputs[name]).done)
      if (field === undefined || entry.outputs["loss"] === "NaN") return []
      return [{ ...entry, outputs: { ...entry.outputs, [field]: nudge(entry.outputs[field]!).value } }]
    })
    expect(altered.length).toBeGreaterThan(150)
    expect(run(altered).filter((result) => result.passed)).toEqual([])
  })

  test("another constant in the config gives other numbers", () => {
    const entries = [
      changed("loss/vanilla/base", (entry) => (entry.config["clip_ratio"] = 0.1)),
      changed("loss/bapo_explicit/base", (entry) => (entry.config["bapo_b_plus"] = 1.6)),
      changed("trl/sapo/base", (entry) => (entry.config["sapo_temperature_neg"] = 1.2)),
      changed("trl/grpo_beta/base", (entry) => (entry.config["beta"] = 0.05)),
      changed("pipo_window/walk_K4", (entry) => (entry.config["K"] = 5)),
    ]
    expect(run(entries).filter((result) => result.passed)).toEqual([])
  })

  test("what the runner does not know is a failure and says so", () => {
    const results = run([
      changed("loss/vanilla/base", (entry) => (entry.kind = "new_kind")),
      changed("loss/vanilla/base", (entry) => (entry.config["loss_mode"] = "new_mode")),
      changed("loss/vanilla/base", (entry) => (entry.config["new_field"] = 1)),
      changed("loss/vanilla/base", (entry) => (entry.outputs["new_output"] = 1)),
      changed("loss/vanilla/base", (entry) => (entry.config["kl_loss_coef"] = 0.1)),
    ])
    expect(results.map((result) => result.passed)).toEqual([false, false, false, false, false])
    for (const result of results.slice(0, 4)) expect(result.note).toMatch(/not yet covered/)
  })

  test("an error that the reference raises and we do not is a failure", () => {
    const [result] = run([changed("adv/rloo/continuous", (entry) => (entry.outputs = { raises: "ValueError" }))])
    expect(result).toMatchObject({ passed: false })
  })
})
