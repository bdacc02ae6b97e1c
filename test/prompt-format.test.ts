import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { resolveModelSource } from "../src/trainer/model-source.ts"
import { captured } from "../src/cli/cli.test-helper.ts"
import { runCli } from "../src/cli/cli.ts"
import { configToYaml, parseConfig, type ConfigInput } from "../src/config/index.ts"
import { saveModelFolder } from "../src/model/folder.ts"
import { initialiseWeights } from "../src/model/initialise.ts"
import { presetConfig } from "../src/model/presets.ts"
import { createCharacterTokenizer } from "../src/model/tokenizer-create.ts"
import { trainRun } from "../src/trainer/train-run.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-prompt-format-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function modelFolder(name: string, alphabet: string, template: string): Promise<string> {
  const directory = join(root, name)
  const tokenizer = createCharacterTokenizer(alphabet)
  const config = presetConfig("nano", {
    vocabularySize: tokenizer.vocabularySize,
    contextLength: 32,
    eosTokens: tokenizer.eosTokens,
  })
  mkdirSync(directory)
  await saveModelFolder(directory, { config, weights: initialiseWeights(config, 1), tokenizer })
  writeFileSync(join(directory, "chat_template.jinja"), template)
  return directory
}

function configOf(path: string, rollout: ConfigInput["rollout"] = {}): ConfigInput {
  return {
    model: { path },
    task: { name: "add2", heldOutSize: 4 },
    warmStart: { maxSteps: 1, batchSize: 4, targetAccuracy: 1 },
    rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 4, ...rollout },
    train: { steps: 1 },
    evaluation: { stepSize: 2 },
    engine: { threads: 1 },
  }
}

async function pirl(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const context = captured()
  const code = await runCli(argv, context)
  return { code, out: context.stdout(), err: context.stderr() }
}

describe("every part that asks the model asks in one way", () => {
  test("through the template: a vocabulary without the = of the questions will do where it writes @", async () => {
    const model = await modelFolder(
      "template",
      "0123456789@?",
      '{% for m in messages %}{{ m.content | replace("=", "@") }}{% endfor %}',
    )
    const run = join(root, "template-run")
    await trainRun({ config: configOf(model), runDirectory: run })
    expect(await pirl("eval", run)).toMatchObject({ code: 0 })
    expect(await pirl("sample", run, "--problems", "1")).toMatchObject({ code: 0 })
    expect(await pirl("sample", run, "--prompt", "1=", "--count", "2")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^1=\n/),
    })
    const raw = await pirl("sample", run, "--prompt", "1=", "--raw")
    expect(raw).toMatchObject({ code: 2, err: expect.stringContaining('got "="') })
    const file = join(root, "template.yaml")
    writeFileSync(file, configToYaml(parseConfig(configOf(model))))
    const plan = await pirl("train", file, "--dry-run")
    expect(plan.out).toMatch(/prompt format +the model's chat template \(one user message\)\n/)
    expect(plan.out).toMatch(/first prompt +\d{4}@\n/)
  })

  test("as bare text: a template that fails is not looked at, also by a run that an older version saved", async () => {
    const model = await modelFolder("bare", "0123456789=", "{{ raise_exception('not to be used') }}")
    const run = join(root, "bare-run")
    await trainRun({ config: configOf(model, { chatTemplate: false }), runDirectory: run })
    expect(await pirl("eval", run)).toMatchObject({ code: 0 })
    expect(await pirl("sample", run, "--prompt", "1=", "--problems", "1")).toMatchObject({ code: 2 })
    const file = join(run, "config.yaml")
    const old = readFileSync(file, "utf8").replace(/^ +(?:chatTemplate|templateVariables):.*\n/gm, "")
    expect(old).not.toContain("emplate")
    writeFileSync(file, old)
    expect(resolveModelSource(run).config!.rollout.chatTemplate).toBe(false)
    expect(await pirl("sample", run, "--problems", "1")).toMatchObject({ code: 0 })
    const { finished, step } = await trainRun({
      config: { ...configOf(model), train: { steps: 2 } },
      runDirectory: run,
      resume: true,
    })
    expect([finished, step]).toEqual([true, 2])
    expect(readFileSync(file, "utf8")).toContain("chatTemplate: false")
    writeFileSync(file, readFileSync(file, "utf8").replace(/^ +(?:chatTemplate|templateVariables):.*\n/gm, ""))
    const plan = await pirl("train", "--resume", "--run-dir", run, "--steps", "3", "--dry-run")
    expect(plan).toMatchObject({
      code: 0,
      out: expect.stringMatching(/prompt format +bare text \(rollout\.chatTemplate: false\)\n/),
    })
    const fresh = await pirl("sample", model, "--prompt", "1=")
    expect(fresh.err).toMatch(/^pirl: .*chat template: .*not to be used.*--raw/)
    expect(fresh.code).toBe(2)
  })
})
