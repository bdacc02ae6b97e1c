import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import type { ResolvedConfig } from "../config/index.ts"
import { createRunFolder } from "../runs/index.ts"
import { benchCommand } from "./bench.ts"
import { runCli } from "./cli.ts"
import { captured } from "./cli.test-helper.ts"
import type { Command } from "./command.ts"
import { evalCommand } from "./eval.ts"
import { resolveModelSource } from "../trainer/model-source.ts"
import type { ModelSource } from "../trainer/model-source.ts"
import { sampleCommand } from "./sample.ts"
import type { SampleBackend } from "./sample.ts"
import { sftCommand } from "./sft.ts"
import type { SftBackend } from "./sft.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-models-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const configYaml = "model: {preset: nano}\ntask: {name: add2, heldOutSize: 99}\nseed: 7\n"
const configFile = join(folder, "config-file.yaml")
writeFileSync(configFile, configYaml)

const run = join(folder, "run")
const opened = createRunFolder(run, { configYaml, keepCheckpoints: 2 })
for (const step of [3, 6]) await opened.checkpoints.write(step, (to) => writeFileSync(join(to, "config.json"), "{}"))
opened.close()
const model = join(folder, "model")
mkdirSync(model)
writeFileSync(join(model, "config.json"), "{}")

async function pirl(command: Command, ...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const context = captured()
  const table = [{ name: command.name, summary: "", load: () => Promise.resolve(command) }]
  const code = await runCli([command.name, ...argv], context, table)
  return { code, out: context.stdout(), err: context.stderr() }
}

describe("a model or run", () => {
  test("is the newest checkpoint of a run, a checkpoint by its step, or a model folder", () => {
    expect(resolveModelSource(run)).toMatchObject({ path: join(run, "checkpoints", "step-000006"), step: 6 })
    expect(resolveModelSource(run, 3).path).toBe(join(run, "checkpoints", "step-000003"))
    expect(resolveModelSource(model)).toEqual({ path: model, config: undefined, step: undefined })
  })

  test("that is not there is refused with what there is", () => {
    expect(() => resolveModelSource(run, 4)).toThrow("expected a checkpoint of step 4 in the run")
    expect(() => resolveModelSource(run, 4)).toThrow("got those of step 3, 6")
    expect(() => resolveModelSource(model, 4)).toThrow("Leave --checkpoint out")
    expect(() => resolveModelSource(folder)).toThrow("which is none of them")
  })
})

describe("pirl eval", () => {
  const seen: { model: ModelSource; config: ResolvedConfig }[] = []
  const command = evalCommand({
    checks: [],
    evaluate: (model, config) => {
      seen.push({ model, config })
      const line = { step: 0, size: 50, greedyAccuracy: 0.5, greedyNoAnswerRate: 0.1, time: { at: "", seconds: 3 } }
      return Promise.resolve({ line, notes: [] })
    },
  })

  test("measures a run by its own config, with settings on top", async () => {
    const { code, out } = await pirl(command, run, "--set", "evaluation.size=50")
    expect(code).toBe(0)
    expect(seen.at(-1)!.config).toMatchObject({ seed: 7, task: { heldOutSize: 99 }, evaluation: { size: 50 } })
    expect(out).toMatch(/greedy accuracy +50\.0 % +\(95 %: 36\.6 to 63\.4\)/)
    expect(out).toMatch(/without an answer +10\.0 %/)
    expect(out).not.toContain("expected accuracy")
  })

  test("measures a model folder on a task that is named, and needs the name", async () => {
    const { out } = await pirl(command, model, "--task", "sort", "--json")
    expect(JSON.parse(out)).toMatchObject({ model, task: "sort", greedyAccuracy: 0.5 })
    expect(seen.at(-1)!.config.model.path).toBe(model)
    expect(await pirl(command, model)).toMatchObject({ code: 2, err: expect.stringContaining("--task NAME") })
  })

  test("takes questions of one's own, with what a run that was trained on a data set says of its rows", async () => {
    await pirl(command, model, "--data", "sums.jsonl", "--verifier", "math", "--set", "task.columns.answer=sum")
    const task = { name: "dataset", path: "sums.jsonl", verifier: "math", columns: { answer: "sum" } }
    expect(seen.at(-1)!.config.task).toEqual(task)
    expect((await pirl(command, model, "--data", "a.jsonl", "--task", "sort")).err).toContain(
      "expected --task or --data, got both",
    )
    expect((await pirl(command, model, "--task", "sort", "--verifier", "math")).err).toContain(
      "expected --verifier only with --data",
    )
  })

  test("gives another task none of the run's options", async () => {
    await pirl(command, run, "--task", "sort")
    expect(seen.at(-1)!.config.task).toEqual({ name: "sort" })
  })
})

