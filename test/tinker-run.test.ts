import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { createTask } from "../src/data/registry.ts"
import { capabilitiesFile } from "../src/engine/tinker/server-capabilities.ts"
import { pirl, startPirl } from "./helpers/pirl.ts"
import { Workspace, eventsOf, measured } from "./helpers/tiny-run.ts"
import { closeEngines } from "./tinker-server/compute.ts"
import { honest } from "./tinker-server/harness.ts"
import { TestServer } from "./tinker-server/server.ts"
import { writeTinyModel } from "./tinker-server/tiny-model.ts"

const workspace = new Workspace()
const servers: TestServer[] = []
let folder = ""
let eos: readonly number[] = []

beforeAll(async () => {
  const directory = workspace.fresh("model")
  mkdirSync(directory)
  ;({ folder, eos } = await writeTinyModel(directory, createTask("modular", { modulus: 3, heldOutSize: 4 }).alphabet))
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await closeEngines()
  workspace.remove()
})

async function serverAndConfig(): Promise<{ readonly server: TestServer; readonly config: string }> {
  const server = await TestServer.start({ folder, eos })
  servers.push(server)
  const capabilities = join(workspace.directory, "server.json")
  writeFileSync(capabilities, capabilitiesFile({ ...honest, lossReduction: "sum" }, { url: server.url, baseModel: "tiny" }))
  const config = workspace.config({
    model: { path: folder },
    task: { name: "modular", modulus: 3, heldOutSize: 4 },
    rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 3 },
    objective: { klCoefficient: 0.01 },
    optimizer: { learningRate: 0.01 },
    pipo: { minSteps: 1 },
    train: { steps: 6 },
    checkpoint: { every: 2 },
    evaluation: { every: 3 },
    engine: { kind: "tinker", server: { url: server.url, baseModel: "tiny", loraRank: 4, capabilities } },
  })
  return { server, config }
}

test("pirl train on a server, killed in the middle and resumed, is one run; eval reads it back", async () => {
  const whole = workspace.fresh("whole")
  const quiet = await serverAndConfig()
  const dry = await pirl(["train", quiet.config, "--dry-run"])
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/tiny, adapters of rank 4/) })
  expect(quiet.server.requests).toEqual([])
  const outcome = await pirl(["train", quiet.config, "--run-dir", whole])
  expect(outcome.code).toBe(0)

  const parts = workspace.fresh("parts")
  const { config } = await serverAndConfig()
  const run = startPirl(["train", config, "--run-dir", parts])
  await run.printed(/^step +3\/6/m)
  run.kill("SIGKILL")
  expect((await run.ended).signal).toBe("SIGKILL")
  const resumed = await pirl(["train", config, "--run-dir", parts, "--resume"])
  expect(resumed.code).toBe(0)
  expect(measured(parts)).toEqual(measured(whole))
  expect(measured(parts).metrics).toHaveLength(6)
  expect(eventsOf(parts).map(({ kind }) => kind)).toContain("engine")

  const evaluated = await pirl(["eval", parts, "--json"])
  expect(evaluated.code).toBe(0)
  const last = measured(parts).evaluations.at(-1)!
  expect(JSON.parse(evaluated.stdout)).toMatchObject({ greedyAccuracy: last["greedyAccuracy"] })
})
