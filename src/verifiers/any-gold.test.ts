import { afterAll, expect, test } from "vitest"
import { anyGold } from "./any-gold.ts"
import { VerifierPool } from "./pool/verifier-pool.ts"
import { createVerifier } from "./registry.ts"
import type { Verdict, Verifier } from "./verifier.ts"

const pool = new VerifierPool({ workers: 1 })
afterAll(() => pool.close())

const input = { gold: '["7","x+1"]', completion: "" }

// In a worker thread, in the calling thread, and made of others.
const verifiers: readonly Verifier[] = [
  createVerifier("math"),
  createVerifier("exact"),
  createVerifier({ name: "weighted", parts: [{ verifier: "exact", weight: 1 }] }),
]

test.each(verifiers.map((verifier) => [verifier.name, verifier] as const))(
  "%s accepts any of the ground truths, and nothing else",
  async (_, verifier) => {
    const any = anyGold(verifier, ["7", "x+1"])
    for (const [completion, status] of [
      ["7", "correct"],
      ["x+1", "correct"],
      ["8", "incorrect"],
    ] as const) {
      expect((await pool.verify(any, { ...input, completion })).status).toBe(status)
      expect((await any.verify({ ...input, completion })).status).toBe(status)
    }
  },
)

test("the reason of a refusal says how many ground truths there were", async () => {
  const { reason } = await anyGold(createVerifier("exact"), ["7", "8"]).verify({ ...input, completion: "9" })
  expect(reason).toMatch(/^none of 2 ground truths: /)
})

test("a ground truth that cannot be read takes nothing from the others, and a failure hides no right answer", () => {
  const { combine } = anyGold(createVerifier("math"), ["a", "b"])
  const verdict = (status: Verdict["status"], reward = 0): Verdict => ({ status, reward, reason: status })
  expect(combine([verdict("unparsable-gold"), verdict("incorrect", 0.25)])).toMatchObject({
    status: "incorrect",
    reward: 0.25,
  })
  expect(combine([verdict("unparsable-gold"), verdict("unparsable-gold")]).status).toBe("unparsable-gold")
  expect(combine([verdict("incorrect"), verdict("timeout")]).status).toBe("timeout")
  expect(combine([verdict("failure"), verdict("correct", 1)])).toMatchObject({ status: "correct", reward: 1 })
})
