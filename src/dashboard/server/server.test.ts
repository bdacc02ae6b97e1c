import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { ColumnsAnswer, CompletionPage, GroupAnswer, RunDetail, RunInfo } from "../api.ts"
import { asNobody, canBeNobody } from "../../../test/helpers/nobody.ts"
import { readApp } from "./app-files.ts"
import { startDashboard } from "./server.ts"
import type { Dashboard } from "./server.ts"

const app = { html: "<!doctype html><title>page</title>", script: "", style: "" }
let folder: string
let run: string
let dashboard: Dashboard | undefined

function metricsLine(step: number): string {
  return JSON.stringify({ step, mu: step / 10, xi: 0.5, gate: step > 1 ? "reinforce" : "skipped", expectedAccuracy: step / 20, time: { at: "2026-01-01T00:00:00.000Z" } })
}

function completionLine(step: number, completion: string): string {
  return JSON.stringify({ step, group: 0, problem: "add/1", prompt: "1+1=", completion, gold: "2", reward: 1, status: "correct", advantage: 2 })
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pirl-dashboard-"))
  run = join(folder, "runs", "one")
  mkdirSync(join(run, "completions"), { recursive: true })
  writeFileSync(join(folder, "secret.txt"), "secret")
  writeFileSync(join(run, "config.yaml"), "task: {name: add2}\ntrain: {steps: 10}\n")
  writeFileSync(join(run, "metrics.jsonl"), `${metricsLine(1)}\n${metricsLine(2)}\n`)
  writeFileSync(join(run, "completions", "steps-000000-000999.jsonl"), `${completionLine(1, "2")}\n`)
})

afterEach(async () => {
  await dashboard?.close()
  dashboard = undefined
  rmSync(folder, { recursive: true, force: true })
})

interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A request whose path and headers go out as they are: fetch would tidy the path and set Host itself. */
function ask(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: dashboard!.port, path, method, headers }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (text: string) => (body += text))
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }))
    })
    sent.on("error", reject)
    sent.end()
  })
}

async function json<T>(path: string): Promise<T> {
  const { status, body } = await ask(path)
  expect(`${status} ${status === 200 ? "" : body}`).toBe("200 ")
  return JSON.parse(body) as T
}

async function start(host?: string): Promise<void> {
  dashboard = await startDashboard({ roots: [join(folder, "runs")], port: 0, app, ...(host === undefined ? {} : { host }) })
}

async function onlyRun(): Promise<RunInfo> {
  const { runs } = await json<{ runs: RunInfo[] }>("/api/runs")
  expect(runs).toHaveLength(1)
  return runs[0]!
}

const columnsOf = (id: string): Promise<ColumnsAnswer> => json<ColumnsAnswer>(`/api/runs/${id}/columns?log=metrics&points=100`)

