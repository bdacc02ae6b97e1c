import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { syntheticRun } from "../compare/results.test-helper.ts"
import { parseConfig } from "../config/index.ts"
import { comparisonReport } from "./comparison-report.ts"
import { unbalanced } from "./report.test-helper.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-comparison-report-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const options = { version: "1.2.3", now: 0 }
const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" }, warmStart: {}, rollout: { maxResponseTokens: 4 } })

function comparison(name: string, seeds: readonly number[], results: readonly object[], commands?: readonly string[]): string {
  const directory = join(folder, name)
  mkdirSync(directory)
  const arms = ["base", "pipo"].map((arm) => ({ name: arm, overrides: [`pipo.enabled=${arm === "pipo"}`], changes: { "pipo.enabled": arm === "pipo" } }))
  writeFileSync(join(directory, "plan.json"), JSON.stringify({ format: 1, pirl: "0.1.0", node: "v20", definitions: { drop: "best - final" }, seeds, arms, config, ...(commands === undefined ? {} : { commands }) }))
  writeFileSync(join(directory, "results.jsonl"), results.map((result) => `${JSON.stringify(result)}\n`).join(""))
  return directory
}

describe("the report of a comparison", () => {
  test("has the tables of means and of paired differences, the plot of arms, the plan and its definitions", () => {
    const results = [1, 2].flatMap((seed) => [syntheticRun("base", seed, [0.2, 0.3, 0.4 + 0.02 * seed]), syntheticRun("pipo", seed, [0.2, 0.4, 0.5 + 0.02 * seed])])
    const text = comparisonReport(comparison("done", [1, 2], results), options)
    expect(text).toContain("<dd>4 of 4 finished</dd>")
    // Finals of base: (0.3 + 0.42) / 2 and (0.3 + 0.44) / 2; those of pipo are 0.1 above.
    expect(text).toMatch(/<th scope="row">base<\/th><td>2<\/td><td>0\.200<\/td><td>0\.430 ± 0\.010<\/td><td>0\.365 ± 0\.005<\/td>/)
    expect(text).toContain('<th scope="row">pipo - base</th><td>2</td><td>+0.100 [+0.100, +0.100]</td>')
    expect(text).toContain("Held-out expected accuracy over steps: mean of the seeds and standard error")
    expect(text).toContain("pipo.enabled=true")
    expect(text).toContain("best - final")
    expect(unbalanced(text)).toEqual([])
    expect(text).not.toMatch(/<script|<link|<img|\bsrc=|url\(|@import/)
  })

  test("shows the commands that made it, as text, and says when the plan kept none", () => {
    const text = comparisonReport(comparison("commands", [1], [], ["pirl compare a.yaml --arms base", "pirl compare a.yaml --arm 'x:<b>=1'"]), options)
    expect(text).toContain("<p>Made by:</p><pre>pirl compare a.yaml --arms base\npirl compare a.yaml --arm &#39;x:&lt;b&gt;=1&#39;</pre>")
    const older = comparisonReport(comparison("no-commands", [1], []), options)
    expect(older).toContain("The command was not kept by the version that made this comparison")
  })

  test("tells which runs failed and why, as text, and how many are open", () => {
    const results = [syntheticRun("base", 1, [0.2, 0.3]), syntheticRun("pipo", 1, [0.2], { state: "failed", error: "<script>boom</script>" })]
    const text = comparisonReport(comparison("failed", [1, 2], results), options)
    expect(text).toContain("1 of 4 finished, 1 failed, 2 open: the numbers below are of those that are finished")
    expect(text).toContain("<b>pipo, seed 1</b></p><p>&lt;script&gt;boom&lt;/script&gt;</p>")
    expect(text).not.toContain("<script")
  })

  test("has no plot while no run is finished", () => {
    expect(comparisonReport(comparison("begun", [1], []), options)).toContain("No run is finished yet.")
  })

  test("refuses a folder without a plan, and a plan of another format", () => {
    expect(() => comparisonReport(folder, options)).toThrow(/expected the folder of a comparison, got none/)
    const directory = join(folder, "other")
    mkdirSync(directory)
    writeFileSync(join(directory, "plan.json"), "{}")
    expect(() => comparisonReport(directory, options)).toThrow(/expected the plan of a comparison, got another format/)
  })
})
