import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import type { ConfigIssue } from "../errors.ts"
import { configWarnings } from "./cross-checks.ts"
import { settingPaths } from "./json-schema.ts"
import { parseConfig } from "./parse.ts"
import type { ConfigCheck } from "./parse.ts"
import { pipoPresets } from "./pipo-settings.ts"

const minimal = { model: { preset: "nano" }, task: { name: "add2" } }

function issuesOf(value: unknown, checks: readonly ConfigCheck[] = []): readonly ConfigIssue[] {
  try {
    parseConfig(value, checks)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    throw error
  }
  return []
}

function messageAt(issues: readonly ConfigIssue[], path: string): string {
  const found = issues.filter((issue) => issue.path === path)
  expect(found.map((issue) => issue.path)).toEqual([path])
  return found[0]!.message
}

describe("a config of model and task alone", () => {
  test("is complete, with the published optimiser and PIPO settings", () => {
    const config = parseConfig(minimal)
    expect(config.optimizer).toMatchObject({ beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 1 })
    expect(config.pipo).toMatchObject({ enabled: true, window: 8, lambda: 0.1, sigma: "sample", surrogate: "base" })
    expect(config.warmStart.enabled).toBe(false)
    expect(config.lora.enabled).toBe(false)
    expect(config.model.tokenizer).toBe("character")
  })

  test("keeps the options of the task", () => {
    const config = parseConfig({ ...minimal, task: { name: "addition", difficulty: 3 } })
    expect(config.task).toEqual({ name: "addition", difficulty: 3 })
  })

  test("learns more slowly from a model folder than from scratch", () => {
    expect(parseConfig(minimal).optimizer.learningRate).toBe(2e-4)
    expect(parseConfig({ ...minimal, model: { path: "m" } }).optimizer.learningRate).toBe(1e-6)
    expect(parseConfig({ ...minimal, optimizer: { learningRate: 3e-5 } }).optimizer.learningRate).toBe(3e-5)
  })

  test("parses again to itself", () => {
    const config = parseConfig({ ...minimal, pipo: { preset: "reference-code", lambda: 0 } })
    expect(parseConfig(config)).toEqual(config)
  })
})

describe("sections", () => {
  test("a warm start or an adapter is on when its section is there", () => {
    const config = parseConfig({ ...minimal, warmStart: { maxSteps: 3 }, lora: {} })
    expect([config.warmStart.enabled, config.lora.enabled]).toEqual([true, true])
  })

  test("null and undefined count as absent", () => {
    const config = parseConfig({ ...minimal, seed: undefined, lora: null, pipo: null, rollout: { groupSize: null } })
    expect(config).toEqual(parseConfig(minimal))
  })

  test("null reaches the options to which it is a value, and does not hide an unknown key", () => {
    const { objective } = parseConfig({ ...minimal, objective: { dualClip: null, logRatioClamp: null, clipLow: null } })
    expect(objective).toMatchObject({ dualClip: null, logRatioClamp: null })
    expect("clipLow" in objective).toBe(false)
    expect(issuesOf({ ...minimal, pipo: { windwo: null } }).map((issue) => issue.path)).toEqual(["pipo.windwo"])
    expect(messageAt(issuesOf({ ...minimal, objective: { dualClip: 0.5 } }), "objective.dualClip")).toContain(
      "expected a number above 1 or null, got 0.5",
    )
  })

  test("a setting wins over its pipo preset", () => {
    const { pipo } = parseConfig({ ...minimal, pipo: { preset: "reference-code", surrogate: "base", window: 4 } })
    expect(pipo).toMatchObject({ ...pipoPresets["reference-code"], surrogate: "base", window: 4 })
  })
})