describe("access", () => {
  test("a Host that is not the server's own is refused", async () => {
    await start()
    expect((await ask("/api/runs", { host: "evil.example" })).status).toBe(403)
    expect((await ask("/api/runs", { host: `127.0.0.1.evil.example:${dashboard!.port}` })).status).toBe(403)
    expect((await ask("/api/runs", { host: `localhost:${dashboard!.port}` })).status).toBe(200)
  })

  test("a request that another site makes is refused, by Origin and by Sec-Fetch-Site", async () => {
    await start()
    const host = `127.0.0.1:${dashboard!.port}`
    expect((await ask("/api/runs", { host, origin: "http://evil.example" })).status).toBe(403)
    expect((await ask("/api/runs", { host, origin: "http://127.0.0.1:1" })).status).toBe(403)
    expect((await ask("/api/runs", { host, "sec-fetch-site": "cross-site" })).status).toBe(403)
    expect((await ask("/api/runs", { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" })).status).toBe(200)
  })

  test("nothing but GET and HEAD is answered", async () => {
    await start()
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) expect((await ask("/api/runs", {}, method)).status).toBe(405)
  })

  test("bound to another address, it asks for the token of its link, and the page gets it as a cookie", async () => {
    await start("0.0.0.0")
    const token = new URL(dashboard!.url).searchParams.get("token")!
    expect((await ask("/")).status).toBe(401)
    expect((await ask("/api/runs?token=wrong")).status).toBe(401)
    const page = await ask(`/?token=${token}`)
    expect(page.status).toBe(200)
    expect(page.headers["set-cookie"]![0]).toMatch(/HttpOnly; SameSite=Strict/)
    expect((await ask("/api/runs", { cookie: page.headers["set-cookie"]![0]!.split(";")[0]! })).status).toBe(200)
  })

  test("an address that is none is refused as one, and a head of the live events ends", async () => {
    await start()
    for (const path of ["//", "///", "http://"]) expect([path, (await ask(path)).status]).toEqual([path, 400])
    const head = await ask("/api/live", {}, "HEAD")
    expect([head.status, head.headers["content-type"], head.body]).toEqual([200, "text/event-stream", ""])
  })

  test("no path leads out of the runs", async () => {
    await start()
    const { id } = await onlyRun()
    const paths = ["/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "//etc/passwd", `/api/runs/${id}/../../../secret.txt`, "/api/runs/..%2f..%2fsecret", "/api/runs/one"]
    for (const path of paths) expect(await ask(path)).toMatchObject({ status: 404, body: expect.not.stringContaining("secret") as string })
    for (const key of ["../../secret.txt:0", "..%2F..%2F..%2Fsecret:0", "%2Fetc%2Fpasswd:0", "..:0"]) expect((await ask(`/api/runs/${id}/text?key=${key}`)).status).toBe(404)
  })

  test("links inside a run are not followed", async () => {
    const outside = join(folder, "outside")
    mkdirSync(outside)
    writeFileSync(join(outside, "steps-000000-000999.jsonl"), `${completionLine(7, "from outside")}\n`)
    rmSync(join(run, "completions"), { recursive: true })
    symlinkSync(outside, join(run, "completions"))
    rmSync(join(run, "metrics.jsonl"))
    writeFileSync(join(outside, "metrics.jsonl"), `${metricsLine(1)}\n`)
    symlinkSync(join(outside, "metrics.jsonl"), join(run, "metrics.jsonl"))
    await start()
    const { id } = await onlyRun()
    expect((await columnsOf(id)).rows).toBe(0)
    expect((await json<CompletionPage>(`/api/runs/${id}/completions`)).completions).toEqual([])
  })
})

describe("runs that change", () => {
  test("a half-written last line waits until it is whole", async () => {
    await start()
    const { id } = await onlyRun()
    const third = metricsLine(3)
    appendFileSync(join(run, "metrics.jsonl"), third.slice(0, 20))
    expect(await columnsOf(id)).toMatchObject({ step: [1, 2], damaged: 0 })
    appendFileSync(join(run, "metrics.jsonl"), `${third.slice(20)}\n`)
    expect(await columnsOf(id)).toMatchObject({ step: [1, 2, 3], damaged: 0, columns: { mu: [0.1, 0.2, 0.3] } })
  })

  test("a line that is no JSON is left out, and said in the list", async () => {
    appendFileSync(join(run, "metrics.jsonl"), `{"step": 3, oops\n${metricsLine(4)}\n`)
    await start()
    const { id } = await onlyRun()
    expect(await columnsOf(id)).toMatchObject({ step: [1, 2, 4], damaged: 1 })
    expect((await onlyRun()).problems).toEqual([expect.stringContaining("1 line of its logs")])
  })

  test("a log that was cut by a resume is read again", async () => {
    await start()
    const { id } = await onlyRun()
    const before = await columnsOf(id)
    writeFileSync(join(run, "metrics.jsonl"), `${metricsLine(1)}\n`)
    const after = await columnsOf(id)
    expect(after.step).toEqual([1])
    expect(after.generation).toBeGreaterThan(before.generation)
  })

  test("a log that cannot be read is a problem of its own run alone", async () => {
    mkdirSync(join(folder, "runs", "two", "metrics.jsonl"), { recursive: true })
    writeFileSync(join(folder, "runs", "two", "config.yaml"), "seed: 1\n")
    await start()
    const { runs } = await json<{ runs: RunInfo[] }>("/api/runs")
    expect(runs.map(({ name, problems }) => [name, problems]).sort()).toEqual([
      ["one", []],
      ["two", [expect.stringMatching(/^EISDIR/)]],
    ])
    const { id } = runs.find(({ name }) => name === "two")!
    expect((await json<RunDetail>(`/api/runs/${id}`)).info.problems).toHaveLength(1)
  })

  test.skipIf(!canBeNobody)("a folder that may not be read is told to the page, and the runs beside it are shown", async () => {
    for (const path of [folder, join(folder, "runs")]) chmodSync(path, 0o755)
    mkdirSync(join(folder, "runs", "closed"))
    chmodSync(join(folder, "runs", "closed"), 0)
    await asNobody(async () => {
      await start()
      expect((await onlyRun()).name).toBe("one")
      for (const _page of ["first", "second"]) {
        const events = await LiveEvents.open()
        expect(await events.next("problem")).toEqual({ message: expect.stringMatching(/closed: expected one that can be read, got EACCES/) })
        events.close()
      }
    })
  })

  test("a run that was deleted while its page was open is answered with words", async () => {
    await start()
    const { id } = await onlyRun()
    await columnsOf(id)
    rmSync(run, { recursive: true })
    const answer = await ask(`/api/runs/${id}/columns?log=metrics`)
    expect(answer.status).toBe(404)
    expect(answer.body).toContain("may have been deleted")
    expect((await ask("/api/runs")).status).toBe(200)
  })
})

/** Server-sent events as they come. */
class LiveEvents {
  readonly #sent: ClientRequest
  #text = ""

  private constructor(sent: ClientRequest, response: IncomingMessage) {
    this.#sent = sent
    response.setEncoding("utf8")
    response.on("data", (text: string) => (this.#text += text))
    response.on("error", () => undefined)
  }

  static open(): Promise<LiveEvents> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: dashboard!.port, path: "/api/live" }, (response) => resolve(new LiveEvents(sent, response)))
      sent.on("error", reject)
      sent.end()
    })
  }

  /** What the first event of a name says; `meanwhile` is called until it is there. */
  async next(event: string, meanwhile?: () => void): Promise<unknown> {
    return vi.waitFor(
      () => {
        const found = new RegExp(`^event: ${event}\\ndata: (.*)$`, "m").exec(this.#text)
        if (found !== null) return JSON.parse(found[1]!) as unknown
        meanwhile?.()
        throw new Error(`no event ${event} in ${JSON.stringify(this.#text)}`)
      },
      { timeout: 10_000, interval: 200 },
    )
  }

  close(): void {
    this.#sent.destroy()
  }
}

describe("live events", () => {
  test("name the run and the logs that have grown", async () => {
    await start()
    const { id } = await onlyRun()
    const events = await LiveEvents.open()
    let step = 2
    const change = await events.next("change", () => appendFileSync(join(run, "metrics.jsonl"), `${metricsLine(++step)}\n`))
    expect(change).toEqual({ run: id, logs: ["metrics"] })
    events.close()
  })

  test("tell of the first run of a folder that was empty", async () => {
    rmSync(join(folder, "runs"), { recursive: true })
    await start()
    const events = await LiveEvents.open()
    mkdirSync(run, { recursive: true })
    writeFileSync(join(run, "config.yaml"), "seed: 1\n")
    expect(await events.next("runs")).toEqual({ count: 1 })
    events.close()
  })
})

describe("responses", () => {
  test("a response that is a script is data, and only the page's own script may run", async () => {
    const script = "<script>alert(1)</script>"
    appendFileSync(join(run, "completions", "steps-000000-000999.jsonl"), `${completionLine(2, script)}\n`)
    await start()
    const { id } = await onlyRun()
    const list = await ask(`/api/runs/${id}/completions?text=${encodeURIComponent("<SCRIPT>")}`)
    expect(list.headers["content-type"]).toMatch(/^application\/json/)
    expect(list.headers["x-content-type-options"]).toBe("nosniff")
    expect(list.headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'")
    const { completions } = JSON.parse(list.body) as CompletionPage
    expect(completions.map(({ completion }) => completion)).toEqual([script])
    const whole = await ask(`/api/runs/${id}/text?key=${completions[0]!.key}`)
    expect(whole.headers["content-type"]).toMatch(/^text\/plain/)
  })

  test("filters by step and reward hold, and a group holds its own responses alone", async () => {
    appendFileSync(join(run, "completions", "steps-000000-000999.jsonl"), `${completionLine(2, "3").replace('"reward":1', '"reward":0')}\n`)
    await start()
    const { id } = await onlyRun()
    const stepsOf = async (filter: string): Promise<number[]> => (await json<CompletionPage>(`/api/runs/${id}/completions?${filter}`)).completions.map(({ step }) => step)
    expect(await stepsOf("")).toEqual([2, 1])
    expect(await stepsOf("minReward=1")).toEqual([1])
    expect(await stepsOf("fromStep=2")).toEqual([2])
    expect((await ask(`/api/runs/${id}/completions?fromStep=x`)).status).toBe(400)
    expect((await json<GroupAnswer>(`/api/runs/${id}/group?step=1&group=0`)).completions).toMatchObject([{ step: 1, gold: "2", advantage: 2, piReward: null, tokens: null }])
    expect((await json<GroupAnswer>(`/api/runs/${id}/group?step=2&group=1`)).completions).toEqual([])
  })

  test("a group tells its tokens, and from the next step on what each response was worth in the look back", async () => {
    const record = { ...(JSON.parse(completionLine(2, "3")) as object), attribution: -1.5, tokenLengths: [1, 0], tokenLogprobs: [-0.25, null] }
    const unfit = { ...record, tokenLengths: [2, 0] }
    appendFileSync(join(run, "completions", "steps-000000-000999.jsonl"), `${JSON.stringify(record)}\n${JSON.stringify(unfit)}\n`)
    writeFileSync(join(run, "config.yaml"), "task: {name: add2}\nrollout: {groupSize: 8}\n")
    await start()
    const { id } = await onlyRun()
    const group = (): Promise<GroupAnswer> => json<GroupAnswer>(`/api/runs/${id}/group?step=2&group=0`)
    expect(await group()).toMatchObject({ judged: null, size: 8, completions: [{ piReward: null, tokens: { lengths: [1, 0], logprobs: [-0.25, null] } }, { tokens: null }] })
    appendFileSync(join(run, "metrics.jsonl"), `${JSON.stringify({ step: 3, xi: -2, gate: "suppress", gateFactor: -2, lossScale: 0.1, learningRateScale: 1 })}\n`)
    const answer = await group()
    expect(answer.judged).toMatchObject({ step: 3, xi: -2, gate: "suppress" })
    expect(answer.completions[0]!.piReward).toBeCloseTo(0.3, 12)
  })

  test("a response of 5 MB is shown cut, and whole as plain text", async () => {
    const large = "x".repeat(5_000_000)
    appendFileSync(join(run, "completions", "steps-000000-000999.jsonl"), `${completionLine(2, large)}\n`)
    await start()
    const { id } = await onlyRun()
    const { completions } = await json<CompletionPage>(`/api/runs/${id}/completions?fromStep=2`)
    expect(completions[0]!.completion.length).toBeLessThanOrEqual(400)
    expect((await ask(`/api/runs/${id}/text?key=${completions[0]!.key}`)).body).toBe(large)
  }, 20_000)
})

test("a port in use that was asked for is an error that says so", async () => {
  await start()
  await expect(startDashboard({ roots: [folder], port: dashboard!.port, app })).rejects.toThrow(/which is in use/)
})

test("without the built page the error says how to build it", () => {
  expect(() => readApp(join(folder, "nothing"))).toThrow(/npm run build/)
})

test("a run that a silent machine holds is told in the list and among its alarms", async () => {
  const lock = join(run, "lock.json")
  writeFileSync(lock, JSON.stringify({ pid: 7, startTime: null, host: "node-3", since: "2026-01-01T00:00:00.000Z" }))
  const old = new Date(Date.now() - 3 * 3_600_000)
  for (const path of [lock, join(run, "metrics.jsonl")]) utimesSync(path, old, old)
  await start()
  const { id, state, problems } = await onlyRun()
  expect([state, problems]).toEqual(["silent", ["Held by process 7 on node-3 since 2026-01-01T00:00:00.000Z, last sign of life 3 h ago"]])
  const { alarms } = await json<RunDetail>(`/api/runs/${id}`)
  expect(alarms.map((alarm) => alarm.id)).toContain("silent")
})