describe("pirl sample", () => {
  const requests: Parameters<SampleBackend["sample"]>[0][] = []
  const command = sampleCommand({
    checks: [() => [{ path: "task.name", message: "expected a task, got none." }]],
    sample: (request) => {
      requests.push(request)
      return Promise.resolve([{ prompt: "1+1=", completion: "2", tokens: 2, stopReason: "stop", logprob: -0.5 }])
    },
  })

  test("answers prompts without a task, by the settings given", async () => {
    const options = ["--temperature", "0.5", "--seed", "3", "--count", "2"]
    const { code, out } = await pirl(command, model, "--prompt", "1+1=", ...options)
    expect(code).toBe(0)
    expect(requests.at(-1)).toMatchObject({ prompts: { texts: ["1+1="] }, temperature: 0.5, count: 2 })
    expect(requests.at(-1)!.config).toMatchObject({ seed: 3 })
    expect(out).toBe("1+1=\n2\n    [2 tokens, stop]\n\n")
  })

  test("asks with a system message or with bare text, over what the run was trained with", async () => {
    await pirl(command, model, "--prompt", "a", "--system", 'yes: "no"\n#')
    expect(requests.at(-1)!.config.rollout).toMatchObject({ chatTemplate: "auto", systemPrompt: 'yes: "no"\n#' })
    await pirl(command, model, "--prompt", "a", "--set", "rollout.systemPrompt=x", "--raw")
    expect(requests.at(-1)!.config.rollout.chatTemplate).toBe(false)
    expect(requests.at(-1)!.config.rollout.systemPrompt).toBeUndefined()
    // The run of this file was saved before there was the setting.
    await pirl(command, run, "--prompt", "a")
    expect(requests.at(-1)!.config.rollout.chatTemplate).toBe(false)
    await pirl(command, run, "--prompt", "a", "--system", "b")
    expect(requests.at(-1)!.config.rollout.chatTemplate).toBe("auto")
    const { err } = await pirl(command, model, "--prompt", "a", "--system", "b", "--raw")
    expect(err).toContain("expected --system or --raw, got both")
  })

  test("cannot steer the terminal, and keeps its lines", async () => {
    const wild = sampleCommand({
      checks: [],
      sample: () => Promise.resolve([{ prompt: "a\tb\n", completion: "\u001b]0;title\u0007\r\u202ered \u{1f600}", tokens: 2, stopReason: "stop", logprob: -0.5 }]),
    })
    expect((await pirl(wild, model, "--prompt", "a")).out).toBe("a\tb\n\n\\u001b]0;title\\u0007\\u000d\\u202ered \u{1f600}\n    [2 tokens, stop]\n\n")
  })

  test("takes temperature 0, which training cannot have, and the config's without one", async () => {
    expect((await pirl(command, model, "--prompt", "1+1=", "--temperature", "0")).code).toBe(0)
    expect(requests.at(-1)).toMatchObject({ temperature: 0 })
    await pirl(command, model, "--prompt", "1+1=", "--set", "rollout.temperature=0.7")
    expect(requests.at(-1)).toMatchObject({ temperature: 0.7 })
  })

  test("checks the task when problems are answered, and takes prompts or problems", async () => {
    expect((await pirl(command, run)).err).toContain("task.name: expected a task")
    expect((await pirl(command, run, "--prompt", "a", "--problems", "3")).err).toContain("got both")
    expect((await pirl(command, run, "--prompt", "a", "--temperature", "-1")).err).toContain("expected --temperature of 0 or more, got -1")
  })
})

