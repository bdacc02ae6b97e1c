import { EventEmitter } from "node:events"
import { describe, expect, test } from "vitest"
import type { EvaluationLine, MetricsLine } from "../runs/index.ts"
import { summarizeRun, type SavedAccuracy } from "../runs/index.ts"
import { captured } from "./cli.test-helper.ts"
import { formatCount, formatDuration, formatTable, signed } from "./format.ts"
import { listenForInterrupt } from "./interrupt.ts"
import { summaryTable } from "./summary-table.ts"
import { createReporter, reportMode, wantsColor } from "./terminal.ts"

const at = "2026-01-01T00:00:00.000Z"
const step: MetricsLine = {
  step: 7,
  mu: 0.4375,
  xi: -0.816,
  verdict: "regressed",
  sampledTokens: 2048,
  trainedTokens: 4096,
  time: { at, seconds: 2 },
}
const evaluation = (number: number, greedyAccuracy: number): EvaluationLine => ({
  step: number,
  size: 500,
  greedyAccuracy,
  time: { at },
})

/** Milliseconds that move on by ten seconds at each look. */
function clock(): () => number {
  let now = 0
  return () => (now += 10_000)
}

describe("progress", () => {
  test("without a terminal is a plain line per step with reward, xi, verdict, accuracy, speed and time left", () => {
    const context = captured()
    const reporter = createReporter(reportMode(context, false), context, 100, clock())
    reporter.onEvaluation(evaluation(0, 0.25))
    reporter.onStep({ ...step, step: 6, xi: null, verdict: null })
    reporter.onEvaluation(evaluation(6, 0.5))
    reporter.onStep(step)
    reporter.close()
    expect(context.stderr().split("\n")).toEqual([
      "step 0: held-out greedy 0.250 (+0.000) of 500 problems",
      "step   6/100  reward 0.438  held-out greedy 0.250 (+0.000)  3.07k tok/s",
      "step 6: held-out greedy 0.500 (+0.250) of 500 problems",
      "step   7/100  reward 0.438  xi -0.82 regressed  held-out greedy 0.500 (+0.250)  3.07k tok/s  15m30s left",
      "",
    ])
  })

  test("tells greedy from expected accuracy: both where they are measured, the greedy one beside a step", () => {
    const context = captured()
    const reporter = createReporter("plain", context, 100, clock())
    reporter.onEvaluation({ ...evaluation(0, 0.25), expectedAccuracy: 0.125 })
    reporter.onEvaluation({ ...evaluation(5, 0.5), expectedAccuracy: 0.25 })
    reporter.onStep({ ...step, step: 6, xi: null, verdict: null })
    reporter.close()
    expect(context.stderr().split("\n").slice(0, 3)).toEqual([
      "step 0: held-out greedy 0.250 (+0.000), expected 0.125 (+0.000) of 500 problems",
      "step 5: held-out greedy 0.500 (+0.250), expected 0.250 (+0.125) of 500 problems",
      "step   6/100  reward 0.438  held-out greedy 0.500 (+0.250)  3.07k tok/s",
    ])
  })

  test("on a terminal redraws one line, keeps notes above it and never exceeds the width", () => {
    const context = captured(40)
    const reporter = createReporter(reportMode(context, false), context, 100, clock())
    reporter.onStep(step)
    reporter.onNote("a note")
    reporter.close()
    const live = "step   7/100  reward 0.438"
    expect(context.stderr()).toBe(`\r\u001B[2K${live}\r\u001B[2Ka note\n${live}\n`)
  })

  test("is coloured on a terminal alone, and not with NO_COLOR", () => {
    const lineFor = (env: Record<string, string>): string => {
      const context = captured(120, env)
      createReporter("live", context, 100).onStep(step)
      return context.stderr()
    }
    expect(lineFor({})).toContain("\u001B[31mxi -0.82 regressed\u001B[0m")
    expect(lineFor({ NO_COLOR: "1" })).not.toContain("\u001B[31m")
    expect(wantsColor(captured())).toBe(false)
    expect(reportMode(captured(80, { TERM: "dumb" }), false)).toBe("plain")
  })

  test("as JSON is the metrics lines alone on the standard output", () => {
    const context = captured(80)
    const reporter = createReporter(reportMode(context, true), context, 100)
    reporter.onEvaluation(evaluation(0, 0.25))
    reporter.onNote("a note")
    reporter.onStep(step)
    reporter.close()
    expect(JSON.parse(context.stdout())).toEqual(step)
    expect(context.stderr()).toBe("step 0: held-out greedy 0.250 (+0.000) of 500 problems\na note\n")
  })
})

