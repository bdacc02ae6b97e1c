/**
 * The README of an exported model: where it comes from and what was measured, in the form of a model card.
 */
import type { ResolvedConfig } from "../config/index.ts"
import type { ModelConfig } from "../model/config.ts"
import { parameterCount } from "../model/weights.ts"
import { nameOfPath, withoutFolders } from "./card-paths.ts"
import { usage } from "./card-usage.ts"
import { verdictRows } from "./card-verdicts.ts"
import { programsOf, summarizeRun, type AccuracySummary, type RunRecord, type SavedAccuracy, type SavedMeasure } from "../runs/index.ts"

/** What an exported folder is for. */
export type ModelFormat = "hf" | "onnx" | "gguf" | "gguf-ready-hf" | "adapter"

/** What a card says. */
export interface CardFacts {
  readonly name: string
  readonly format: ModelFormat
  /** SPDX identifier or a name of the Hub; undefined when nobody chose one. */
  readonly license: string | undefined
  readonly model: ModelConfig
  /** The tokenizer has a chat template. */
  readonly chatTemplate: boolean
  /** Name of the model that a folder of adapters belongs to, where the run does not tell it. */
  readonly baseName?: string | undefined
  /** Name of the GGUF file. */
  readonly file?: string | undefined
  /** What the weights are stored as. */
  readonly dtype: string
  readonly versions: Readonly<Record<string, string>>
  /** Undefined for a model folder that no run of ours made. */
  readonly training: { readonly config: ResolvedConfig; readonly run: RunRecord; readonly step: number } | undefined
  /** The exported model beside the policy of training; undefined for a model folder. */
  readonly saved: SavedAccuracy | undefined
  /** Further remarks, a paragraph each. */
  readonly notes: readonly string[]
}

type Row = readonly [label: string, value: string]

/** The card as Markdown with its YAML head. */
export function modelCard(facts: CardFacts): string {
  const { name, training, saved, notes, versions } = facts
  const parts = [
    head(facts),
    `# ${escapeMarkdown(name)}`,
    introduction(facts),
    ...(facts.license === undefined
      ? ["**No licence was chosen for these weights.** Choose one by `--license` or in the head of this file, in keeping with that of the base model and of the data."]
      : []),
    "## Use",
    usageOf(facts),
    ...(training === undefined ? [] : ["## Training", table(trainingRows(training)), "## Results", results(training, saved)]),
    ...(notes.length === 0 ? [] : ["## Notes", ...notes]),
    "## Versions of the export",
    table(Object.entries(versions)),
  ]
  return `${parts.join("\n\n")}\n`
}

function head({ license, format, training }: CardFacts): string {
  const library = { hf: "transformers", onnx: "transformers.js", gguf: "gguf", "gguf-ready-hf": "transformers", adapter: "peft" }[format]
  const tags = ["pirl", "reinforcement-learning", "rlvr", ...(training === undefined ? [] : [training.config.objective.name, ...(training.config.pipo.enabled ? ["pipo"] : [])])]
  return [
    "---",
    `license: ${JSON.stringify(license ?? "unknown")}`,
    `library_name: ${library}`,
    "pipeline_tag: text-generation",
    "tags:",
    ...tags.map((tag) => `- ${JSON.stringify(tag)}`),
    "---",
  ].join("\n")
}

function introduction({ model, dtype, training, format }: CardFacts): string {
  const millions = (parameterCount(model) / 1e6).toPrecision(3)
  const what = `A ${model.architecture} decoder of ${millions} M parameters${format === "adapter" ? " with low-rank adapters, which alone are here" : ""}, stored as ${dtype}.`
  if (training === undefined) return what
  const { objective, pipo, task } = training.config
  const verified = pipo.enabled ? " with policy improvement verification (PIPO, arXiv:2604.00860)" : ""
  return `${what} Trained by reinforcement learning with verifiable rewards on the task ${code(task.name)}: ${code(objective.name)}${verified}.`
}

/** Bare text stays bare: a run that trained without the template is used without it. */
function usageOf({ format, training, chatTemplate, baseName, file }: CardFacts): string {
  const rollout = training?.config.rollout
  const { path, hub } = training?.config.model ?? {}
  return usage({
    format,
    isChat: chatTemplate && rollout?.chatTemplate !== false,
    systemPrompt: rollout?.systemPrompt,
    maxTokens: rollout?.maxResponseTokens,
    base: hub ?? (path === undefined ? baseName : nameOfPath(path)),
    file,
  })
}

