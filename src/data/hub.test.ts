import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { rejection } from "./dataset.test-helper.ts"
import { fakeHub, hubName } from "./hub.test-helper.ts"
import { fetchHubFiles } from "./hub.ts"
import type { HubRequest } from "./hub.ts"

const caches = mkdtempSync(join(tmpdir(), "pirl-hub-"))
afterAll(() => rmSync(caches, { recursive: true }))
const hub = await fakeHub({ "train.jsonl": '{"a":1}\n', "test.jsonl": '{"a":2}\n', "README.md": "#" })
let cache = ""
beforeEach(() => {
  cache = mkdtempSync(join(caches, "cache-"))
  hub.requests.length = 0
  hub.commit = "a".repeat(40)
  hub.intercept = () => false
})

const quick = { timeoutMs: 300, retries: 2, retryDelayMs: 1 }

function request(...names: readonly string[]): HubRequest {
  return {
    name: hubName,
    revision: "main",
    cacheDirectory: cache,
    choose: (paths) => paths.filter((path) => names.includes(path)),
  }
}

function fetchFiles(names: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  return fetchHubFiles(request(...names), { ...quick, env: { HF_ENDPOINT: hub.url, ...env } })
}

function withStatus(status: number, times: number): void {
  let left = times
  hub.intercept = (_, response) => {
    if (left-- <= 0) return false
    response.statusCode = status
    response.end("{}")
    return true
  }
}

const downloads = (): number => hub.requests.filter(({ path }) => path.includes("/resolve/")).length

describe("files of the hub", () => {
  test("are fetched as chosen, with the token, and kept", async () => {
    const [file] = await fetchFiles(["train.jsonl"], { HF_TOKEN: "hf_secret" })
    expect(readFileSync(file, "utf8")).toBe('{"a":1}\n')
    expect(file).toContain(join("datasets--owner--set", "snapshots", hub.commit, "train.jsonl"))
    expect(hub.requests.every(({ token }) => token === "Bearer hf_secret")).toBe(true)
    expect(hub.requests.some(({ path }) => path.includes("test.jsonl"))).toBe(false)
    const before = downloads()
    expect(await fetchFiles(["train.jsonl"])).toEqual([file])
    expect(downloads()).toBe(before)
    expect(hub.requests.at(-1)!.token).toBeUndefined()
  })

  test("are fetched anew when the revision has moved, and a file cut short is replaced", async () => {
    const [first] = await fetchFiles(["train.jsonl"])
    truncateSync(first, 3)
    expect(readFileSync((await fetchFiles(["train.jsonl"]))[0], "utf8")).toBe('{"a":1}\n')
    hub.commit = "b".repeat(40)
    expect((await fetchFiles(["train.jsonl"]))[0]).toContain("b".repeat(40))
  })

  test("are found offline without a request, when all of them are there", async () => {
    const online = await fetchFiles(["train.jsonl"])
    hub.requests.length = 0
    expect(await fetchFiles(["train.jsonl"], { HF_HUB_OFFLINE: "1" })).toEqual(online)
    const missing = await rejection(fetchFiles(["train.jsonl", "test.jsonl"], { HF_HUB_OFFLINE: "true" }))
    expect(missing).toBeInstanceOf(DataError)
    expect(missing.message).toMatch(/file test\.jsonl .*got none or a part/)
    expect(hub.requests).toEqual([])
  })

  test("that were never fetched are not there offline", async () => {
    const error = await rejection(fetchFiles(["train.jsonl"], { HF_HUB_OFFLINE: "1" }))
    expect(error.message).toMatch(/owner\/set \(main\).*Fetch it once without HF_HUB_OFFLINE/)
  })

  test("are not asked for with a token of another kind, which is not shown", async () => {
    const error = await rejection(fetchFiles(["train.jsonl"], { HF_TOKEN: "sk-secret" }))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).not.toContain("secret")
    expect(hub.requests).toEqual([])
  })

  test("survive failures that pass", async () => {
    withStatus(503, 2)
    expect(await fetchFiles(["train.jsonl"])).toHaveLength(1)
  })

  test("of a data set that is closed or not there are a config error at once", async () => {
    withStatus(401, 1)
    const error = await rejection(fetchFiles(["train.jsonl"], { HF_TOKEN: "hf_secret" }))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(/owner\/set, got status 401.*HF_TOKEN/)
    expect(error.message).not.toContain("hf_secret")
    expect(hub.requests).toHaveLength(1)
  })

  test("of a server that stays broken or silent are a data error with the way out", async () => {
    withStatus(500, 99)
    expect((await rejection(fetchFiles(["train.jsonl"]))).message).toMatch(/got status 500.*HF_HUB_OFFLINE=1/)
    hub.intercept = () => true
    const silent = await rejection(fetchFiles(["train.jsonl"]))
    expect(silent).toBeInstanceOf(DataError)
    expect(silent.message).toMatch(/no answer in time/)
  })

  test("leave nothing behind when a body is cut short", async () => {
    hub.intercept = (path, response) => {
      if (!path.includes("/resolve/") || hub.requests.at(-1)!.method !== "GET") return false
      response.setHeader("content-range", "bytes 0-0/8")
      response.setHeader("etag", '"e"')
      response.statusCode = 206
      response.end('{"a')
      return true
    }
    expect((await rejection(fetchFiles(["train.jsonl"]))).message).toMatch(/3 of 8 bytes|terminated/)
    expect(readdirSync(join(cache, "datasets--owner--set", "snapshots", hub.commit))).toEqual([])
  })

  test("cannot leave their folder", async () => {
    hub.files.set("../../evil.jsonl", "x")
    const error = await rejection(fetchFiles(["../../evil.jsonl"]))
    hub.files.delete("../../evil.jsonl")
    expect(error.message).toMatch(/paths inside the data set/)
  })
})
