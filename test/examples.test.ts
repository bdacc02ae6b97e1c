import { mkdtempSync, readFileSync, readdirSync, existsSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { array, assert, double, property } from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { palindromes, trainOnPalindromes } from "../examples/custom-task.ts"
import { attribution, groupAdvantages, improvementSignal, trainLoop } from "../examples/train-loop.ts"
import * as api from "../src/index.ts"
import { parseDatasetOptions } from "../src/data/dataset-options.ts"
import { groupAttribution, improvementSignal as signalOf } from "../src/pipo/index.ts"

const repository = dirname(dirname(fileURLToPath(import.meta.url)))
const temporary = mkdtempSync(join(tmpdir(), "pirl-examples-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

test("the public API is this and no more", () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "CheckpointError",
      "ConfigError",
      "Conversation",
      "DataError",
      "Endpoint",
      "EngineError",
      "NumericsError",
      "OnnxEngine",
      "PirlError",
      "RunDatabase",
      "ShapeError",
      "TextStream",
      "TinkerEngine",
      "VerifierError",
      "VerifierPool",
      "advantageNames",
      "aggregationModes",
      "aggregationWeights",
      "analyzeLog",
      "benchmarkByName",
      "benchmarks",
      "bootstrapMean",
      "claimFolder",
      "collectRollouts",
      "configChecks",
      "configJsonSchema",
      "configToYaml",
      "configWarnings",
      "countdownGold",
      "countdownVerifier",
      "createAdvantage",
      "createByteTokenizer",
      "createCharacterTokenizer",
      "createDatasetTask",
      "createMixtureTask",
      "createObjective",
      "createTask",
      "createVerifier",
      "crossEntropy",
      "decodeResponse",
      "deriveSeed",
      "describeTasks",
      "drawnTask",
      "encodePrompt",
      "encodeResponse",
      "endpointResponder",
      "engineResponder",
      "evaluateBenchmark",
      "evaluateHeldOut",
      "evaluateObjective",
      "exactMatchVerifier",
      "exportModel",
      "fetchConfiguredModel",
      "fetchHubModel",
      "formatVerifier",
      "functionVerifier",
      "generate",
      "graph",
      "gsm8kVerifier",
      "importanceWeights",
      "indexedTask",
      "initialiseWeights",
      "instructionNames",
      "instructionsVerifier",
      "isFailure",
      "javaScriptCodeVerifier",
      "jsonSchemaVerifier",
      "klEstimate",
      "listRunFolders",
      "loadModelFolder",
      "loadTokenizer",
      "majorityAtK",
      "mathDapoVerifier",
      "mathVerifier",
      "minervaVerifier",
      "modelPresets",
      "multipleChoiceVerifier",
      "nameRuns",
      "numericAnswerVerifier",
      "objectiveNames",
      "objectiveRecipe",
      "openModel",
      "openPolicy",
      "openRunFolder",
      "openTask",
      "pairedImprovement",
      "parseConfig",
      "passAtK",
      "pipo",
      "pipoDefaults",
      "pipoPresets",
      "plainRule",
      "presetConfig",
      "primeMathVerifier",
      "pythonCodeVerifier",
      "questionAnsweringVerifier",
      "randomStream",
      "randomXi",
      "readBenchmark",
      "readCapabilities",
      "readCompletions",
      "readLog",
      "readRun",
      "regularExpressionVerifier",
      "replayRule",
      "resolveConfigFile",
      "runSignal",
      "saveModelFolder",
      "severalRewards",
      "sharedVerifierPool",
      "signalAgreement",
      "steered",
      "summarizeRun",
      "taskNames",
      "tasks",
      "toolCallsVerifier",
      "train",
      "trainRun",
      "verifierNames",
      "verifyMath",
      "verifyResponse",
      "weightedSumVerifier",
      "withCritic",
    ]
  `)
})

describe("examples/train-loop.ts", () => {
  const numbers = array(double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 12 })

  test("its advantages are those of the library's grpo", () => {
    assert(
      property(numbers, (rewards) => {
        const responses = rewards.map((reward) => ({ reward, group: 0, mask: [1] }))
        const { advantages } = api.createAdvantage("grpo").estimate(responses)
        groupAdvantages(rewards).forEach((advantage, i) => expect(advantage).toBeCloseTo(advantages[i]![0]!, 9))
      }),
    )
  })

  test("its improvement signal and attribution are those of the library's pipo", () => {
    assert(
      property(numbers, double({ min: 0, max: 1, noNaN: true }), (window, mean) => {
        expect(improvementSignal(mean, window)).toBeCloseTo(signalOf(mean, window, { windowSize: window.length }).xi, 6)
        const advantages = window.map((value) => value - mean)
        const rows = advantages.map((advantage) => [advantage])
        const expected = groupAttribution(rows, rows.map(() => [1]), rows.map(() => 0))
        attribution(advantages).forEach((credit, i) => expect(credit).toBeCloseTo(expected[i]!, 9))
      }),
    )
  })

  test("it learns from solutions, then judges every iteration once the window is full after the warm-up", async () => {
    const lines: string[] = []
    const result = await trainLoop({
      steps: 11,
      prompts: 4,
      groupSize: 4,
      seed: 1,
      warmStartAccuracy: 1,
      warmStartSteps: 20,
      log: (line) => void lines.push(line),
    })
    // Four tokens out of thirteen at random are right once in 28,561.
    expect(result.start).toBeGreaterThan(2e-4)
    expect(result.signals).toHaveLength(2)
    expect([...result.signals, result.final, result.greedy].every(Number.isFinite)).toBe(true)
    expect(lines.at(-1)).toMatch(/^at the end: held-out accuracy/)
  })

  test("it has at most 300 lines", () => {
    expect(readFileSync(join(repository, "examples", "train-loop.ts"), "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(300)
  })
})

describe("examples/custom-task.ts", () => {
  test("the verifier accepts every solution, and another answer of the same letters", async () => {
    for (const problem of palindromes.heldOut) {
      const { gold, solution } = problem
      const verifier = palindromes.verifierFor(problem)
      const other = `${gold}${gold[1]}${gold[0]}`
      for (const completion of [solution!, other]) expect((await verifier.verify({ gold, completion })).status).toBe("correct")
      expect((await verifier.verify({ gold, completion: `${solution!.slice(0, 4)}:` })).reward).toBe(0)
    }
  })

  test("it trains on the task and leaves a run behind", async () => {
    const runDirectory = join(temporary, "palindromes")
    const { finished, summary } = await trainOnPalindromes({ runDirectory, steps: 2, warmStartSteps: 2 })
    expect(finished).toBe(true)
    expect(summary.heldOutSize).toBe(palindromes.heldOut.length)
    const run = api.readRun(runDirectory)
    expect(run.state).toBe("finished")
    expect(run.metrics.map(({ step }) => step)).toEqual([1, 2])
    expect((await api.loadModelFolder(join(runDirectory, "model"))).tokenizer.encode("abc:")).toHaveLength(4)
  })
})

test.each(["quickstart.yaml", "hugging-face.yaml"])("examples/%s is a sound config", (name) => {
  // The model folder and the data of hugging-face.yaml are the reader's own.
  const config = api.resolveConfigFile(join(repository, "examples", name), [], name === "quickstart.yaml" ? api.configChecks : [])
  expect(api.configWarnings(config)).toEqual([])
  const { name: task, ...options } = config.task
  if (task === "dataset") expect(parseDatasetOptions(options).verifier).toBe("boxed-integer")
})

describe("the package", () => {
  const { files } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { files: string[] }
  const packed = (path: string): boolean => files.some((entry) => path === entry || path.startsWith(`${entry}/`))

  test("has every file that its README links or shows", () => {
    const text = readFileSync(join(repository, "README.md"), "utf8")
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!)
    expect(links.length).toBeGreaterThan(30)
    expect(links.filter((link) => !packed(link) || !existsSync(join(repository, link)))).toEqual([])
  })

  const programs = readdirSync(join(repository, "examples")).filter((name) => name.endsWith(".ts"))

  test.each(programs)("has examples/%s, which imports the package by its name", (name) => {
    const text = readFileSync(join(repository, "examples", name), "utf8")
    const imported = [...text.matchAll(/from "([^"]+)"/g)].map((match) => match[1]!)
    expect(imported.filter((from) => from !== "pirl" && !from.startsWith("node:"))).toEqual([])
  })
})

describe("documentation", () => {
  const written = readdirSync(join(repository, "docs")).filter((name) => name.endsWith(".md"))
  const pages = ["CONTRIBUTING.md", "examples/paper/README.md", ...written.map((name) => `docs/${name}`)]

  test.each(pages)("every link of %s leads to a file", (page) => {
    const text = readFileSync(join(repository, page), "utf8")
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!)
    expect(links.filter((link) => !existsSync(join(repository, dirname(page), link)))).toEqual([])
  })

  test("the paper index names a file for each of its formulas", () => {
    const rows = readFileSync(join(repository, "docs/paper-index.md"), "utf8").split("\n").filter((line) => /^\| (?!---|idea)/.test(line))
    expect(rows.length).toBeGreaterThan(40)
    expect(rows.filter((row) => !row.includes("](../src/"))).toEqual([])
  })
})
