import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { open } from "node:fs/promises"
import type { ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { fakeHub, hubName, send } from "./hub.test-helper.ts"
import { fetchHubFiles, type HubOptions, type HubProgress, type HubRequest } from "./fetch-files.ts"

const caches = mkdtempSync(join(tmpdir(), "pirl-hub-"))
afterAll(() => rmSync(caches, { recursive: true }))
const table = Buffer.alloc(3_000_000, "0123456789")
const hub = await fakeHub({ "train.jsonl": '{"a":1}\n', "test.jsonl": '{"a":2}\n', "README.md": "#", "big.parquet": table })
let cache = ""
beforeEach(() => {
  cache = mkdtempSync(join(caches, "cache-"))
  hub.requests.length = 0
  hub.commit = "a".repeat(40)
  hub.intercept = () => false
})

const quick = { timeoutMs: 30_000, retries: 2, retryDelayMs: 1 }
const impatient = { timeoutMs: 200, retries: 1 }

function request(...names: readonly string[]): HubRequest {
  return {
    repository: { kind: "dataset", name: hubName, setting: "task.hub" },
    revision: "main",
    cacheDirectory: cache,
    choose: (files) => files.map(({ path }) => path).filter((path) => names.includes(path)),
  }
}

async function fetchFiles(names: readonly string[], env: Readonly<Record<string, string>> = {}, options: HubOptions = {}): Promise<readonly string[]> {
  return (await fetchHubFiles(request(...names), { ...quick, ...options, env: { HF_ENDPOINT: hub.url, ...env } })).paths
}

/** The error that a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(() => undefined, (reason: unknown) => reason)
  if (error instanceof Error) return error
  throw new Error("expected a rejection")
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

/** Answers for the content of files, `times` times. */
function onContent(times: number, reply: (response: ServerResponse) => void): void {
  let left = times
  hub.intercept = (path, response) => {
    if (!path.includes("/resolve/") || left-- <= 0) return false
    reply(response)
    return true
  }
}

/** Ends a connection after what was sent, short of what was promised. */
function breakOff(response: ServerResponse): void {
  response.socket?.end()
}

const contents = (): { readonly range: string | undefined }[] => hub.requests.filter(({ path }) => path.includes("/resolve/"))
const folder = (): string => join(cache, "datasets--owner--set")
const blobs = (): string[] => readdirSync(join(folder(), "blobs"))
const blobName = createHash("sha256").update(table).digest("hex")

describe("files of the hub", () => {
  test("are fetched as chosen, with the token, and kept", async () => {
    const [file] = await fetchFiles(["train.jsonl"], { HF_TOKEN: "hf_secret" })
    expect(readFileSync(file!, "utf8")).toBe('{"a":1}\n')
    expect(file).toBe(join(folder(), "snapshots", hub.commit, "train.jsonl"))
    expect(hub.requests.every(({ token }) => token === "Bearer hf_secret")).toBe(true)
    expect(hub.requests.some(({ path }) => path.includes("test.jsonl"))).toBe(false)
    expect(await fetchFiles(["train.jsonl"])).toEqual([file])
    expect(contents()).toHaveLength(1)
    expect(hub.requests.at(-1)!.token).toBeUndefined()
  })

  test("lie as huggingface_hub lays them: contents by their checksum, linked to by every commit that has them", async () => {
    await fetchFiles(["big.parquet", "train.jsonl"])
    // As `git hash-object` says.
    expect(blobs().sort()).toEqual(["0187f3b09d66cef7911083ad49f890f5a6589589", blobName])
    hub.commit = "c".repeat(40)
    expect(statSync((await fetchFiles(["big.parquet"]))[0]!).size).toBe(table.length)
    expect(contents()).toHaveLength(2)
    expect(readFileSync(join(folder(), "refs", "main"), "utf8")).toBe(hub.commit)
  })

  test("are fetched anew when the revision has moved, and a file cut short is replaced", async () => {
    const [first] = await fetchFiles(["train.jsonl"])
    truncateSync(first!, 3)
    expect(readFileSync((await fetchFiles(["train.jsonl"]))[0]!, "utf8")).toBe('{"a":1}\n')
    hub.commit = "b".repeat(40)
    expect((await fetchFiles(["train.jsonl"]))[0]).toContain("b".repeat(40))
  })

  test("of a commit are asked for once, and then never again", async () => {
    const pinned = { ...request("train.jsonl"), revision: hub.commit }
    await fetchHubFiles(pinned, { ...quick, env: { HF_ENDPOINT: hub.url } })
    hub.requests.length = 0
    await fetchHubFiles(pinned, { ...quick, env: { HF_ENDPOINT: hub.url } })
    expect(hub.requests).toEqual([])
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

  test.each(["sk-secret", "hf_secret\nx: y", "hf_secret secret"])("are not asked for with a token that is none (%j), which is not shown", async (token) => {
    const error = await rejection(fetchFiles(["train.jsonl"], { HF_TOKEN: token }))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(/^HF_TOKEN: (?!.*secret)/s)
    expect(hub.requests).toEqual([])
  })

  test.each(["localhost:1", "ftp://hub"])("are not asked of an endpoint that is no address (%s)", async (endpoint) => {
    expect((await rejection(fetchFiles(["train.jsonl"], { HF_ENDPOINT: endpoint }))).message).toMatch(/^HF_ENDPOINT: expected an address/)
  })

  test("cannot leave their folder, nor can the cache", async () => {
    hub.files.set("../../evil.jsonl", "x")
    const error = await rejection(fetchFiles(["../../evil.jsonl"]))
    hub.files.delete("../../evil.jsonl")
    expect(error.message).toMatch(/paths inside the data set/)
    for (const [name, revision] of [["../..", "main"], ["owner/..", "main"], [hubName, "../x"], [hubName, "a b"]] as const) {
      const strange = { ...request("train.jsonl"), repository: { kind: "dataset", name, setting: "task.hub" } as const, revision }
      expect(await rejection(fetchHubFiles(strange, { env: { HF_ENDPOINT: hub.url } }))).toBeInstanceOf(ConfigError)
    }
  })
})

describe("a download", () => {
  test("survives failures that pass", async () => {
    withStatus(503, 2)
    expect(await fetchFiles(["train.jsonl"])).toHaveLength(1)
  })

  test("tells how many bytes of all are there", async () => {
    const seen: HubProgress[] = []
    await fetchFiles(["train.jsonl", "big.parquet"], {}, { onProgress: (progress) => seen.push(progress) })
    const total = table.length + 8
    expect(seen.every(({ totalBytes }) => totalBytes === total)).toBe(true)
    expect(seen.at(-1)!.receivedBytes).toBe(total)
    expect(seen.map(({ receivedBytes }) => receivedBytes)).toEqual(seen.map(({ receivedBytes }) => receivedBytes).sort((a, b) => a - b))
  })

  test("that was cut short leaves no file, and goes on from where it was", async () => {
    onContent(99, (response) => {
      response.writeHead(200, { "content-length": table.length })
      response.write(table.subarray(0, 500_000), () => breakOff(response))
    })
    const error = await rejection(fetchFiles(["big.parquet"]))
    expect(error.message).toMatch(/file big\.parquet .*what was fetched is kept/s)
    expect(existsSync(join(folder(), "snapshots"))).toBe(false)
    expect(blobs()).toEqual([`${blobName}.pirl-part`])
    // What had come and was not written yet may be lost.
    const { size } = statSync(join(folder(), "blobs", `${blobName}.pirl-part`))
    expect(size).toBeGreaterThan(0)
    hub.intercept = () => false
    hub.requests.length = 0
    const seen: number[] = []
    const [file] = await fetchFiles(["big.parquet"], {}, { onProgress: ({ receivedBytes }) => seen.push(receivedBytes) })
    expect(readFileSync(file!).equals(table)).toBe(true)
    expect(contents().map(({ range }) => range)).toEqual([`bytes=${size}-`])
    expect(seen[0]).toBe(size)
    expect(blobs()).toEqual([blobName])
  })

  test("starts over where the server knows no ranges", async () => {
    mkdirSync(join(folder(), "blobs"), { recursive: true })
    writeFileSync(join(folder(), "blobs", `${blobName}.pirl-part`), Buffer.alloc(1000, "x"))
    hub.intercept = (path, response) => {
      if (!path.includes("/resolve/")) return false
      response.end(table)
      return true
    }
    const [file] = await fetchFiles(["big.parquet"])
    expect(readFileSync(file!).equals(table)).toBe(true)
  })

  test("whose line breaks more often than there are retries ends well as long as much comes each time", async () => {
    let sent = 0
    hub.intercept = (path, response, { headers }) => {
      if (!path.includes("/resolve/")) return false
      const start = Number(/\d+/.exec(headers.range ?? "0")![0])
      sent += 1
      response.writeHead(start === 0 ? 200 : 206, { "content-length": table.length - start, "content-range": `bytes ${start}-${table.length - 1}/${table.length}` })
      // What the other side has not read when the line breaks may be lost.
      response.write(table.subarray(start, start + 2_000_000), () => void setTimeout(() => breakOff(response), 100))
      return true
    }
    const notes: string[] = []
    const [file] = await fetchFiles(["big.parquet"], {}, { retries: 0, onNote: (text) => notes.push(text) })
    expect(readFileSync(file!).equals(table)).toBe(true)
    expect(sent).toBeGreaterThan(1)
    expect(notes).toEqual(Array.from({ length: sent - 1 }, () => "big.parquet: the connection broke; going on from where it was"))
  })

  test("with another checksum is done once more, and kept if that is right", async () => {
    mkdirSync(join(folder(), "blobs"), { recursive: true })
    writeFileSync(join(folder(), "blobs", `${blobName}.pirl-part`), Buffer.alloc(1000, "x"))
    const notes: string[] = []
    const [file] = await fetchFiles(["big.parquet"], {}, { onNote: (text) => notes.push(text) })
    expect(readFileSync(file!).equals(table)).toBe(true)
    expect(notes.join()).toMatch(/big\.parquet: got a file with the checksum .*once more/)
  })

  test("whose checksum stays wrong is a data error, and nothing of it is kept", async () => {
    const other = Buffer.from(table)
    other[1_000_000] = 0
    onContent(99, (response) => void response.end(other))
    const error = await rejection(fetchFiles(["big.parquet"]))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(new RegExp(`got a file with the checksum [0-9a-f]{64} in place of ${blobName}\\. Nothing of it was kept`))
    expect(contents()).toHaveLength(2)
    expect(blobs()).toEqual([])
  })

  test.each([
    ["a web page", "<!DOCTYPE html><html><body>Log in</body></html>", /got a web page/],
    ["a Git LFS pointer", `version https://git-lfs.github.com/spec/v1\noid sha256:${blobName}\nsize 3000000\n`, /got a Git LFS pointer that stands for 3\.00 MB/],
  ])("of %s in place of the file is a data error", async (_, text, message) => {
    onContent(99, (response) => void response.end(text))
    expect((await rejection(fetchFiles(["train.jsonl"]))).message).toMatch(message)
    expect(blobs()).toEqual([])
  })

  test("of a short web page in place of a long file is no file cut short", async () => {
    onContent(99, (response) => void response.end("<html>Log in</html>"))
    expect((await rejection(fetchFiles(["big.parquet"]))).message).toMatch(/file big\.parquet .*got a web page/)
    expect([contents().length, blobs()]).toEqual([1, []])
  })

  test("that meets a login page keeps what it had", async () => {
    mkdirSync(join(folder(), "blobs"), { recursive: true })
    writeFileSync(join(folder(), "blobs", `${blobName}.pirl-part`), table.subarray(0, 1000))
    onContent(1, (response) => void response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>Log in</html>"))
    expect((await rejection(fetchFiles(["big.parquet"]))).message).toMatch(/expected the file big\.parquet .*got a web page\. Check HF_ENDPOINT/)
    await fetchFiles(["big.parquet"])
    expect(contents().map(({ range }) => range)).toEqual(["bytes=1000-", "bytes=1000-"])
  })

  test("by two at once fetches the file once", async () => {
    onContent(1, (response) => void setTimeout(() => send(table, { headers: {} } as never, response), 100))
    const notes: string[] = []
    const options = { onNote: (text: string) => notes.push(text) }
    const [one, two] = await Promise.all([fetchFiles(["big.parquet"], {}, options), fetchFiles(["big.parquet"], {}, options)])
    expect(one).toEqual(two)
    expect(contents()).toHaveLength(1)
    expect(notes).toEqual(["another process fetches big.parquet; waiting for it"])
  })

  test("that does not fit on the disk does not begin, and says what is needed and free", async () => {
    const error = await rejection(fetchFiles(["big.parquet"], {}, { freeBytes: async () => 1_000_000 }))
    expect(error.message).toMatch(/expected 3\.00 MB \(3000000 bytes\) of free space .* got 1\.00 MB \(1000000 bytes\).*HF_HOME/)
    expect(contents()).toEqual([])
  })

  test("that fills the disk says so, and makes room again", async () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" })
    const some = await open(join(caches, "some"), "w")
    const write = vi.spyOn(Object.getPrototypeOf(some) as typeof some, "write").mockRejectedValueOnce(full)
    const error = await rejection(fetchFiles(["big.parquet"], {}, { freeBytes: async () => undefined }))
    write.mockRestore()
    await some.close()
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(/expected 3\.00 MB \(3000000 bytes\) of free space .* for big\.parquet .*Make room/)
    expect(blobs()).toEqual([])
    expect(contents()).toHaveLength(1)
  })
})

describe("a hub that refuses", () => {
  test.each([
    ["401 without a token", 401, "", {}, /got status 401: no such name, or a private or gated one\..*put a token into HF_TOKEN/],
    ["401 with a token", 401, "", { HF_TOKEN: "hf_secret" }, /status 401: no such name, or the token in HF_TOKEN is not valid/],
    ["a gated repository", 401, "GatedRepo", {}, /it is gated\. Log in and ask for access on its page, 127\.0\.0\.1:\d+\/datasets\/owner\/set; then put a token/],
    ["403", 403, "GatedRepo", { HF_TOKEN: "hf_secret" }, /it is gated\..*the token in HF_TOKEN must belong to the account/],
    ["404", 404, "RepoNotFound", { HF_TOKEN: "hf_secret" }, /status 404\. Check name and revision/],
  ] as const)("by %s is a config error at once, with the way on and without the token", async (_, status, code, env, message) => {
    hub.intercept = (path, response) => {
      if (!path.includes("/revision/")) return false
      response.writeHead(status, { "x-error-code": code })
      response.end("{}")
      return true
    }
    const error = await rejection(fetchFiles(["train.jsonl"], env))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(message)
    expect(error.message).toMatch(/^task\.hub: hub: expected revision main of the data set owner\/set(?!.*secret)/s)
    expect(hub.requests.filter(({ path }) => path.includes("/revision/"))).toHaveLength(1)
  })

  test("a misspelt name or revision names the nearest there is", async () => {
    const misspelt = { ...request("train.jsonl"), repository: { kind: "dataset", name: "owner/sett", setting: "task.hub" } as const }
    expect((await rejection(fetchHubFiles(misspelt, { ...quick, env: { HF_ENDPOINT: hub.url } }))).message).toMatch(/Did you mean owner\/set\?/)
    const moved = { ...request("train.jsonl"), revision: "mian" }
    expect((await rejection(fetchHubFiles(moved, { ...quick, env: { HF_ENDPOINT: hub.url } }))).message).toMatch(/no revision mian\..*Did you mean main\?/)
  })

  test("by staying broken or silent is a data error with the way out", async () => {
    withStatus(500, 99)
    const broken = await rejection(fetchFiles(["train.jsonl"], { HF_TOKEN: "hf_secret" }))
    expect(broken.message).toMatch(/from 127\.0\.0\.1:\d+, got status 500\..*HF_HUB_OFFLINE=1/)
    expect(broken.message).not.toContain("secret")
    hub.intercept = () => true
    const silent = await rejection(fetchFiles(["train.jsonl"], {}, impatient))
    expect(silent).toBeInstanceOf(DataError)
    expect(silent.message).toMatch(/no answer in time/)
  })

  test("by falling silent within a file is a data error", async () => {
    await fetchFiles(["train.jsonl"])
    onContent(99, (response) => void response.write(table.subarray(0, 1000)))
    // Of a commit, whose list of files is known: no other request can be the silent one.
    const pinned = { ...request("big.parquet"), revision: hub.commit }
    expect((await rejection(fetchHubFiles(pinned, { ...quick, ...impatient, env: { HF_ENDPOINT: hub.url } }))).message).toMatch(/file big\.parquet .*no answer in time/)
  })

  test("by not being there names the host", async () => {
    expect((await rejection(fetchFiles(["train.jsonl"], { HF_ENDPOINT: "http://127.0.0.1:1" }))).message).toMatch(/from 127\.0\.0\.1:1, got fetch failed \(/)
  })

  test("by a web page in place of its interface says so at once", async () => {
    hub.intercept = (_, response) => {
      response.end("<html>Welcome to our network. Log in</html>")
      return true
    }
    expect((await rejection(fetchFiles(["train.jsonl"]))).message).toMatch(/got a web page\. Check HF_ENDPOINT/)
    expect(hub.requests).toHaveLength(1)
  })
})
