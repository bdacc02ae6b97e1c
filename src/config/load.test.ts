import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { parse } from "yaml"
import { ConfigError } from "../errors.ts"
import { configChanges, resumeIssues } from "./config-changes.ts"
import { defaults } from "./defaults.ts"
import { settingPaths } from "./json-schema.ts"
import { configToYaml, loadConfigFile, resolveConfigFile, resolveSavedConfig } from "./load.ts"
import { applyOverrides } from "./overrides.ts"
import { parseConfig } from "./parse.ts"
import { pipoPresets } from "./pipo-settings.ts"
import type { ResolvedConfig } from "./schema.ts"
import { commentedTemplate } from "./template.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-config-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(text: string): string {
  const path = join(folder, "config.yaml")
  writeFileSync(path, text)
  return path
}

function messages(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n")
    throw error
  }
  return []
}

const good = "model:\n  preset: nano\ntask:\n  name: add2\n"

describe("a config file", () => {
  test("with broken YAML names file, line and column", () => {
    const [message] = messages(() => loadConfigFile(file("seed: 1\nmodel: [a\ntask: 2\n")))
    expect(message).toMatch(/config\.yaml:3:1: expected YAML, got: /)
  })

  test("with a key twice is refused", () => {
    expect(messages(() => loadConfigFile(file("seed: 1\nseed: 2\n")))[0]).toContain("config.yaml:2:1")
  })

  test("that is not there is refused with the way to make one", () => {
    expect(messages(() => loadConfigFile(join(folder, "none.yaml")))[0]).toContain("pirl init")
  })

  test("gives the line of each wrong setting, and marks those from the command line", () => {
    const path = file(`${good}rollout:\n  groupSize: x\n  topPP: 1\n`)
    const found = messages(() => resolveConfigFile(path, ["pipo.lambda=-7"]))
    expect(found).toHaveLength(3)
    expect(found.find((line) => line.startsWith("rollout.groupSize"))).toContain("config.yaml:6)")
    expect(found.find((line) => line.startsWith("rollout.topPP"))).toContain("config.yaml:7)")
    expect(found.find((line) => line.startsWith("pipo.lambda"))).toContain("(from --set)")
  })

  test("survives writing and reading", () => {
    const path = file(`${good}warmStart: {}\nlora: {rank: 4}\noptimizer: {learningRate: 1e-6}\n`)
    const config = resolveConfigFile(path)
    expect(config.optimizer.learningRate).toBe(1e-6)
    expect(parseConfig(parse(configToYaml(config)))).toEqual(config)
  })
})

describe("overrides", () => {
  test("are read as YAML values, later ones winning, the raw config unchanged", () => {
    const raw = { pipo: { window: 8 } }
    const value = applyOverrides(raw, [
      "pipo.window=4",
      "optimizer.learningRate=1e-4",
      "lora.targets=[q_proj, v_proj]",
      "pipo.enabled=false",
      "task.template=a=b",
      "pipo.window=5",
    ])
    expect(value).toEqual({
      pipo: { window: 5, enabled: false },
      optimizer: { learningRate: 1e-4 },
      lora: { targets: ["q_proj", "v_proj"] },
      task: { template: "a=b" },
    })
    expect(raw).toEqual({ pipo: { window: 8 } })
  })

  test("without a value take the setting away", () => {
    const value = applyOverrides({ model: { path: "m", preset: "nano" }, task: { name: "add2" } }, ["model.path="])
    expect(parseConfig(value).model.preset).toBe("nano")
  })

  test("that cannot be read are all reported", () => {
    const overrides = ["window", "=3", "a..b=1", "seed.x=1", "pipo.gate=[", "__proto__.a=1"]
    const found = messages(() => applyOverrides({ seed: 3 }, overrides))
    expect(found).toHaveLength(6)
    expect(found[3]).toContain("expected `seed` to be a section, got 3")
  })
})

