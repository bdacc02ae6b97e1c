import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as fc from "fast-check"
import { afterAll, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { configChecks } from "../trainer/config-checks.ts"
import { jobsOf } from "./jobs.ts"
import { readPlanFile, writePlanFile } from "./plan-file.ts"
import { equalArms, planComparison, type ComparisonPlan, type PlanRequest } from "./plan.ts"
import { startKey } from "./starts.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-plan-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const configFile = join(temporary, "config.yaml")
writeFileSync(
  configFile,
  `
model: { preset: nano }
task: { name: modular, modulus: 3, heldOutSize: 4 }
warmStart: {}
rollout: { maxResponseTokens: 4 }
objective: { clipHigh: 0.3 }
`,
)

function plan(names: string[], request: Partial<PlanRequest> & { readonly own?: string[] } = {}): ComparisonPlan {
  const { own = [], ...rest } = request
  return planComparison({ configFile, overrides: [], arms: { names, own, objectives: [] }, seeds: [1, 2], threads: 1, checks: configChecks, ...rest })
}

function issuesOf(act: () => unknown): string[] {
  try {
    act()
  } catch (error) {
    return (error as ConfigError).issues.map(({ path, message }) => `${path} ${message}`)
  }
  return []
}

test("an arm is its config, and what it changes in it", () => {
  const { arms, config } = plan(["base", "dapo+two-epochs"])
  expect(config.engine.threads).toBe(1)
  expect(arms[0]!.changes).toEqual({ "pipo.enabled": false })
  expect(arms[1]!.changes).toEqual({ "pipo.enabled": false, "optimizer.epochs": 2, "objective.name": "dapo", "objective.clipHigh": null })
  expect(arms[1]!.config.objective).toEqual({ ...config.objective, name: "dapo", clipHigh: undefined })
})

test("runs keep little, unless the config or a --set says otherwise", () => {
  const [base] = plan(["base"], { overrides: ["logging.completionsPerStep=3"] }).arms
  expect(base!.config.checkpoint).toEqual({ every: 25, keep: 1 })
  expect(base!.config.logging.completionsPerStep).toBe(3)
})

test("every arm is checked before anything runs, and its problems carry its name", () => {
  const found = issuesOf(() => plan(["base"], { own: ["a:optimizer.epochs=0", "b:objective.nam=grpo", "c:seed=4", "d:objective.name=grop"] }))
  expect(found).toHaveLength(4)
  expect(found[0]).toMatch(/arm a: optimizer\.epochs: expected .*from --set/)
  expect(found[1]).toMatch(/arm b: objective\.nam: .*/)
  expect(found[2]).toMatch(/arm d: objective\.name: .*grop/)
  expect(found[3]).toMatch(/arm c: expected the seed of the comparison/)
})

test("arms that are one config under two names are found", () => {
  expect(equalArms(plan(["base", "grpo", "pipo"]).arms)).toEqual([["base", "grpo"]])
})

test("arms share the start of their seed unless they change what decides it", () => {
  const own = ["steeper:optimizer.learningRate=1e-2", "other:model.preset=micro", "warmer:warmStart.targetAccuracy=0.9", "adam:optimizer.beta2=0.95"]
  const jobs = jobsOf(plan(["base", "two-epochs", "pipo"], { own }), "out")
  const starts = jobs.filter(({ kind }) => kind === "start").map(({ directory }) => directory)
  expect(starts.filter((start) => start === join("out", "starts", "seed-1"))).toHaveLength(1)
  expect(starts).toHaveLength(8)
  const startOf = (arm: string, seed: number): string | undefined => jobs.flatMap((job) => (job.kind === "run" && job.arm === arm && job.seed === seed ? [job.start] : []))[0]
  for (const arm of ["base", "two-epochs", "pipo", "steeper"]) expect(startOf(arm, 2)).toBe(join("out", "starts", "seed-2"))
  for (const arm of ["other", "warmer", "adam"]) expect(startOf(arm, 2)).toMatch(/starts.seed-2-[0-9a-f]{12}$/)
  // Paired results come early: every job of seed 1 before those of seed 2, and a start before its arms.
  expect(jobs.map((job) => (job.kind === "run" ? job.seed : job.config.seed))).toEqual([...Array.from({ length: 11 }, () => 1), ...Array.from({ length: 11 }, () => 2)])
  for (const job of jobs) if (job.kind === "run") expect(jobs.findIndex(({ directory }) => directory === job.start)).toBeLessThan(jobs.indexOf(job))
})

test("starts in a folder that comparisons share are told apart by what decides them", () => {
  const startsOf = (overrides: readonly string[]): string[] =>
    jobsOf(plan(["base", "pipo"], { overrides }), "out", "shared").flatMap((job) => (job.kind === "start" ? [job.directory] : []))
  const [plainly, warmer] = [startsOf(["train.steps=7"]), startsOf(["warmStart.targetAccuracy=0.9"])]
  for (const directory of [...plainly, ...warmer]) expect(directory).toMatch(/^shared.seed-[12]-[0-9a-f]{12}$/)
  expect(new Set([...plainly, ...warmer]).size).toBe(4)
  expect(startsOf(["optimizer.epochs=3"])).toEqual(plainly)
})

test("no two runs share a folder", () => {
  const name = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,6}[A-Za-z0-9])?$/)
  const lowerCase = (text: string): string => text.toLowerCase()
  const [base] = plan(["base"]).arms
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 8, selector: lowerCase }), fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 4 }), (names, seeds) => {
      const whole = { config: base!.config, seeds, arms: names.map((arm) => ({ ...base!, name: arm })) }
      const folders = jobsOf(whole, "out").flatMap((job) => (job.kind === "run" ? [lowerCase(job.directory)] : []))
      expect(new Set(folders).size).toBe(names.length * seeds.length)
      for (const folder of folders) expect(folders.some((other) => other !== folder && other.startsWith(`${folder}/`))).toBe(false)
    }),
    { numRuns: 50 },
  )
})