function trainingRows({ config, run, step }: NonNullable<CardFacts["training"]>): Row[] {
  const { model, task, warmStart, rollout, objective, pipo, optimizer, lora, train, seed } = config
  const { name, ...options } = task
  // Who goes on after the exported step had no part in it.
  const programs = programsOf(run.events.filter(({ kind, checkpoint }) => !(kind === "resume" && typeof checkpoint === "number" && checkpoint >= step)))
  return [
    ["start", startOf(model)],
    [
      "task",
      code(name) + (Object.keys(options).length === 0 ? "" : ` ${code(JSON.stringify(withoutFolders(options)))}`),
    ],
    ...(warmStart.enabled
      ? [
          [
            "warm start",
            `supervised, to ${warmStart.targetAccuracy} held-out accuracy (expected where answers are unique, else greedy)`,
          ] as Row,
        ]
      : []),
    ["steps", `${step} of ${train.steps}`],
    [
      "a step",
      `${rollout.promptsPerStep} prompts x ${rollout.groupSize} responses of at most ` +
        `${rollout.maxResponseTokens} tokens, temperature ${rollout.temperature}`,
    ],
    ["objective", code(compact(objective))],
    ["PIPO", pipo.enabled ? code(compact(pipo)) : "off"],
    ["optimiser", code(compact(optimizer))],
    ["parameters", lora.enabled ? `adapters, ${code(compact(lora))}` : "all"],
    ["seed", String(seed)],
    ...(programs.length === 0 ? [] : [["trained by", programs.map(escapeMarkdown).join(", then ")] as Row]),
  ]
}

function startOf({ path, hub, commit, preset }: ResolvedConfig["model"]): string {
  if (hub !== undefined) return `the model ${code(hub)} of the Hugging Face hub${commit === undefined ? "" : `, commit ${code(commit)}`}`
  return path === undefined ? `from scratch, preset ${code(preset ?? "")}` : `the model ${code(nameOfPath(path))}`
}

function results({ run, step }: NonNullable<CardFacts["training"]>, saved: SavedAccuracy | undefined): string {
  const upTo = <T extends { readonly step: number }>(lines: readonly T[]): T[] => lines.filter((line) => line.step <= step)
  const evaluations = upTo(run.evaluations)
  const summary = summarizeRun(upTo(run.metrics), evaluations)
  const measured = evaluations.at(-1)
  const rows: Row[] = []
  const add = (label: string, accuracy: AccuracySummary | null): void => {
    if (accuracy === null) return
    const { start, final, intervals } = accuracy
    rows.push([`held-out accuracy, ${label}: before`, share(start, intervals.start)], [`held-out accuracy, ${label}: after`, share(final, intervals.final)])
  }
  add("greedy", summary.greedy)
  add("expected", summary.expected)
  if (measured !== undefined) rows.push(["measured", `after step ${measured.step} on ${measured.size} held-out problems of the task`])
  if (saved !== undefined) rows.push(...savedRows(saved))
  rows.push(...verdictRows(upTo(run.metrics), summary.verdicts))
  rows.push(["tokens", `${summary.sampledTokens} sampled, ${summary.trainedTokens} trained on`])
  return `${table(rows)}\n\nIn brackets: 95 % interval. Nothing else was measured; what the model does beyond this task is not known.`
}

function savedRows({ dtype, asTrained, size, greedy, expected }: SavedAccuracy): Row[] {
  const label = `these weights (${dtype})`
  if (greedy === null && expected === null) return [[label, asTrained ? "as trained, bit for bit" : "not measured as stored here"]]
  const row = (kind: string, measure: SavedMeasure | null): Row[] =>
    measure === null ? [] : [[`${label}, ${kind}`, `${share(measure.accuracy, measure.interval)} on ${size} problems${asTrained ? ", as trained" : measured(measure)}`]]
  return [...row("greedy", greedy), ...row("expected", expected)]
}

/** The change from the trained policy, in points of a hundred. */
function measured({ trained, change }: SavedMeasure): string {
  if (trained === null) return ""
  const points = (value: number): string => (100 * value).toFixed(1)
  return `; trained ${points(trained)} %${change === null ? "" : `, change ${points(change.value)} [${points(change.low)}, ${points(change.high)}] points`}`
}

function share(value: number, interval: { readonly low: number; readonly high: number } | null): string {
  const percent = (x: number): string => (100 * x).toFixed(1)
  return `${percent(value)} %${interval === null ? "" : ` [${percent(interval.low)}, ${percent(interval.high)}]`}`
}

function compact(settings: object): string {
  return Object.entries(withoutFolders(settings) as object)
    .filter(([key]) => key !== "enabled")
    .map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ")
}

function table(rows: readonly Row[]): string {
  return ["| | |", "|---|---|", ...rows.map(([label, value]) => `| ${label} | ${value.replaceAll("|", "\\|").replace(/\s+/g, " ")} |`)].join("\n")
}

/** Text as code: backticks within it end no code. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = "`".repeat(longest + 1)
  return longest === 0 ? `${fence}${text}${fence}` : `${fence} ${text} ${fence}`
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|]/g, "\\$&").replace(/\s+/g, " ")
}
