import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { createTask } from "../src/data/registry.ts"
import { capabilitiesFile } from "../src/engine/tinker/server-capabilities.ts"
import { pirl, type Outcome } from "./helpers/pirl.ts"
import { Workspace } from "./helpers/tiny-run.ts"
import { closeEngines } from "./tinker-server/compute.ts"
import { honest } from "./tinker-server/harness.ts"
import { TestServer } from "./tinker-server/server.ts"
import { writeTinyModel } from "./tinker-server/tiny-model.ts"

const KEY = "tml-0123456789-nobody-sees-this"
const PASSWORD = "hunter2-nobody-sees-this"
const HUB_TOKEN = "hf_0123456789nobodyseesthis"
const SECRETS = [KEY, PASSWORD, HUB_TOKEN]

const workspace = new Workspace()
let server: TestServer
/** Takes another key, and repeats the one that it is given. */
let locked: TestServer
let folder = ""

beforeAll(async () => {
  const directory = workspace.fresh("model")
  mkdirSync(directory)
  const tiny = await writeTinyModel(directory, createTask("modular", { modulus: 3, heldOutSize: 4 }).alphabet)
  folder = tiny.folder
  server = await TestServer.start({ ...tiny, key: KEY })
  locked = await TestServer.start({ ...tiny, key: "another" })
})
afterAll(async () => {
  await Promise.all([server, locked].map((one) => one.close()))
  await closeEngines()
  workspace.remove()
})

function configOf(url: string, capabilities?: string): string {
  return workspace.config({
    model: { path: folder },
    task: { name: "modular", modulus: 3, heldOutSize: 4 },
    rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 3 },
    pipo: { minSteps: 1 },
    train: { steps: 2 },
    evaluation: { every: 2 },
    engine: {
      kind: "tinker",
      server: { url, baseModel: "tiny", loraRank: 4, ...(capabilities === undefined ? {} : { capabilities }) },
    },
  })
}

/** Everything that a command printed, and what is in the files below a folder. */
function shown(outcomes: readonly Outcome[], directory?: string): string {
  const names = directory === undefined ? [] : readdirSync(directory, { recursive: true, encoding: "utf8" })
  const files = names.map((name) => join(directory!, name)).filter((path) => statSync(path).isFile())
  return [
    ...outcomes.flatMap(({ stdout, stderr }) => [stdout, stderr]),
    ...names,
    ...files.map((path) => readFileSync(path, "latin1")),
  ].join("\n")
}

function expectNoSecret(text: string): void {
  // In any form that a file may hold it: the test would else pass for a header in base64.
  for (const secret of SECRETS) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64").slice(0, 20)]) {
      expect(text.includes(form)).toBe(false)
    }
  }
}

test("the key of a server is in nothing that a run prints, logs, reports or exports", async () => {
  const capabilities = join(workspace.directory, "server.json")
  writeFileSync(
    capabilities,
    capabilitiesFile({ ...honest, lossReduction: "sum" }, { url: server.url, baseModel: "tiny" }),
  )
  const config = configOf(server.url, capabilities)
  const out = workspace.fresh("outputs")
  mkdirSync(out)
  const run = join(out, "run")
  const env = { TINKER_API_KEY: KEY, PIRL_DEBUG: "1" }
  const commands = [
    ["train", config, "--dry-run"],
    ["train", config, "--run-dir", run],
    ["runs", out],
    ["query", run, "select * from events", "--json"],
    ["report", run, "--out", join(out, "report.html")],
    ...["csv", "tensorboard", "wandb"].map((format) => ["export", run, "--to", format, "--out", join(out, format)]),
    ["eval", run, "--json"],
    ["tinker", "check", server.url, "--base-model", "tiny"],
  ]
  const outcomes: Outcome[] = []
  for (const command of commands) outcomes.push(await pirl(command, { env, cwd: out }))
  expect(outcomes.slice(0, 8).map(({ code, stderr }) => ({ code, stderr: code === 0 ? "" : stderr }))).toEqual(
    Array.from({ length: 8 }, () => ({ code: 0, stderr: "" })),
  )
  const text = shown(outcomes, out)
  expect(text).toContain("trained")
  expectNoSecret(text)
}, 300_000)

test("a key that the server refuses, and repeats, is not in the error, nor in its causes", async () => {
  const capabilities = join(workspace.directory, "locked.json")
  const place = { url: locked.url, baseModel: "tiny" }
  writeFileSync(capabilities, capabilitiesFile({ ...honest, lossReduction: "sum" }, place))
  const run = workspace.fresh("refused")
  const env = { TINKER_API_KEY: KEY, PIRL_DEBUG: "1" }
  const outcome = await pirl(["train", configOf(locked.url, capabilities), "--run-dir", run], { env })
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("Invalid API key [secret]") })
  expectNoSecret(shown([outcome]))
}, 120_000)

test.each([
  ["in the config", (url: string) => ["train", configOf(url)]],
  ["in the config of a dry run", (url: string) => ["train", configOf(url), "--dry-run"]],
  ["of tinker check", (url: string) => ["tinker", "check", url]],
  ["of an endpoint", (url: string) => ["eval", url, "--benchmark", "aime25"]],
])(
  "an address with a password %s is refused without showing it",
  async (_, commandOf) => {
    const addresses = [`http://me:${PASSWORD}@127.0.0.1:9`, `http://me:pa/ss-${PASSWORD}@127.0.0.1:9`]
    for (const url of addresses) {
      const outcome = await pirl(commandOf(url), { env: { PIRL_DEBUG: "1" }, cwd: workspace.directory })
      expect(outcome.code).toBe(2)
      expect(outcome.stderr).not.toBe("")
      expectNoSecret(shown([outcome]))
    }
  },
  120_000,
)

test("a hub's address with a password and its token are in no error", async () => {
  const env = {
    HF_ENDPOINT: `http://me:${PASSWORD}@127.0.0.1:9`,
    HF_TOKEN: HUB_TOKEN,
    HF_HOME: workspace.fresh("hub"),
    PIRL_DEBUG: "1",
  }
  const outcome = await pirl(["sample", "hub:owner/name", "--prompt", "hello"], { env, cwd: workspace.directory })
  expect(outcome.code).toBeGreaterThan(0)
  expect(outcome.stderr).not.toBe("")
  expectNoSecret(shown([outcome]))
}, 120_000)