describe("how much is said", () => {
  const timed: MetricsLine = {
    ...step,
    time: { at, seconds: 2, sampleSeconds: 1.5, verifySeconds: 0.004, trainSeconds: 0.5, checkpointSeconds: 0.1 },
  }
  const said = (verbosity: "quiet" | "verbose" | undefined): string => {
    const context = captured()
    const reporter = createReporter("plain", { ...context, verbosity }, 100)
    reporter.onNote("a note")
    reporter.onNote("warning: of something")
    reporter.onStep(timed)
    reporter.say("stopped after step 7")
    expect(context.stdout()).toBe("")
    return context.stderr()
  }

  test("a step tells where its time went, in shares; --verbose in seconds", () => {
    expect(said(undefined)).toContain("3.07k tok/s  sampling 71 %, training 24 %, checkpoint 5 %\n")
    expect(said("verbose")).toContain("  sampling 1.50s, verifying 0.00s, training 0.50s, checkpoint 0.10s\n")
  })

  test("--quiet leaves warnings, and where a stopped run stands", () => {
    expect(said("quiet")).toBe("warning: of something\nstopped after step 7\n")
  })

  test("a warm start says every five seconds how far it is", () => {
    const context = captured()
    const reporter = createReporter("plain", context, 100)
    const state = { loss: 1.25, accuracy: 0.125, targetAccuracy: 0.35, maxSteps: 200 }
    for (const [made, seconds] of [[10, 1], [50, 5], [60, 6], [100, 10]] as const) {
      reporter.onWarmStartProgress?.({ ...state, step: made, stepsHere: made, seconds })
    }
    expect(context.stderr()).toBe(
      "warm start: step 50/200  loss 1.250  held-out 0.125 of 0.35  at most 15s left\n" +
        "warm start: step 100/200  loss 1.250  held-out 0.125 of 0.35  at most 10s left\n",
    )
  })
})

describe("the progress of an evaluation", () => {
  const progress = { step: 0, responses: 48, share: 0.25, total: 200, seconds: 20 }
  const text = "step 0: evaluating, 48 of 200 responses after 20s, at most 1m00s left"

  test("is a line on the error stream without a terminal, and with --json", () => {
    for (const json of [false, true]) {
      const context = captured()
      const reporter = createReporter(reportMode(context, json), context, 100)
      reporter.onEvaluationProgress?.({ ...progress, responses: 0, share: 0 })
      reporter.onEvaluationProgress?.(progress)
      expect(context.stdout()).toBe("")
      expect(context.stderr()).toBe(`step 0: evaluating, 0 of 200 responses after 20s\n${text}\n`)
    }
  })

  test("takes the place of the live line until the evaluation is there", () => {
    const context = captured(80)
    const reporter = createReporter(reportMode(context, false), context, 100, clock())
    reporter.onStep(step)
    reporter.onEvaluationProgress?.(progress)
    expect(context.stderr().endsWith(`\r\u001B[2K${text}`)).toBe(true)
    reporter.onEvaluation(evaluation(7, 0.5))
    expect(context.stderr()).toMatch(/of 500 problems\nstep +7\/100 {2}reward 0\.438[^\n]*$/)
  })
})

describe("Ctrl-C", () => {
  test("asks to stop once, then stops at once, and is given back in the end", () => {
    const signals = new EventEmitter()
    const calls: string[] = []
    const interrupt = listenForInterrupt(() => calls.push("first"), {
      source: signals,
      onSecond: (signal) => calls.push(signal),
    })
    expect(interrupt.requested).toBe(false)
    signals.emit("SIGINT", "SIGINT")
    expect([interrupt.requested, interrupt.exitCode]).toEqual([true, 130])
    signals.emit("SIGTERM", "SIGTERM")
    expect(calls).toEqual(["first", "SIGTERM"])
    expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM")).toBe(0)
    interrupt.dispose()
  })

  test("ends what does not end in time, and says so first; SIGTERM asks for 143", async () => {
    const signals = new EventEmitter()
    const calls: string[] = []
    const died = new Promise<void>((resolve) => {
      const onSecond = (signal: string): void => {
        calls.push(signal)
        resolve()
      }
      const interrupt = listenForInterrupt(() => calls.push("first"), {
        source: signals,
        onSecond,
        onDeadline: () => calls.push("deadline"),
        deadlineMs: 20,
      })
      signals.emit("SIGTERM", "SIGTERM")
      expect(interrupt.exitCode).toBe(143)
    })
    await died
    expect(calls).toEqual(["first", "deadline", "SIGTERM"])
    expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM")).toBe(0)
  })

  test("does not end what ended in time", async () => {
    const signals = new EventEmitter()
    const calls: string[] = []
    const options = {
      source: signals,
      onSecond: () => calls.push("died"),
      onDeadline: () => calls.push("deadline"),
      deadlineMs: 20,
    }
    const interrupt = listenForInterrupt(() => calls.push("first"), options)
    signals.emit("SIGINT", "SIGINT")
    interrupt.dispose()
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(calls).toEqual(["first"])
  })

  test("gives the signals back in the end", () => {
    const signals = new EventEmitter()
    listenForInterrupt(() => undefined, { source: signals }).dispose()
    expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM")).toBe(0)
  })
})

