import { describe, expect, test } from "vitest"
import { ConfigError } from "../../errors.ts"
import { VerifierPool } from "../pool/verifier-pool.ts"
import { createVerifier } from "../registry.ts"
import type { Verdict, Verifier } from "../verifier.ts"
import { formatVerifier } from "./format-reward.ts"
import { functionVerifier } from "./function.ts"
import { weightedSumVerifier } from "./weighted-sum.ts"

const fixed = (name: string, verdict: Partial<Verdict>): Verifier => ({
  name,
  verify: () => ({ status: "correct", reward: 1, reason: name, ...verdict }),
})
const input = { gold: "", completion: "" }

describe("a weighted sum", () => {
  test("adds the rewards and keeps the status and the answer of its first part", async () => {
    const answer = fixed("answer", { status: "incorrect", reward: 0, extracted: "7" })
    const verdict = await weightedSumVerifier([
      { verifier: answer },
      { verifier: fixed("format", {}), weight: 0.25 },
    ]).verify(input)
    expect(verdict).toMatchObject({ status: "incorrect", reward: 0.25, extracted: "7" })
    expect(verdict.reason).toBe("answer 0 x 1: answer; format 1 x 0.25: format")
    expect(verdict.components).toEqual([
      { name: "answer", reward: 0, weight: 1 },
      { name: "format", reward: 1, weight: 0.25 },
    ])
  })

  test("is a failure when a part is, whatever the others say", async () => {
    const late = fixed("late", { status: "timeout", reward: 0 })
    expect((await weightedSumVerifier([{ verifier: fixed("a", {}) }, { verifier: late }]).verify(input)).status).toBe(
      "timeout",
    )
  })

  test("runs each part at its own place in the pool, where one that hangs is killed", async () => {
    const pool = new VerifierPool({ workers: 1, timeoutMs: 500 })
    const hanging = { name: "function", module: `${import.meta.dirname}/../fixtures/functions.js`, export: "hang" }
    const sum = createVerifier({
      name: "weighted",
      parts: [{ verifier: "integer" }, { verifier: hanging, weight: 0.5 }],
    })
    try {
      expect(await pool.verify(sum, { gold: "5", completion: "5" })).toMatchObject({ status: "correct", reward: 1.5 })
      expect(await pool.verify(sum, { gold: "5", completion: "hang" })).toMatchObject({ status: "timeout" })
    } finally {
      await pool.close()
    }
  })

  test("names the place of what is wrong with a part", () => {
    const attempt = (): Verifier =>
      createVerifier(
        { name: "weighted", parts: [{ verifier: "exact" }, { verifier: { name: "math", precison: 3 } }] },
        "task.verifier",
      )
    expect(attempt).toThrow(ConfigError)
    expect(attempt).toThrow(/task\.verifier\.parts\.1\.verifier\.precison: math: .*Did you mean precision/u)
    expect(() => createVerifier({ name: "weighted", parts: [] })).toThrow(/at least one part/u)
  })
})

describe("the form of a response", () => {
  const judge = (completion: string, options = { tags: ["think", "answer"] }): Verdict =>
    formatVerifier(options).verify({ gold: "", completion }) as Verdict

  test("is kept when each tag opens and closes once, in order, with nothing around", () => {
    expect(judge(" <think>a</think>\n<answer>b</answer>\n")).toMatchObject({ status: "correct", reward: 1 })
    const broken: readonly (readonly [string, RegExp])[] = [
      ["<answer>b</answer><think>a</think>", /before <think>/u],
      ["</think><think>a<answer>b</answer>", /before <think>|wrong place/u],
      ["<think>a</think>", /<answer> is missing/u],
      ["<think>a</think><answer>b", /<\/answer> is missing/u],
      ["<think>a<think></think><answer>b</answer>", /more than once/u],
      ["x<think>a</think><answer>b</answer>", /before <think>/u],
      ["<think>a</think> so <answer>b</answer>", /before <answer>/u],
      ["<think>a</think><answer>b</answer>!", /after the last/u],
    ]
    for (const [completion, reason] of broken) {
      expect(judge(completion).status, completion).toBe("incorrect")
      expect(judge(completion).reason).toMatch(reason)
    }
  })

  test("can ask for exactly one box", () => {
    const options = { tags: [], boxed: true }
    expect(judge("so \\boxed{1}", options).status).toBe("correct")
    expect(judge("so \\boxed{1", options).status).toBe("incorrect")
    expect(judge("\\boxed{1} \\boxed{2}", options).status).toBe("incorrect")
    expect(() => formatVerifier({})).toThrow(ConfigError)
  })
})

describe("a function of the user's", () => {
  test("may give a verdict, a number or a boolean, now or later", async () => {
    const of = (result: unknown): Promise<Verdict> =>
      Promise.resolve(functionVerifier("mine", async () => result as number).verify(input))
    expect(await of(true)).toMatchObject({ status: "correct", reward: 1 })
    expect(await of(false)).toMatchObject({ status: "incorrect", reward: 0 })
    expect(await of(0.3)).toMatchObject({ status: "incorrect", reward: 0.3 })
    expect(await of({ status: "no-answer", reward: 0, reason: "none" })).toEqual({
      status: "no-answer",
      reward: 0,
      reason: "none",
    })
    await expect(of("yes")).rejects.toThrow(/mine: expected a verdict, a finite number or a boolean, got "yes"/u)
    await expect(of(Number.NaN)).rejects.toThrow(/finite number/u)
  })

  test("of a module gets the options of the config, and a missing module or export is named", async () => {
    const module = `${import.meta.dirname}/../fixtures/functions.js`
    expect(
      await createVerifier({ name: "function", module, export: "half", options: { reward: 0.5 } }).verify(input),
    ).toMatchObject({ reward: 0.5 })
    expect(() => createVerifier({ name: "function", module: "no/such.js" }, "task.verifier")).toThrow(
      /task\.verifier\.module: .*no\/such\.js/u,
    )
    await expect(
      Promise.resolve(createVerifier({ name: "function", module, export: "equal" }).verify(input)),
    ).rejects.toThrow(/The exports are .*equals/u)
  })
})

test("a module that throws as it is loaded is named, with what it threw", async () => {
  const verifier = createVerifier({ name: "function", module: `${import.meta.dirname}/../fixtures/broken-module.js` })
  const message = /expected \S+broken-module\.js to load, got Error: boom\. Correct the module\./
  await expect(verifier.verify({ gold: "", completion: "" })).rejects.toThrow(message)
})