test("a folder keeps the commands that made it, each once in their order, and reads plans that kept none", () => {
  const directory = mkdtempSync(join(temporary, "commands-"))
  const older = writePlanFile(directory, plan(["base"]), "1.2.3")
  expect(Object.keys(older)).not.toContain("commands")
  expect(readPlanFile(directory).commands).toBeUndefined()
  for (const command of ["pirl compare a.yaml", "pirl compare a.yaml --seeds 3", "pirl compare a.yaml"]) writePlanFile(directory, plan(["base"]), "1.2.3", command)
  expect(readPlanFile(directory).commands).toEqual(["pirl compare a.yaml", "pirl compare a.yaml --seeds 3"])
})

test("a folder of a version without the chat template goes on with bare text, from the same starts", () => {
  const directory = mkdtempSync(join(temporary, "older-"))
  const path = join(directory, "plan.json")
  const saved = writePlanFile(directory, plan(["base"]), "1.2.3")
  const { chatTemplate: _, templateVariables: __, ...rollout } = saved.config.rollout
  writeFileSync(path, JSON.stringify({ ...saved, config: { ...saved.config, rollout } }))
  const issues = issuesOf(() => writePlanFile(directory, plan(["base"]), "1.3.0"))
  expect(issues).toHaveLength(1)
  expect(issues[0]).toMatch(/^rollout\.chatTemplate expected false as in the comparison .*, got "auto"\. Set it back/)
  const same = plan(["base"], { overrides: ["rollout.chatTemplate=false"] })
  expect(writePlanFile(directory, same, "1.3.0").arms).toHaveLength(1)
  expect(startKey(same.config)).not.toBe(startKey(plan(["base"]).config))
})

test("a folder takes more arms and seeds, and refuses another meaning of those that it has", () => {
  const directory = mkdtempSync(join(temporary, "out-"))
  writePlanFile(directory, plan(["base", "pipo"]), "1.2.3")
  const grown = writePlanFile(directory, plan(["two-epochs", "base"], { seeds: [3, 2] }), "1.2.3")
  expect(grown.arms.map(({ name }) => name)).toEqual(["base", "pipo", "two-epochs"])
  expect(grown.seeds).toEqual([1, 2, 3])
  expect(readPlanFile(directory)).toEqual(grown)
  // What is kept and logged may change.
  writePlanFile(directory, plan(["base"], { overrides: ["checkpoint.every=7", "logging.completionsPerStep=2", "seed=9"] }), "1.2.3")
  const found = issuesOf(() => writePlanFile(directory, plan(["base"], { overrides: ["rollout.groupSize=4"], own: ["pipo=pipo:pipo.lambda=0", "Two-Epochs=two-epochs"] }), "1.2.3"))
  expect(found).toHaveLength(3)
  expect(found[0]).toMatch(/^rollout\.groupSize expected 8 as in the comparison in .*, got 4\./)
  expect(found[1]).toMatch(/arm pipo: expected the arm pipo of .* \(the config itself\), got another \(pipo\.lambda=0\)/)
  expect(found[2]).toMatch(/arm Two-Epochs: expected the arm two-epochs/)
  expect(() => readPlanFile(temporary)).toThrow(/expected the folder of a comparison, got none/)
  writeFileSync(join(directory, "plan.json"), "{")
  expect(() => readPlanFile(directory)).toThrow(/expected the plan of a comparison/)
})