test("the summary table shows accuracy, what was gained, verdicts and speed", () => {
  const summary = summarizeRun([step], [evaluation(0, 0.25), evaluation(5, 0.9), evaluation(7, 0.875)])
  const table = summaryTable(summary, "runs/x")
  expect(table).toMatch(/greedy: start +25\.0 % {2}\(95 %: 21\.4 to 29\.0\)\n/)
  expect(table).toMatch(/greedy: best +90\.0 % {2}\(step 5\)\n/)
  expect(table).toMatch(/greedy: final +87\.5 % {2}\(500 problems; 95 %: 84\.3 to 90\.1\)\n/)
  expect(table).toMatch(/cumulative policy improvement +\+62\.5 points {2}\(95 %: 57\.7 to 67\.3\)\n/)
  expect(table).toMatch(/0 improved, 1 regressed, 0 undecided, 0 not judged/)
  expect(table).toMatch(/tokens per second +3\.07k\n/)
  expect(table).toMatch(/run folder +runs\/x\n$/)
})

test("the summary table has the saved model beside the trained one", () => {
  const row = (saved: SavedAccuracy): string => /saved model, .*/.exec(summaryTable({ ...summarizeRun([step], []), saved }, "runs/x"))![0]
  const known = { dtype: "bf16", asTrained: false, size: 200, expected: null }
  const change = { value: -0.02, low: -0.05, high: 0.01 }
  expect(row({ ...known, greedy: { accuracy: 0.6, interval: null, trained: 0.62, change } })).toMatch(
    /^saved model, bf16, greedy +60\.0 % {2}\(-2\.0 points against training; 200 problems; 95 %: -5\.0 to 1\.0\)$/,
  )
  expect(row({ ...known, greedy: null })).toMatch(/bf16 +not measured$/)
  expect(row({ ...known, dtype: "f32", asTrained: true, greedy: { accuracy: 0.62, interval: null, trained: 0.62, change: null } })).toMatch(/f32 +as trained, bit for bit$/)
})

test("the summary table says how often the signal was right, against chance, and how large it is in its noise", () => {
  // Held-out accuracy rises and falls in turns; the verdicts are right on every rise and on half of the falls.
  const metrics = Array.from({ length: 42 }, (_, i): MetricsLine => {
    const rose = i % 2 === 0
    const verdict = rose || i % 4 === 1 ? "improved" : "regressed"
    return { step: i + 1, mu: 0.5 + 0.1 * (i % 2), muStandardError: 0.05, xi: verdict === "improved" ? 1 : -1, verdict, expectedAccuracy: rose ? 0.4 : 0.5, time: { at, seconds: 1 } }
  })
  const table = summaryTable(summarizeRun(metrics, []), "runs/x")
  expect(table).toMatch(/signal agreed with held-out change +75 % of 40 judged updates \(95 % 60 to 86; by chance 50, p = 0\.\d+\)\n/)
  expect(table).toMatch(/of "this update helped" +precision 67 % \(49 to 81; 50 % of all helped\), recall 100 % \(84 to 100\)\n/)
  expect(table).toMatch(/signal against its sampling error +above one standard error in \d+ % of 41 steps, above two in \d+ % \(noise alone: 32 and 5\)\n/)
})

describe("numbers", () => {
  test("are short and keep three figures", () => {
    expect([0, 7, 0.25, 999, 999.7, 12_345, 999_600, 4_850_000, 2e9].map(formatCount)).toEqual(
      ["0", "7", "0.25", "999", "1.00k", "12.3k", "1.00M", "4.85M", "2.00G"],
    )
    expect([0, 59.4, 59.6, 3599, 3600, 11_220].map(formatDuration)).toEqual(
      ["0s", "59s", "1m00s", "59m59s", "1h00m", "3h07m"],
    )
    expect([signed(0.5, 2), signed(-0.5, 2), signed(-0.001, 2)]).toEqual(["+0.50", "-0.50", "+0.00"])
  })

  test("of a table stand below each other", () => {
    expect(formatTable([["a", "b"], ["long", "1.5"]])).toBe("a       b\nlong  1.5\n")
    expect(formatTable([["\u001b[31m", "b"], ["two\nlines", "\t"]])).toBe("\\u001b[31m       b\ntwo\\nlines  \\u0009\n")
  })
})

test("the table of a run on a server says whose time it was, and that of another run says nothing of it", () => {
  const line = (time: object): MetricsLine => ({ step: 1, mu: 0, time: { at: "", seconds: 10, ...time } })
  expect(summaryTable(summarizeRun([line({ serverSeconds: 9, clientSeconds: 0.5 }), line({ serverSeconds: 7, clientSeconds: 0.5 })], []), "runs/x")).toMatch(/of that +the server 80\.0 %, our own code 5\.0 %\n/)
  expect(summaryTable(summarizeRun([line({})], []), "runs/x")).not.toContain("server")
})
