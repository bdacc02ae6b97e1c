import { Readable } from "node:stream"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, describe, expect, test } from "vitest"
import { Harness, hasty } from "../../../../test/tinker-server/harness.ts"
import type { TestServerOptions } from "../../../../test/tinker-server/server.ts"
import { tinkerBackend } from "../../../cli/backends/server-check.ts"
import { parseArguments } from "../../../cli/command.ts"
import { tinkerCommand } from "../../../cli/tinker.ts"
import { TinkerClient } from "../../../tinker/index.ts"
import { readCapabilities, capabilitiesFile } from "../server-capabilities.ts"
import { checkConformance } from "./conformance.ts"
import { isSound, type CheckReport } from "./report.ts"

const harness = new Harness()
afterEach(() => harness.settle())
afterAll(() => harness.close())

async function check(options: Partial<TestServerOptions> = {}): Promise<CheckReport> {
  const server = await harness.server(options)
  return checkConformance(new TinkerClient({ url: server.url, clock: hasty }))
}

function statuses({ rows }: CheckReport): Record<string, string> {
  return Object.fromEntries(rows.map(({ name, status }) => [name, status]))
}

function detail({ rows }: CheckReport, name: string): string {
  return rows.find((row) => row.name === name)!.detail
}

describe("an honest server", () => {
  test("that sums is found to be as the protocol says, and leaves one model at a time on it and none in the end", async () => {
    const server = await harness.server({ maxModels: 1 })
    const report = await checkConformance(new TinkerClient({ url: server.url, clock: hasty }))
    expect(report.rows.filter(({ status }) => status !== "ok").map(({ name }) => name)).toEqual(["log-probs of prompts"])
    expect(report.capabilities).toEqual({
      lossReduction: "sum",
      losses: ["cross_entropy", "importance_sampling", "ppo", "cispo", "dro"],
      sampleLogprobs: "policy",
      stopTokenIncluded: true,
      seededSampling: true,
      seeds: "per-prompt",
      adam: "all",
      gradientClipping: true,
      unloadedGradients: "dropped",
      olderSamplers: "apart",
    })
    expect([server.loadedModels(), server.checkpointNames()]).toEqual([0, []])
  })

  test("like SkyRL on JAX is known for what it does, and its file is what the engine reads", async () => {
    const report = await check({ reduction: "mean", gradientClipping: false, losses: ["cross_entropy", "importance_sampling", "ppo", "cispo"], inheritsGradients: true, samplesInPlace: true, cispoBounds: [0.8, 1.2] })
    expect(isSound(report)).toBe(true)
    expect(report.capabilities).toMatchObject({ lossReduction: "mean-per-sequence", losses: ["cross_entropy", "importance_sampling", "ppo", "cispo"], gradientClipping: false, adam: "all", unloadedGradients: "inherited", olderSamplers: "in-place" })
    expect(statuses(report)).toMatchObject({ "loss dro": "missing", "gradient clipping": "missing", "loss reduction": "differs", "older samplers": "differs", "gradients of a gone model": "differs" })
    const file = join(harness.directory, "found.json")
    writeFileSync(file, capabilitiesFile(report.capabilities!, report))
    expect(readCapabilities(file)).toEqual(report.capabilities)
  })

  test("like SkyRL's other backends: its own Adam, log-probs of what was sampled from, no stop token", async () => {
    const report = await check({ adam: "learning-rate", gradientClipping: false, sampleLogprobs: "sampled", stopTokenIncluded: false })
    expect(isSound(report)).toBe(true)
    expect(report.capabilities).toMatchObject({ lossReduction: "sum", adam: "learning-rate", sampleLogprobs: "sampled", stopTokenIncluded: false })
    expect(detail(report, "Adam's parameters")).toMatch(/epsilon of the request without effect/)
  })

  test("that tells no norms and means is known by its steps", async () => {
    expect((await check({ reduction: "mean", gradNorm: false })).capabilities?.lossReduction).toBe("mean-per-sequence")
    expect((await check({ reduction: "sum", gradNorm: false })).capabilities?.lossReduction).toBe("sum")
  })

  test("whose steps tell nothing has no reduction made up for it", async () => {
    const report = await check({ gradNorm: false, adam: "learning-rate" })
    expect([report.capabilities, statuses(report)["loss reduction"]]).toEqual([undefined, "missing"])
  })
})

describe("a server that computes another loss than asked", () => {
  test("is caught when it reports the other loss", async () => {
    const report = await check({ lies: { ppo: "importance_sampling" } })
    expect(isSound(report)).toBe(false)
    expect(statuses(report)).toMatchObject({ "loss ppo": "wrong", "loss cispo": "ok", "loss importance_sampling": "ok" })
    expect(detail(report, "loss ppo")).toMatch(/computes another loss than asked: reports/)
    expect(report.capabilities?.losses).not.toContain("ppo")
  })

  test("is caught by its step when what it reports is right", async () => {
    const report = await check({ quietLies: { cispo: "cross_entropy" } })
    expect(statuses(report)).toMatchObject({ "loss cispo": "wrong", "loss ppo": "ok" })
    expect(detail(report, "loss cispo")).toMatch(/its step differs.*another loss than asked/)
  })
})

test("a server that does a repeated request twice is called wrong", async () => {
  const report = await check({ idempotent: false })
  expect(statuses(report)).toMatchObject({ "a request sent twice": "wrong" })
})

describe("pirl tinker check", () => {
  const command = tinkerCommand(tinkerBackend)
  const run = async (...argv: string[]): Promise<{ code: number; out: string }> => {
    let out = ""
    const stream = { write: (text: string) => (out += text) }
    const context = { in: Readable.from([]), out: stream, err: stream, env: {} }
    const code = await command.run(parseArguments(command, argv), context)
    return { code, out }
  }

  test("prints a table, writes the file, and exits with 0 for a sound server and 1 for a lying one", async () => {
    const sound = await harness.server()
    const file = join(harness.directory, "cli.json")
    const { code, out } = await run("check", sound.url, "--write", file)
    expect(code).toBe(0)
    expect(out).toMatch(/^ok {7}loss ppo {19}value to .*, step to/m)
    expect(out).toMatch(/wrong {21}0/)
    expect(readCapabilities(file).lossReduction).toBe("sum")
    const lying = await harness.server({ lies: { cispo: "ppo" } })
    const found = await run("check", lying.url, "--json")
    expect(found.code).toBe(1)
    expect(JSON.parse(found.out)).toMatchObject({ findings: expect.arrayContaining([expect.objectContaining({ name: "loss cispo", status: "wrong" })]) })
  })

  test.each([
    [["look", "http://127.0.0.1:80"], /expected check URL, got "look"/],
    [["check", "nowhere"], /expected the address of a server/],
  ])("%j is refused", async (argv, message) => {
    await expect(run(...argv)).rejects.toThrow(message)
  })

  test("a name that is not offered and a rank that is too large are said with the server's own words", async () => {
    const { url } = await harness.server({ maxRank: 8 })
    await expect(run("check", url, "--base-model", "huge")).rejects.toThrow(/offers \(tiny\), got huge/)
    await expect(run("check", url, "--rank", "64")).rejects.toThrow(/LoRA rank 64 must be between 1 and 8/)
  })
})
