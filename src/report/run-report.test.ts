import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { acquireLock, readRun, summarizeRun } from "../runs/index.ts"
import { sampleGroups } from "./completion-sample.ts"
import { fakeRun, steps, unbalanced } from "./report.test-helper.ts"
import { readRunLogs } from "./run-logs.ts"
import { runReport, timelinePicture } from "./run-report.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-report-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const options = { version: "1.2.3", now: Date.parse("2026-01-02T03:04:06.000Z") }
const evaluations = [
  { step: 0, size: 100, greedyAccuracy: 0.4, verifierFailures: 0, time: {} },
  { step: 4, size: 100, greedyAccuracy: 0.5, verifierFailures: 0, time: {} },
]

function response(step: number, group: number, completion: string): object {
  return { step, group, problem: `p${group}`, prompt: "1+1=", completion, gold: "2", reward: 0, status: "incorrect", extracted: completion, reason: "no", advantage: -0.5, stopReason: "stop" }
}

describe("the report of a run", () => {
  test("has accuracy with its interval, gain, steps, phases, every curve that the logs hold, and the agreement of the signal", async () => {
    const text = await runReport(fakeRun(join(folder, "whole"), { metrics: steps(4), evaluations }), options)
    // Wilson's interval of 50 of 100.
    expect(text).toMatch(/Final held-out accuracy, greedy<b>50\.0 %<\/b><span class="unit">100 problems; 95 %: 40\.4 to 59\.6 %/)
    expect(text).toContain("<b>+10.0 points</b>")
    expect(text).toContain("<dd>4 of 4</dd>")
    expect(text).toMatch(/<th scope="row">sampling<\/th><td>2\.0<\/td><td>25\.0 %/)
    for (const title of ["Mean reward", "Held-out accuracy", "Improvement signal", "Entropy", "Response length", "Seconds per step"]) expect(text).toContain(`<b>${title}</b>`)
    expect(text).toContain("Was the signal right?")
    expect(text).toMatch(/<th scope="row">reinforced<\/th><td>2<\/td>/)
    expect(unbalanced(text)).toEqual([])
  })

  test("has what the run said before its first update", async () => {
    const run = { steps: 4, evaluations: 2, stepSeconds: 2, evaluationSeconds: 1, runSeconds: 10, evaluationShare: 0.2 }
    const time = { sampleSeconds: 0.5, scoreSeconds: 0, trainSeconds: 1.5, run, memoryAvailableBytes: 4 * 2 ** 30 }
    const look = {
      kind: "first-look",
      step: 1,
      responses: 16,
      rewarded: 3,
      groups: 4,
      groupsWithSignal: 2,
      meanReward: 0.19,
      responseLength: 4,
      truncated: 1,
      memoryNeededBytes: 2 ** 29,
      message: "",
      time,
    }
    const text = await runReport(
      fakeRun(join(folder, "start"), { metrics: steps(4), evaluations, events: [look] }),
      options,
    )
    const section = /<section id="start">.*?<\/section>/s.exec(text)![0]
    expect(section).toContain("<dt>accuracy</dt><dd>40.0 % greedy (100 held-out problems, 95 %: 30.9 to 49.8)</dd>")
    expect(section).toContain(
      "<dd>3 of 16 responses rewarded, 0.190 on average; 2 of 4 groups with a signal (their rewards differ)</dd>",
    )
    expect(section).toContain("<dd>about 512 MiB needed, 4.0 GiB free</dd>")
    expect(section).toContain("<dd>4 steps and 2 evaluations about 10s, 20 % of it evaluations</dd>")
  })

  test("sums up what the run's own summary does, overlapped rollouts too", async () => {
    const metrics = steps(12).map((line, i) => ({ ...line, muHis: 0.3, muStandardError: 0.05, sampledTokens: 100 + i, trainedTokens: 200 + i, offPolicySteps: Math.min(i, 1), time: { at: "2026-01-02T03:04:05.000Z", seconds: 2, sampleSeconds: 0.5, trainSeconds: 1, serverSeconds: 1.5, clientSeconds: 0.25 }, expectedAccuracy: 0.3 + 0.1 * Math.sin(i * i) }))
    const directory = fakeRun(join(folder, "summed"), { metrics, evaluations })
    const { metrics: lines, evaluations: measured } = readRun(directory)
    const { summary } = await readRunLogs(directory, options.now)
    expect(summary).toEqual(summarizeRun(lines, measured))
    expect(summary.signal.againstPrevious?.judged).toBeGreaterThan(5)
  })

  test("is one file: no script, nothing loaded, links to itself alone", async () => {
    const text = await runReport(fakeRun(join(folder, "alone"), { metrics: steps(3), evaluations }), options)
    expect(text).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|url\(|@import/)
    expect([...text.matchAll(/href="([^"]*)"/g)].every(([, target]) => target!.startsWith("#"))).toBe(true)
    expect(text).toContain("default-src 'none'")
  })

  test("shows what a run holds as text, whatever it is: response, prompt, reason, event, config, metric", async () => {
    const evil = '</pre><script>alert("x")</script>'
    const directory = fakeRun(join(folder, "evil"), {
      config: `task:\n  name: '${evil}'\n`,
      metrics: [{ ...steps(1)[0], [`<script>${"m"}</script>`]: 1 }],
      events: [{ kind: evil, step: 1, message: evil, time: { at: evil } }],
      completions: [{ ...response(1, 0, evil), problem: evil, prompt: evil, gold: evil, status: evil, extracted: evil, reason: evil, stopReason: evil }],
    })
    const text = await runReport(directory, options)
    expect(text).not.toContain("<script")
    expect(text.split("&lt;script&gt;").length).toBeGreaterThan(10)
    expect(unbalanced(text)).toEqual([])
  })

  test("says that a run is still running, or was stopped and can be resumed", async () => {
    const directory = fakeRun(join(folder, "live"), { metrics: steps(2), events: [{ kind: "interrupt", message: "stopped", time: {} }] })
    expect(await runReport(directory, options)).toContain("<dd>stopped: it can be resumed</dd>")
    const lock = acquireLock(directory)
    try {
      expect(await runReport(directory, options)).toContain("<dd>running: this report shows what was there when it was written</dd>")
    } finally {
      lock.release()
    }
  })

  test("names the programs that made the run, each once, and none where the log does not say", async () => {
    const opening = (kind: string, pirl: string): object => ({ kind, pirl, message: "", time: { node: "22.1.0", platform: "linux-x64" } })
    const alarms = Array.from({ length: 1001 }, () => ({ kind: "alarm", message: "entropy is low", time: {} }))
    const directory = fakeRun(join(folder, "made-by"), { metrics: steps(2), events: [opening("start", "0.9.0"), opening("resume", "0.9.0"), opening("resume", "1.0.0"), ...alarms] })
    expect(await runReport(directory, options)).toContain("<dt>Made by</dt><dd>pirl 0.9.0 (Node 22.1.0, linux-x64), then pirl 1.0.0 (Node 22.1.0, linux-x64)</dd>")
    const older = fakeRun(join(folder, "made-by-unknown"), { metrics: steps(2), events: [{ kind: "start", message: "the run starts", time: {} }] })
    expect(await runReport(older, options)).toContain("<dt>Made by</dt><dd>-</dd>")
  })

  test("leaves a half-written last line out without a word, and counts a damaged line", async () => {
    const directory = fakeRun(join(folder, "torn"), { metrics: steps(2), rest: '{"step":3,"mu":0.' })
    const text = await runReport(directory, options)
    expect(text).toContain("<dd>2 of 4</dd>")
    expect(text).not.toContain('class="warn"')
    appendFileSync(join(directory, "metrics.jsonl"), "\n")
    expect(await runReport(directory, options)).toContain("1 line of the logs is no JSON object with a step, and left out.")
  })

  test("is made of a run that has only just begun, and of one whose config and lines are of another version", async () => {
    expect(await runReport(fakeRun(join(folder, "new"), {}), options)).toContain("No steps yet")
    const old = await runReport(fakeRun(join(folder, "old"), { config: "algorithm: grpo\n", metrics: [{ step: 1, mu: 0.5 }, { step: 2, mu: 0.6 }] }), options)
    expect(old).toContain("<dd>2 of ?</dd>")
    expect(old).toContain("<b>Mean reward</b>")
    const broken = fakeRun(join(folder, "yaml"), { config: "a: [", metrics: steps(1) })
    expect(await runReport(broken, options)).toContain("config.yaml is no YAML")
  })

  test("lists alarms with what to try", async () => {
    const directory = fakeRun(join(folder, "alarm"), { metrics: steps(3), events: [{ kind: "failure", message: "no <space>", time: {} }] })
    expect(await runReport(directory, options)).toMatch(/The run failed after step 3: no &lt;space&gt;<\/b><\/p><p class="note">Since step 3\. Try: Mend/)
  })

  test("refuses a folder without a run", async () => {
    await expect(runReport(join(folder, "nowhere"), options)).rejects.toThrow(/report .*nowhere: expected the folder of a run, got none/)
  })

  test("does not grow with the steps: curves and timeline are drawn in buckets", async () => {
    const long = async (count: number): Promise<string> => {
      const metrics = steps(count).map((line, i) => ({ ...line, mu: Math.sin(i) ** 2 }))
      return await runReport(fakeRun(join(folder, `long-${count}`), { metrics }), options)
    }
    const [short, longer] = [await long(2000), await long(8000)]
    expect(longer).toContain("<dd>8000 of 4</dd>")
    expect(longer.length).toBeLessThan(1.2 * short.length)
    expect(Buffer.byteLength(await timelinePicture(join(folder, "long-8000")))).toBeLessThan(1e5)
  })
})

describe("the sample of responses", () => {
  test("is a group of the first step and the last group of the last one", async () => {
    const completions = [response(1, 0, "a"), response(1, 0, "b"), response(1, 1, "c"), response(9, 0, "d"), response(9, 3, "e"), response(9, 3, "f")]
    const groups = await sampleGroups(fakeRun(join(folder, "groups"), { completions }))
    expect(groups.map(({ step, group, responses }) => [step, group, responses.map(({ completion }) => completion)])).toEqual([
      [1, 0, ["a", "b"]],
      [9, 3, ["e", "f"]],
    ])
  })

  test("is one group of a run that kept one step, and none where nothing was kept", async () => {
    expect(await sampleGroups(fakeRun(join(folder, "one-step"), { completions: [response(1, 0, "a"), response(1, 1, "b")] }))).toHaveLength(1)
    expect(await sampleGroups(fakeRun(join(folder, "no-log"), {}))).toEqual([])
  })

  test("reads past a response of five megabytes, and cuts it in the report", async () => {
    const directory = fakeRun(join(folder, "huge"), { metrics: steps(2), completions: [response(1, 0, "x".repeat(5e6)), response(1, 1, "small"), response(2, 0, "last")] })
    const text = await runReport(directory, options)
    expect(text).toMatch(/Shown cut, of 1\d\.\d MB/)
    expect(text).toContain("<pre>last</pre>")
    expect(text.length).toBeLessThan(2e5)
    expect(readFileSync(join(directory, "completions", "steps-000000-000999.jsonl")).length).toBeGreaterThan(5e6)
  })
})
