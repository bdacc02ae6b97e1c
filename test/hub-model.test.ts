import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { parse } from "yaml"
import { fakeHub } from "../src/hub/hub.test-helper.ts"
import { type Outcome, pirl } from "./helpers/pirl.ts"
import { Workspace, measured } from "./helpers/tiny-run.ts"

const workspace = new Workspace()
afterAll(() => workspace.remove())

const source = fileURLToPath(new URL("fixtures/parity/qwen3-with-tokenizer", import.meta.url))
const files = Object.fromEntries(readdirSync(source).map((name) => [name, readFileSync(join(source, name))]))
const hub = await fakeHub(files, "model", "owner/tiny")
hub.add("model", "owner/old", { "config.json": "{}", "tokenizer.json": "{}", "pytorch_model.bin": "x" })
const env = { HF_ENDPOINT: hub.url, HF_HOME: workspace.fresh("home"), HF_TOKEN: "hf_secret" }

async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const outcome = await pirl(args, { cwd: workspace.directory, env: { ...env, ...more } })
  expect(outcome.stdout + outcome.stderr).not.toContain("secret")
  return outcome
}

const config = workspace.config({
  model: { hub: "owner/tiny" },
  task: { name: "add2", heldOutSize: 4 },
  rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 3 },
  checkpoint: { every: 1 },
  engine: { threads: 1 },
  train: { steps: 2 },
})
const sampling = ["--prompt", "1+1=", "--max-tokens", "3", "--seed", "1", "--set", "engine.threads=1", "--json"]

describe("a model of the hub", () => {
  let sampled: Outcome
  beforeAll(async () => {
    sampled = await run(["sample", "hub:owner/tiny", ...sampling])
  })

  test("is fetched, and sampled from as its folder is", async () => {
    expect(sampled.code, sampled.stderr).toBe(0)
    expect(sampled.stderr).toMatch(/^fetched owner\/tiny: \d.* in \d+s$/m)
    expect(sampled.stdout).toBe((await run(["sample", source, ...sampling])).stdout)
  })

  test("is fetched once, and is there offline", async () => {
    const seen = hub.requests.length
    const again = await run(["sample", "hub:owner/tiny", ...sampling], { HF_HUB_OFFLINE: "1" })
    expect([again.code, again.stderr, again.stdout, hub.requests.length]).toEqual([0, "", sampled.stdout, seen])
  })

  test("is trained, and the run keeps the commit that it began with", async () => {
    const [whole, half] = [workspace.fresh("run"), workspace.fresh("run")]
    expect((await run(["train", config, "--run-dir", whole])).code).toBe(0)
    expect((await run(["train", config, "--run-dir", half, "--steps", "1"])).code).toBe(0)
    const begun = hub.commit
    hub.commit = "b".repeat(40)
    hub.files.set("model.safetensors", "something else")
    const resumed = await run(["train", config, "--run-dir", half, "--resume"])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(measured(half).metrics).toEqual(measured(whole).metrics)
    const { model } = parse(readFileSync(join(half, "config.yaml"), "utf8")) as { model: unknown }
    expect(model).toMatchObject({ hub: "owner/tiny", commit: begun })
    const exported = workspace.fresh("export")
    expect((await run(["export", half, "--to", "hf", "--out", exported])).code).toBe(0)
    expect(readFileSync(join(exported, "README.md"), "utf8")).toContain(`the model \`owner/tiny\` of the Hugging Face hub, commit \`${begun}\``)
  })

  test("without safetensors, or with another name, is refused with exit code 2 and no run", async () => {
    const old = await run(["sample", "hub:owner/old", ...sampling])
    expect([old.code, old.stderr]).toEqual([2, expect.stringMatching(/MODEL_OR_RUN: hub: .*only pytorch_model\.bin .*safe_serialization=True/)])
    const directory = workspace.fresh("run")
    const misspelt = await run(["train", config, "--set", "model.hub=owner/tinny", "--run-dir", directory])
    expect([misspelt.code, misspelt.stderr]).toEqual([2, expect.stringMatching(/^pirl: model\.hub: hub: .*Did you mean owner\/tiny\?/)])
    expect(readdirSync(workspace.directory).map((name) => join(workspace.directory, name))).not.toContain(directory)
  })

  test("typed as a path is recognised, and nothing is asked of the network", async () => {
    const seen = hub.requests.length
    const sampled = await run(["sample", "owner/tiny", ...sampling])
    expect([sampled.code, sampled.stderr]).toEqual([2, expect.stringContaining("on the Hugging Face hub write hub:owner/tiny.")])
    const trained = await run(["train", config, "--set", "model.hub=", "--set", "model.path=owner/tiny"])
    expect([trained.code, trained.stderr]).toEqual([2, expect.stringContaining("set model.hub: owner/tiny in its place.")])
    expect(hub.requests).toHaveLength(seen)
  })
})