describe("pirl sft", () => {
  const requests: Parameters<SftBackend["sft"]>[0][] = []
  const command = sftCommand({
    checks: [],
    sft: (request) => {
      requests.push(request)
      const progress = { step: 5, loss: 1.25, heldOutAccuracy: 0.25, measure: "expected" as const }
      request.onProgress(progress)
      return Promise.resolve(progress)
    },
  })

  test("does the warm start of a config also when it has none, and tells where the model is", async () => {
    const out = join(folder, "sft")
    const result = await pirl(command, configFile, "--out", out)
    expect(result.code).toBe(0)
    expect(requests.at(-1)!.config.warmStart.enabled).toBe(true)
    expect(result.err).toContain("step 5  loss 1.2500  held-out 25.0 % expected\n")
    expect(result.out).toBe(`held-out accuracy 25.0 % expected after 5 steps, saved in ${out}\n`)
    const json = await pirl(command, configFile, "--out", out, "--json")
    expect(JSON.parse(json.out)).toEqual({ step: 5, loss: 1.25, heldOutAccuracy: 0.25, measure: "expected" })
  })

  test("does not write over a folder that is named, and without a name takes the first of the config's that is free under models", async () => {
    expect(await pirl(command, configFile, "--out", model)).toMatchObject({ code: 2 })
    const before = process.cwd()
    process.chdir(folder)
    try {
      await pirl(command, "config-file.yaml")
      expect(requests.at(-1)!.out).toBe(join("models", "config-file"))
      mkdirSync(join("models", "config-file"), { recursive: true })
      writeFileSync(join("models", "config-file", "config.json"), "{}")
      await pirl(command, "config-file.yaml")
      expect(requests.at(-1)!.out).toBe(join("models", "config-file-2"))
    } finally {
      process.chdir(before)
    }
  })
})

describe("pirl bench", () => {
  const command = benchCommand({
    bench: ({ python }) => {
      const reference = python === undefined ? null : 2000
      const measured = { tokensPerSecond: 3000, reference, ratio: reference === null ? null : 1.5 }
      return Promise.resolve({ train: measured, sample: measured, ragged: measured })
    },
    benchModel: ({ python }) => {
      const reference = python === undefined ? null : 50
      const work = { seconds: 2, tokensPerSecond: 400, reference, ratio: reference === null ? null : 8 }
      return Promise.resolve({ sample: work, train: work, step: work, stepAllSignal: work, signalShare: 0.25 })
    },
  })

  test("prints a table, or one object with --json", async () => {
    expect((await pirl(command)).out).toContain("train        3.00k        -      -\n")
    const { out } = await pirl(command, "--json", "--python", process.execPath)
    expect(JSON.parse(out)).toMatchObject({ ragged: { tokensPerSecond: 3000, reference: 2000, ratio: 1.5 } })
  })

  test("measures a model of one's own, and says what its figures count", async () => {
    const model = join(folder, "bench-model")
    mkdirSync(model)
    writeFileSync(join(model, "config.json"), "{}")
    const { out } = await pirl(command, "--model", model, "--python", process.execPath)
    expect(out).toContain("step")
    expect(out).toContain("50.0 (TRL)")
    expect(out).toContain("25 % of the groups had a signal")
    expect(JSON.parse((await pirl(command, "--model", model, "--json")).out)).toMatchObject({
      stepAllSignal: { ratio: null },
      signalShare: 0.25,
    })
    expect(await pirl(command, "--precision", "int8")).toMatchObject({ code: 2 })
    expect(await pirl(command, "--model", model, "--precision", "int4")).toMatchObject({ code: 2 })
  })

  test("refuses a Python that is not there", async () => {
    expect(await pirl(command, "--python", join(folder, "none"))).toMatchObject({ code: 2 })
  })
})