describe("the commented template", () => {
  test("is a config that can be trained as it is", () => {
    const config = parseConfig(parse(commentedTemplate()))
    expect(config.pipo.enabled).toBe(true)
    expect(config.warmStart.enabled).toBe(true)
  })

  test("shows the warm-up that it has", () => {
    const { warmupSteps } = parseConfig(parse(commentedTemplate())).optimizer
    expect(commentedTemplate()).toContain(`\n  # warmupSteps: ${warmupSteps}\n`)
  })

  test("shows every setting in its section", () => {
    const sections = new Map<string, string[]>()
    let section: string[] = []
    for (const line of commentedTemplate().split("\n")) {
      const start = /^(?:# )?(\w+):/.exec(line)
      if (start !== null) sections.set(start[1]!, (section = []))
      const setting = /^[# ]{2,}(\w+):/.exec(line)
      if (setting !== null) section.push(setting[1]!)
    }
    for (const path of settingPaths()) {
      const [name, key] = path.split(".")
      if (key !== undefined && !(key === "enabled" && name !== "pipo")) expect(sections.get(name!), path).toContain(key)
    }
  })

  test("shows the true defaults in its commented lines", () => {
    type Sections = Record<string, Record<string, unknown>>
    const uncommented = parse(commentedTemplate().replaceAll(/^( *)#(\w+:)/gm, "$1$2")) as Sections
    const truth = structuredClone(defaults) as unknown as Sections
    truth["pipo"] = { ...pipoPresets.paper, ...truth["pipo"] }
    let compared = 0
    for (const line of commentedTemplate().matchAll(/^( *)#(\w+):/gm)) {
      const key = line[2]!
      const section = commentedTemplate().slice(0, line.index).match(/^\w+:(?=[^\n]*$)/gm)!.at(-1)!.slice(0, -1)
      expect(uncommented[section]![key], `${section}.${key}`).toEqual(truth[section]![key])
      compared++
    }
    expect(compared).toBeGreaterThan(40)
  })
})

describe("going on with a saved config", () => {
  const saved = (text: string): ResolvedConfig => resolveSavedConfig(file(`${good}${text}`))

  test("of a version without a default warm-up keeps none, and PIPO judges as it did", () => {
    const { optimizer, pipo } = saved("pipo: {preset: paper}\n")
    expect([optimizer.warmupSteps, pipo.duringWarmup]).toEqual([0, "judge"])
    expect(saved("optimizer: {warmupSteps: 20}\n").optimizer.warmupSteps).toBe(20)
    // What a version of today has written.
    const written = parseConfig(parse(good))
    expect(resolveSavedConfig(file(configToYaml(written)))).toEqual(written)
  })

  test("a file that leaves the warm-up to the default goes on with that of the run, whatever its length is now", () => {
    const before = saved("optimizer: {warmupSteps: 0}\n")
    const path = file(good)
    expect(resumeIssues(before, resolveConfigFile(path, ["train.steps=400"]))).not.toEqual([])
    expect(resumeIssues(before, resolveConfigFile(path, ["train.steps=400"], [], before))).toEqual([])
    const short = resolveConfigFile(path, ["train.steps=12"])
    expect(resolveConfigFile(path, ["train.steps=400"], [], short).optimizer.warmupSteps).toBe(3)
  })

  test("a file that names another warm-up is refused", () => {
    const before = saved("")
    const after = resolveConfigFile(file(`${good}optimizer: {warmupSteps: 4}\n`), ["pipo.duringWarmup=wait"], [], before)
    expect(resumeIssues(before, after).map(({ path }) => path).sort()).toEqual(["optimizer.warmupSteps", "pipo.duringWarmup"])
  })

  test.each(["optimizer: 3\n", "optimizer: {warmupSteps: x}\n", "pipo: [1]\n"])("damaged sections are refused by name: %j", (text) => {
    expect(messages(() => saved(text))[0]).toMatch(/^(?:optimizer|pipo).*expected/)
  })
})

describe("resuming with another config", () => {
  const before = parseConfig(parse(good))
  const change = (...overrides: string[]) => parseConfig(applyOverrides(parse(good), overrides))

  test("may change the length of the run, evaluation and checkpoints", () => {
    const after = change("train.steps=400", "checkpoint.every=5", "engine.threads=2", "evaluation.every=3")
    expect(configChanges(before, after).sort()).toEqual(
      ["checkpoint.every", "engine.threads", "evaluation.every", "train.steps"],
    )
    expect(resumeIssues(before, after)).toEqual([])
  })

  test("may not change what the first part was trained with", () => {
    const issues = resumeIssues(before, change("pipo.lambda=0", "seed=2", "task.heldOutSize=3", "train.steps=90"))
    expect(issues.map((issue) => issue.path).sort()).toEqual(["pipo.lambda", "seed", "task.heldOutSize"])
    expect(issues.find((issue) => issue.path === "seed")?.message).toContain("expected 1 as in the run")
  })
})
