/**
 * `pirl bench`: speed of the embedded engine, alone or against PyTorch in the same run.
 */
import { existsSync } from "node:fs"
import { ConfigError } from "../errors.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { formatCount, formatTable } from "./format.ts"

/** Speed of one workload. */
export interface BenchMeasurement {
  /** Median over the repetitions. */
  readonly tokensPerSecond: number
  /** The same workload in PyTorch; null when it was not run. */
  readonly reference: number | null
  /** Ours over the reference. */
  readonly ratio: number | null
}

/** The workloads of `bench/pytorch_baseline.py`. */
export type BenchReport = Readonly<Record<"train" | "sample" | "ragged", BenchMeasurement>>

/** What this command needs of the layers below. */
export interface BenchBackend {
  bench(request: {
    readonly threads: number | undefined
    /** Python with torch; both engines then take turns, so that they meet the same machine. */
    readonly python: string | undefined
    readonly onNote: (text: string) => void
  }): Promise<BenchReport>
}

/** The command, on an engine. */
export function benchCommand(backend: BenchBackend): Command {
  return {
    name: "bench",
    summary: "Measure the speed of training and sampling",
    positionals: "",
    positionalCount: { min: 0, max: 0 },
    options: [
      { name: "threads", kind: "integer", placeholder: "N", help: "Threads of the engine (default: every core)" },
      { name: "python", kind: "text", placeholder: "PATH", help: "Python with torch, measured in turns with us" },
      { name: "json", kind: "flag", help: "One JSON object and nothing else" },
    ],
    description:
      "Measures a Qwen3-shaped model of 4.85 M parameters: training with AdamW (32 x 128 tokens), sampling (128\n" +
      "sequences, 32 + 64 tokens) and ragged sampling (16 prompts x 8 responses of 8 to 64 tokens).",
    examples: [
      ["pirl bench", "Our engine alone"],
      ["pirl bench --json --python /usr/bin/python3", "Ours and PyTorch in turns, for machines"],
    ],
    run: (args, context) => runBench(backend, args, context),
  }
}

async function runBench(backend: BenchBackend, args: CommandArguments, { out, err }: CliContext): Promise<number> {
  const python = args.text("python")
  if (python !== undefined && !existsSync(python)) {
    const message = `pirl bench: expected --python with the path of a Python, got ${python}, which is not there.`
    throw new ConfigError([{ path: "", message: `${message} Give the whole path, e.g. /usr/bin/python3.` }])
  }
  const report = await backend.bench({
    threads: args.number("threads"),
    python,
    onNote: (text) => err.write(`${text}\n`),
  })
  if (args.flag("json")) {
    out.write(`${JSON.stringify(report)}\n`)
    return exitCodes.ok
  }
  const rows = Object.entries(report).map(([name, { tokensPerSecond, reference, ratio }]) => [
    name,
    formatCount(tokensPerSecond),
    reference === null ? "-" : formatCount(reference),
    ratio === null ? "-" : ratio.toFixed(2),
  ])
  out.write(formatTable([["workload", "tokens/s", "PyTorch", "ratio"], ...rows]))
  return exitCodes.ok
}