describe("a broken config", () => {
  test("gives all its problems at once, each with its path", () => {
    const issues = issuesOf({
      model: { preset: "nano", path: "somewhere" },
      task: {},
      sedd: 3,
      rollout: { groupSize: "eight", promptsPerStep: 6, topP: 0 },
      pipo: { gate: "leakey", windwo: 3 },
      optimizer: { miniBatches: 4, learningRate: -1 },
      evaluation: { size: 0.5, greedy: "yes" },
      window: 8,
    })
    expect(issues.map((issue) => issue.path).sort()).toEqual([
      "evaluation.greedy",
      "evaluation.size",
      "model",
      "optimizer.learningRate",
      "optimizer.miniBatches",
      "pipo.gate",
      "pipo.windwo",
      "rollout.groupSize",
      "rollout.topP",
      "sedd",
      "task.name",
      "window",
    ])
    expect(messageAt(issues, "rollout.groupSize")).toBe(
      'expected an integer of at least 1, got "eight". Correct it, or leave it out for the default 8.',
    )
    expect(messageAt(issues, "sedd")).toContain("Did you mean `seed`?")
    expect(messageAt(issues, "pipo.windwo")).toContain("Did you mean `pipo.window`?")
    expect(messageAt(issues, "window")).toContain("`pipo.window`")
    expect(messageAt(issues, "pipo.gate")).toContain('Did you mean "leaky"?')
    expect(messageAt(issues, "task.name")).toContain("got nothing. Add `task.name`")
    expect(messageAt(issues, "evaluation.size")).toContain('expected "all" or an integer of at least 1, got 0.5')
    expect(messageAt(issues, "optimizer.learningRate")).toContain("a number above 0, got -1")
  })

  test("does not report what follows from another problem only", () => {
    const issues = issuesOf({ model: { path: 3 }, task: { name: "add2" } })
    expect(issues.map((issue) => issue.path)).toEqual(["model.path"])
  })

  test("refuses a base of adapters without the adapters", () => {
    const issues = issuesOf({ model: { preset: "nano", base: "./base" }, task: { name: "add2" } })
    expect(messageAt(issues, "model.base")).toContain("expected `model.path` with the folder of adapters")
  })

  test("runs the checks of other layers on what is right", () => {
    const check: ConfigCheck = (config) => [
      { path: "objective.name", message: `expected a known one, got ${config.objective.name}. Use grpo.` },
      { path: "rollout.groupSize", message: "spurious" },
    ]
    const issues = issuesOf({ ...minimal, objective: { name: "gpro" }, rollout: { groupSize: [] } }, [check])
    expect(issues.map((issue) => issue.path)).toEqual(["rollout.groupSize", "objective.name"])
    expect(issuesOf(minimal, [check]).map((issue) => issue.path)).toEqual(["objective.name", "rollout.groupSize"])
  })

  test("names the nested form of a dotted key", () => {
    expect(messageAt(issuesOf({ ...minimal, "pipo.window": 3 }), "pipo.window")).toContain("pipo: { window: ... }")
  })

  test.each([[3], ["text"], [[1]], [true]])("is refused when it is not a section: %j", (value) => {
    expect(messageAt(issuesOf(value), "")).toContain("expected a section with settings")
  })

  test("names what an empty config lacks", () => {
    expect(issuesOf(null).map((issue) => issue.path)).toEqual(["task.name", "model"])
  })

  test("of any shape is either accepted or refused with a ConfigError whose issues have a path", () => {
    const section = fc.dictionary(
      fc.constantFrom(...settingPaths().map((path) => path.split(".").at(-1)!), "x", "__proto__", "a.b"),
      fc.jsonValue({ maxDepth: 1 }),
      { maxKeys: 4 },
    )
    const wild = fc.dictionary(
      fc.constantFrom("seed", "model", "task", "pipo", "rollout", "optimizer", "evaluation", "engine", "zzz"),
      fc.oneof(section, fc.jsonValue({ maxDepth: 2 })),
    )
    fc.assert(
      fc.property(wild, (value) => {
        for (const issue of issuesOf(value)) {
          expect(issue.path).not.toBe("")
          expect(issue.message).toMatch(/^expected .*got .*[.?}]$/su)
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe("settings that do not go together", () => {
  test.each([
    ["no model", { model: {} }, "model"],
    ["a folder with a tokenizer", { model: { path: "m", tokenizer: "byte" } }, "model.tokenizer"],
    ["an alphabet for bytes", { model: { preset: "nano", tokenizer: "byte", alphabet: "ab" } }, "model.alphabet"],
    ["a group of one", { rollout: { groupSize: 1 } }, "rollout.groupSize"],
    ["a group of one with rloo", { rollout: { groupSize: 1 }, objective: { advantage: "rloo" } }, "rollout.groupSize"],
    ["uneven mini-batches", { optimizer: { miniBatches: 7 } }, "optimizer.miniBatches"],
    ["a clip gate without a critic", { pipo: { gate: "clip" } }, "pipo.gate"],
    [
      "a reference loss nobody published",
      { objective: { name: "cispo" }, pipo: { preset: "reference-code" } },
      "pipo.surrogate",
    ],
    ["a decay within the warm-up", { optimizer: { schedule: "cosine", warmupSteps: 200 } }, "optimizer.warmupSteps"],
    ["no measure", { evaluation: { greedy: false, expected: false } }, "evaluation"],
  ])("%s is refused", (_, change, path) => {
    expect(issuesOf({ ...minimal, ...change }).map((issue) => issue.path)).toEqual([path])
  })

  test.each([
    ["a group of one with reinforce++", { rollout: { groupSize: 1 }, objective: { name: "reinforce++" } }],
    ["a clip gate with ppo", { objective: { name: "ppo" }, pipo: { gate: "clip" } }],
    ["a clip gate while pipo is off", { pipo: { enabled: false, gate: "clip" } }],
    ["a constant rate with a long warm-up", { optimizer: { warmupSteps: 500 } }],
  ])("%s is accepted", (_, change) => {
    expect(issuesOf({ ...minimal, ...change })).toEqual([])
  })
})

describe("the warm-up of a run that names none", () => {
  test.each([
    [1, 0],
    [3, 0],
    [4, 1],
    [20, 5],
    [39, 9],
    [40, 10],
    [200, 10],
    [100_000, 10],
  ])("of %d steps is %d", (steps, warmupSteps) => {
    expect(parseConfig({ ...minimal, train: { steps } }).optimizer.warmupSteps).toBe(warmupSteps)
  })

  test("is what is named otherwise, nothing included", () => {
    expect(parseConfig({ ...minimal, optimizer: { warmupSteps: 0 } }).optimizer.warmupSteps).toBe(0)
    expect(parseConfig({ ...minimal, optimizer: { warmupSteps: 50 }, train: { steps: 60 } }).optimizer.warmupSteps).toBe(50)
  })

  test("never leaves a decaying schedule without a step to decay in", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (steps) => {
        expect(issuesOf({ ...minimal, optimizer: { schedule: "cosine" }, train: { steps } })).toEqual([])
      }),
    )
  })
})

describe("warnings", () => {
  test("the reference code's loss is warned about with its measurement", () => {
    const warnings = configWarnings(parseConfig({ ...minimal, pipo: { preset: "reference-code" } }))
    expect(warnings.find((warning) => warning.startsWith("pipo.surrogate"))).toContain("-0.182")
  })

  test("a sound config has none, small batches and short runs have one", () => {
    const warningsOf = (change: object): string[] => configWarnings(parseConfig({ ...minimal, ...change }))
    expect(warningsOf({})).toEqual([])
    expect(warningsOf({ rollout: { promptsPerStep: 16 } })).toEqual([expect.stringContaining("128 responses")])
    expect(warningsOf({ train: { steps: 8 } })).toEqual([expect.stringContaining("pipo.minSteps")])
    expect(warningsOf({ train: { steps: 8 }, pipo: { enabled: false } })).toEqual([])
    // The first verdict waits for the warm-up and then for a window of eight: ten and eight steps.
    expect(warningsOf({ train: { steps: 17 }, optimizer: { warmupSteps: 10 } })).toEqual([expect.stringContaining("optimizer.warmupSteps")])
    expect(warningsOf({ train: { steps: 18 }, optimizer: { warmupSteps: 10 } })).toEqual([])
    expect(warningsOf({ train: { steps: 9 }, optimizer: { warmupSteps: 0 } })).toEqual([])
    expect(warningsOf({ pipo: { window: 1 } })).toEqual([expect.stringContaining("pipo.window")])
  })
})

describe("the shaping of a batch", () => {
  const withRollout = (rollout: unknown, pipo = {}): unknown => ({ ...minimal, rollout, pipo })

  test("dynamic sampling and the curriculum are on when their section is there", () => {
    const { rollout } = parseConfig(withRollout({ dynamicSampling: { maxRounds: 2 }, curriculum: {} }))
    expect([rollout.dynamicSampling.enabled, rollout.curriculum.enabled]).toEqual([true, true])
    const { dynamicSampling, curriculum, overlong } = parseConfig(minimal).rollout
    expect([dynamicSampling.enabled, curriculum.enabled, overlong.bufferTokens]).toEqual([false, false, 0])
  })

  test("refuses what would drop every group, or penalise every length", () => {
    const issues = issuesOf({
      ...minimal,
      rollout: { groupSize: 1, maxResponseTokens: 8, dynamicSampling: {}, overlong: { bufferTokens: 8 } },
      objective: { name: "reinforce" },
    })
    expect(messageAt(issues, "rollout.dynamicSampling.enabled")).toContain("groupSize 1")
    expect(messageAt(issues, "rollout.overlong.bufferTokens")).toContain("fewer than rollout.maxResponseTokens (8), got 8")
  })

  test("refuses PIPO over a curriculum without a uniform part, and takes the two apart", () => {
    const rollout = { curriculum: { uniformShare: 0 } }
    expect(messageAt(issuesOf(withRollout(rollout)), "rollout.curriculum.uniformShare")).toContain("mean reward of prompts that nobody chose")
    expect(issuesOf(withRollout(rollout, { enabled: false }))).toEqual([])
    expect(issuesOf(withRollout({ curriculum: {} }))).toEqual([])
  })

  test("counts the responses of the uniform part where it says how noisy the signal is", () => {
    const noisy = (rollout: unknown): boolean => configWarnings(parseConfig(withRollout(rollout))).some((text) => text.startsWith("rollout: with 128"))
    expect(noisy({ promptsPerStep: 64, groupSize: 8, curriculum: {} })).toBe(true)
    expect(noisy({ promptsPerStep: 64, groupSize: 8 })).toBe(false)
  })
})

test.each(["http://user:hunter2@localhost:8000", "http://hunter2@localhost:8000", "http://localhost:8000/?api_key=hunter2"])("a server's address with a secret in it (%s) is refused, and not repeated", (url) => {
  const config = { model: { path: "m" }, task: { name: "add2" }, engine: { kind: "tinker", server: { url, baseModel: "m", lossReduction: "sum" } } }
  expect(issuesOf(config).map((issue) => issue.path)).toEqual(["engine.server.url"])
  expect(messageAt(issuesOf(config), "engine.server.url")).toMatch(/^(?!.*hunter2).*TINKER_API_KEY/)
  // The error of another setting shows a command with the address.
  const { lossReduction: _lossReduction, ...server } = config.engine.server
  const unknownReduction = { ...config, engine: { kind: "tinker", server } }
  expect(issuesOf(unknownReduction).map((issue) => issue.path)).toEqual(["engine.server", "engine.server.url"])
  expect(JSON.stringify(issuesOf(unknownReduction))).not.toContain("hunter2")
})

describe("sampling during the update", () => {
  const overlapped = {
    model: { path: "m" },
    task: { name: "add2" },
    objective: { importanceCorrection: "token-truncate" },
    train: { overlap: true },
    engine: { kind: "tinker", server: { url: "http://localhost:8000", baseModel: "m", lossReduction: "sum" } },
  }

  test("is off unless asked for, and taken with a server and a correction", () => {
    expect(parseConfig(minimal).train.overlap).toBe(false)
    expect(parseConfig(overlapped).train.overlap).toBe(true)
  })

  test.each([
    ["the embedded engine", { ...minimal, objective: overlapped.objective, train: overlapped.train }, "train.overlap", /engine\.kind onnx.*Set engine\.kind: tinker, or remove it/],
    ["no importance correction", { ...overlapped, objective: {} }, "objective.importanceCorrection", /Set objective\.importanceCorrection: token-truncate/],
    ["a paired improvement", { ...overlapped, pipo: { preset: "verified" } }, "pipo.acts", /Use pipo\.preset: paper/],
  ])("is refused with %s, with what to do", (_, config, path, message) => {
    expect(issuesOf(config).map((issue) => issue.path)).toEqual([path])
    expect(messageAt(issuesOf(config), path)).toMatch(message)
  })
})

describe("rollouts in eight bits", () => {
  const int8 = { ...minimal, rollout: { precision: "int8" } }

  test("are corrected token by token unless another correction is named", () => {
    expect(parseConfig(minimal).objective.importanceCorrection).toBeUndefined()
    expect(parseConfig(int8).objective.importanceCorrection).toBe("token-truncate")
    const other = { ...int8, objective: { importanceCorrection: "sequence-mask" } }
    expect(parseConfig(other).objective.importanceCorrection).toBe("sequence-mask")
  })

  test.each([
    [
      "without a correction",
      { ...int8, objective: { importanceCorrection: "none" } },
      "objective.importanceCorrection",
      /Set objective\.importanceCorrection: token-truncate, or rollout\.precision: f32/,
    ],
    [
      "on a server",
      {
        ...int8,
        model: { path: "m" },
        engine: { kind: "tinker", server: { url: "http://localhost:8000", baseModel: "m", lossReduction: "sum" } },
      },
      "rollout.precision",
      /expected f32 with engine\.kind tinker/,
    ],
  ])("are refused %s", (_, config, path, message) => {
    expect(messageAt(issuesOf(config), path)).toMatch(message)
  })
})
