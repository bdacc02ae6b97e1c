import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { parseConfig, type ResolvedConfig } from "../config/index.ts"
import { fetchConfiguredModel, savedModelPath } from "./configured-model.ts"
import { cachedModelPath, fetchHubModel, type HubModel, type HubModelRequest } from "./fetch-model.ts"
import type { HubOptions } from "./fetch-files.ts"
import { fakeHub } from "./hub.test-helper.ts"

const caches = mkdtempSync(join(tmpdir(), "pirl-models-"))
afterAll(() => rmSync(caches, { recursive: true }))

const described = { "config.json": "{}", "tokenizer.json": "{}" }
const index = JSON.stringify({ weight_map: { a: "model-1.safetensors", b: "model-2.safetensors" } })
const shards = { "model-1.safetensors": "one", "model-2.safetensors": "two", "model.safetensors.index.json": index }
const hub = await fakeHub({ ...described, "model.safetensors": "weights", "README.md": "#", "pytorch_model.bin": "old" }, "model", "owner/whole")
hub.add("model", "owner/sharded", { ...described, ...shards })
hub.add("model", "owner/gguf", { "small.gguf": "GGUF", "big.gguf": "GGUF!" })
const adapter = (base: unknown): Record<string, string> => ({
  "adapter_config.json": JSON.stringify({ base_model_name_or_path: base, r: 4 }),
  "adapter_model.safetensors": "adapters",
})
hub.add("model", "owner/adapter", adapter("owner/sharded"))
hub.add("model", "owner/lost-adapter", adapter("/home/someone/model"))

let env: Record<string, string> = {}
beforeEach(() => {
  env = { HF_ENDPOINT: hub.url, HF_HOME: mkdtempSync(join(caches, "home-")) }
  hub.requests.length = 0
  hub.commit = "a".repeat(40)
})

const quick: HubOptions = { timeoutMs: 30_000, retries: 0 }
const fetchModel = (request: HubModelRequest, more: Readonly<Record<string, string>> = {}): Promise<HubModel> => fetchHubModel(request, { ...quick, env: { ...env, ...more } })

describe("a model of the hub", () => {
  test("is a folder with what belongs to it and nothing else, and the commit that main was", async () => {
    const { path, commit } = await fetchModel({ name: "owner/whole" })
    expect([commit, readdirSync(path).sort()]).toEqual([hub.commit, ["config.json", "model.safetensors", "tokenizer.json"]])
    expect(path).toBe(join(env["HF_HOME"]!, "hub", "models--owner--whole", "snapshots", commit))
    expect(readFileSync(join(path, "model.safetensors"), "utf8")).toBe("weights")
  })

  test("has the shards that its index names", async () => {
    const { path } = await fetchModel({ name: "owner/sharded" })
    expect(readdirSync(path).sort()).toEqual([...Object.keys(described), ...Object.keys(shards)].sort())
  })

  test("is found offline, shards and all, or said not to be there", async () => {
    const online = await fetchModel({ name: "owner/sharded" })
    hub.requests.length = 0
    expect(await fetchModel({ name: "owner/sharded" }, { HF_HUB_OFFLINE: "1" })).toEqual(online)
    rmSync(realpathSync(join(online.path, "model-2.safetensors")))
    await expect(fetchModel({ name: "owner/sharded" }, { HF_HUB_OFFLINE: "1" })).rejects.toThrow(/file model-2\.safetensors of the model owner\/sharded .*Fetch it once without HF_HUB_OFFLINE/)
    expect(hub.requests).toEqual([])
  })

  test("is found by its name when the cache has it whole, and only then", async () => {
    expect(await cachedModelPath("owner/whole", env)).toBeUndefined()
    const { path } = await fetchModel({ name: "owner/whole" })
    hub.requests.length = 0
    expect(await cachedModelPath("owner/whole", env)).toBe(path)
    expect([await cachedModelPath("owner/nothing", env), await cachedModelPath("/somewhere", env)]).toEqual([
      undefined,
      undefined,
    ])
    expect(hub.requests).toEqual([])
  })

  test("may be a GGUF file", async () => {
    const { path } = await fetchModel({ name: "owner/gguf", file: "small.gguf" })
    expect(readFileSync(path, "utf8")).toBe("GGUF")
    await expect(fetchModel({ name: "owner/gguf", setting: "MODEL" })).rejects.toThrow(/^MODEL: hub: expected one \.gguf file/)
  })

  test("may be adapters, which come with their base and name its place, also when the base has moved on since", async () => {
    const { path } = await fetchModel({ name: "owner/adapter" })
    const config = JSON.parse(readFileSync(join(path, "adapter_config.json"), "utf8")) as { base_model_name_or_path: string; r: number }
    expect(config.r).toBe(4)
    expect(readdirSync(config.base_model_name_or_path)).toContain("model-2.safetensors")
    expect(readFileSync(join(path, "adapter_model.safetensors"), "utf8")).toBe("adapters")
    hub.requests.length = 0
    expect((await fetchModel({ name: "owner/adapter", revision: hub.commit })).path).toBe(path)
    expect(hub.requests).toEqual([])
  })

  test("is refused when its base is somewhere on a disk", async () => {
    await expect(fetchModel({ name: "owner/lost-adapter" })).rejects.toThrow(/adapter_config\.json of the model owner\/lost-adapter, got "\/home\/someone\/model"\. Download the adapters and their base/)
  })
})

describe("a config", () => {
  const config = (model: object, more: object = {}): ResolvedConfig => parseConfig({ model, task: { name: "add2" }, ...more })

  test("of the hub gets the commit, keeps it when main moves on, and then needs no network", async () => {
    const options = { ...quick, env }
    const begun = await fetchConfiguredModel(config({ hub: "owner/whole" }), undefined, options)
    expect(begun.model).toMatchObject({ hub: "owner/whole", commit: "a".repeat(40) })
    hub.commit = "b".repeat(40)
    hub.requests.length = 0
    const resumed = await fetchConfiguredModel(config({ hub: "owner/whole" }), begun, options)
    expect(resumed).toEqual(begun)
    expect(await savedModelPath(resumed.model, true, options)).toContain("a".repeat(40))
    expect(hub.requests).toEqual([])
  })

  test("with another model, or another revision, than the run that is resumed is refused before anything is fetched", async () => {
    const begun = await fetchConfiguredModel(config({ hub: "owner/whole" }), undefined, { ...quick, env })
    hub.requests.length = 0
    for (const model of [{ hub: "owner/sharded" }, { hub: "owner/whole", revision: "other" }]) {
      await expect(fetchConfiguredModel(config(model), begun, { ...quick, env })).rejects.toThrow(/as in the run that is resumed/)
    }
    expect(hub.requests).toEqual([])
  })

  test("for a server needs no weights", async () => {
    const engine = { kind: "tinker", server: { url: "http://127.0.0.1:1", baseModel: "m", lossReduction: "sum" } }
    const { model } = await fetchConfiguredModel(config({ hub: "owner/whole" }, { engine }), undefined, { ...quick, env })
    expect(readdirSync((await savedModelPath(model, false, { ...quick, env }))!).sort()).toEqual(Object.keys(described))
  })

  test("of a folder or a preset is left as it is", async () => {
    expect(await savedModelPath({ path: "m", dtype: "f32" })).toBe("m")
    const preset = config({ preset: "nano" })
    expect(await fetchConfiguredModel(preset)).toBe(preset)
    expect(await savedModelPath(preset.model)).toBeUndefined()
  })
})
