import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, test } from "vitest"
import { configWarnings, resolveConfigFile, type ResolvedConfig } from "../src/config/index.ts"
import { parseDatasetOptions } from "../src/data/dataset-options.ts"
import { planRun } from "../src/cli/backends/plan.ts"
import { configChecks } from "../src/trainer/config-checks.ts"
import { parityFolder } from "./helpers/parity-fixtures.ts"

const repository = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = join(repository, "examples/paper")
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml")).sort()
const temporary = mkdtempSync(join(tmpdir(), "pirl-paper-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** A tiny model of the same family with the context of the large one, a few rows in the form of MATH, cut benchmarks. */
function standIns(): string[] {
  const model = join(temporary, "model")
  cpSync(parityFolder("qwen3-with-tokenizer"), model, { recursive: true })
  const config = JSON.parse(readFileSync(join(model, "config.json"), "utf8")) as Record<string, unknown>
  writeFileSync(join(model, "config.json"), JSON.stringify({ ...config, max_position_embeddings: 40_960 }))
  const rows = Array.from({ length: 600 }, (_, i) => ({
    problem: `What is $${i}+${i + 1}$?`,
    level: "Level 1",
    type: "Algebra",
    solution: `We add and get $\\boxed{${2 * i + 1}}$.`,
  }))
  const data = join(temporary, "math-train.jsonl")
  writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
  const sets = ["math-500", "amc23", "aime25", "minerva-math", "olympiad-math"].map((name) => join(repository, `test/fixtures/benchmarks/${name}.parquet`))
  return [`model.path=${model}`, `task.path=${data}`, `task.disjointFrom=${JSON.stringify(sets)}`]
}

const overrides = standIns()

function resolved(file: string): ResolvedConfig {
  return resolveConfigFile(join(folder, file), overrides)
}

test("there is a config for each objective, with and without PIPO", () => {
  const expected = ["dapo", "gspo", "grpo", "ppo"].flatMap((name) => [`qwen3-4b-math-${name}-pipo.yaml`, `qwen3-4b-math-${name}.yaml`])
  expect(files).toEqual(expected.sort())
})

describe.each(files)("%s", (file) => {
  const withPipo = file.endsWith("-pipo.yaml")

  test("has the published numbers", () => {
    const { rollout, optimizer, train, pipo, objective } = resolved(file)
    expect([rollout.promptsPerStep, rollout.groupSize, rollout.maxResponseTokens]).toEqual([128, 8, 4096])
    expect(rollout.promptsPerStep / optimizer.miniBatches).toBe(64)
    expect([optimizer.learningRate, train.steps]).toEqual([1e-6, 250])
    expect([optimizer.warmupSteps, pipo.duringWarmup]).toEqual(objective.name === "dapo" ? [10, withPipo ? "judge" : "wait"] : [0, "wait"])
    expect(pipo.enabled).toBe(withPipo)
    if (withPipo) expect([pipo.window, pipo.lambda, pipo.mu, pipo.surrogate]).toEqual([8, 0.1, "sampled", "base"])
    const { name } = objective
    expect(objective.klCoefficient).toBe(name === "grpo" || name === "dapo" ? 0.001 : 0)
    if (name === "grpo" || name === "dapo") expect([objective.dualClip, objective.klEstimator]).toEqual([10, "k3"])
    if (name === "grpo") expect([rollout.temperature, rollout.topP]).toEqual([0.7, 0.95])
    if (name === "gspo") expect([rollout.temperature, rollout.topP]).toEqual([1, 1])
    expect(rollout.dynamicSampling.enabled).toBe(name === "dapo")
  })

  test("asks for the answer as the published prompts do, in a box", () => {
    const { name: _name, ...options } = resolved(file).task
    const template = parseDatasetOptions(options).template as { user: string }
    expect(template.user).toBe("{prompt}\n\nPlease solve this step by step and put your final answer in \\boxed{}.")
  })

  test("passes every check of a run", () => {
    expect(configWarnings(resolveConfigFile(join(folder, file), overrides, configChecks))).toEqual([])
  })

  test("ends with the section of a server that passes the checks, but for PPO, whose critic servers lack", () => {
    const text = readFileSync(join(folder, file), "utf8")
    const section = /^# engine:\n(?:#.*\n)+$/m
    const { name } = resolved(file).objective
    expect(section.test(text)).toBe(name !== "ppo")
    const onServer = join(temporary, file)
    writeFileSync(onServer, `${text.replace(section, (lines) => lines.replaceAll(/^# /gm, ""))}\n`)
    const given = [...overrides, ...(name === "grpo" ? ["rollout.temperature=1"] : []), ...(name === "ppo" ? ["engine.kind=tinker", "engine.server.url=http://localhost:1", "engine.server.baseModel=b", "engine.server.lossReduction=sum", "rollout.temperature=1"] : [])]
    const resolve = (): string => resolveConfigFile(onServer, given, configChecks).engine.kind
    if (name === "ppo") expect(resolve).toThrow("servers have no value head")
    else expect(resolve()).toBe("tinker")
  })

  test("differs from its counterpart in the pipo section alone", () => {
    const other = withPipo ? file.replace("-pipo", "") : file.replace(".yaml", "-pipo.yaml")
    const { pipo: _own, ...own } = resolved(file)
    const { pipo: _others, ...others } = resolved(other)
    expect(own).toEqual(others)
  })
})

test("a dry run reads model, tokenizer, data and evaluation sets, and shows the sizes", async () => {
  const { rows } = await planRun(resolved("qwen3-4b-math-dapo-pipo.yaml"), false)
  const plan = new Map(rows)
  expect(plan.get("batch")).toBe("128 prompts x 8 responses = 1.02k sequences, in up to 10 rounds")
  expect(plan.get("task")).toMatch(/500 held-out problems$/)
  expect(plan.get("optimiser steps")).toBe("2 per iteration and the verification update")
  expect(plan.get("prompt")).toMatch(/ of 40960 tokens, response up to 4096$/)
})
