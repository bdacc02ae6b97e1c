/** Published evaluation sets by name. Their files are not part of the package; docs/benchmarks.md says where they are from. */
import { nearestName } from "../config/nearest-name.ts"
import type { PromptTemplate } from "../data/prompt-template.ts"
import { ConfigError } from "../errors.ts"

/** How a benchmark is read and judged. */
export interface Benchmark {
  readonly name: string
  /** One line for lists. */
  readonly title: string
  /** Problems of the published set. */
  readonly size: number
  /** Name in the registry of verifiers. */
  readonly verifier: string
  /** An answer as a response that the verifier reads it from: how answers are compared with each other. */
  readonly answerForm: (answer: string) => string
  /** Used where the file holds plain questions; prompts that are chats stay as they are. */
  readonly template: PromptTemplate
}

/** The instruction that the published prompts of the mathematical sets end with. */
const MATH_TEMPLATE = "{prompt}\n\nPlease solve this step by step and put your final answer in \\boxed{}."
const CHOICE_TEMPLATE =
  "{prompt}\n\nPlease reason step by step and provide your answer in the following format:\n" +
  "<reasoning>\n...\n</reasoning>\n<answer>\n[A/B/C/D]\n</answer>"

function math(name: string, title: string, size: number): Benchmark {
  return { name, title, size, verifier: "math", answerForm: (answer) => `\\boxed{${answer}}`, template: MATH_TEMPLATE }
}

function choice(name: string, title: string, size: number): Benchmark {
  return {
    name,
    title,
    size,
    verifier: "mcq",
    answerForm: (answer) => `<answer>\n${answer}\n</answer>`,
    template: CHOICE_TEMPLATE,
  }
}

/** Every benchmark, in the order of lists. A new one is a line here. */
export const benchmarks: readonly Benchmark[] = [
  math("math-500", "MATH-500: 500 problems of the MATH test set", 500),
  math("math-test", "MATH test set, 1,250 problems with level and type", 1250),
  math("minerva-math", "Minerva: undergraduate physics and mathematics with units", 272),
  math("aime25", "AIME 2025", 30),
  math("amc23", "AMC 2023", 40),
  math("olympiad-math", "OlympiadBench, mathematics, text only, English", 674),
  choice("sciknoweval-biology", "SciKnowEval, biology, multiple choice", 422),
  choice("sciknoweval-chemistry", "SciKnowEval, chemistry, multiple choice", 621),
  choice("sciknoweval-material", "SciKnowEval, materials, multiple choice", 494),
  choice("sciknoweval-physics", "SciKnowEval, physics, multiple choice", 344),
]

/**
 * The benchmark of a name.
 * @throws ConfigError  at `--bench` when there is none; lists those there are
 */
export function benchmarkByName(name: string): Benchmark {
  const found = benchmarks.find((benchmark) => benchmark.name === name)
  if (found !== undefined) return found
  const names = benchmarks.map((benchmark) => benchmark.name)
  const nearest = nearestName(name, names)
  const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`
  throw new ConfigError([
    { path: "--bench", message: `benchmark: expected one of ${names.join(", ")}, got ${JSON.stringify(name)}.${hint}` },
  ])
}
