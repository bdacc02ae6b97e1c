/**
 * The commands, in the order of the help text. Each is loaded when it is called, so that `pirl --version` does not
 * load the engine.
 */
import type { Command } from "./command.ts"

/** A command that is not loaded yet. */
export interface CommandEntry {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  load(): Promise<Command>
}

/** Every command. */
export const commandTable: readonly CommandEntry[] = [
  {
    name: "init",
    summary: "Write a commented config that trains as it is",
    load: async () => (await import("./init.ts")).initCommand,
  },
  {
    name: "train",
    summary: "Train a model by reinforcement learning",
    load: async () => (await import("./train.ts")).trainCommand((await import("./backends/training.ts")).trainBackend),
  },
  {
    name: "sft",
    summary: "Train on solutions (supervised) and save the model",
    load: async () => (await import("./sft.ts")).sftCommand((await import("./backends/training.ts")).sftBackend),
  },
  {
    name: "eval",
    summary: "Measure the held-out accuracy of a model or a run",
    load: async () => (await import("./eval.ts")).evalCommand((await import("./backends/inspection.ts")).evalBackend),
  },
  {
    name: "sample",
    summary: "Show responses of a model or a run",
    load: async () => (await import("./sample.ts")).sampleCommand((await import("./backends/inspection.ts")).sampleBackend),
  },
  {
    name: "chat",
    summary: "Talk to a model or a run",
    load: async () => (await import("./chat.ts")).chatCommand((await import("./backends/conversing.ts")).chatBackend),
  },
  {
    name: "compare",
    summary: "Compare arms of a config over seeds",
    load: async () => (await import("./compare.ts")).compareCommand,
  },
  {
    name: "verify",
    summary: "Judge responses with a verifier, or audit the golds of data",
    load: async () => (await import("./verify.ts")).verifyCommand((await import("./backends/verification.ts")).verifyBackend),
  },
  {
    name: "bench",
    summary: "Measure the speed of training and sampling",
    load: async () => (await import("./bench.ts")).benchCommand((await import("./backends/speed.ts")).benchBackend),
  },
  {
    name: "tinker",
    summary: "Check what a server of the Tinker protocol does",
    load: async () => (await import("./tinker.ts")).tinkerCommand((await import("./backends/server-check.ts")).tinkerBackend),
  },
  {
    name: "runs",
    summary: "List runs with their state and accuracy",
    load: async () => (await import("./runs.ts")).runsCommand,
  },
  {
    name: "query",
    summary: "Ask the logs of runs with SQL",
    load: async () => (await import("./query.ts")).queryCommand,
  },
  {
    name: "report",
    summary: "Write a run or a comparison as one HTML file",
    load: async () => (await import("./report.ts")).reportCommand,
  },
  {
    name: "export",
    summary: "Write a trained model or the logs of runs for other programs",
    load: async () => (await import("./export.ts")).exportCommand((await import("./backends/exporting.ts")).exportBackend),
  },
  {
    name: "analyze",
    summary: "Say of any training log which updates helped and when to stop",
    load: async () => (await import("./analyze.ts")).analyzeCommand,
  },
  {
    name: "watch",
    summary: "Show runs in the browser, live",
    load: async () => (await import("./watch.ts")).watchCommand,
  },
  {
    name: "completion",
    summary: "Print the completion of a shell: bash, zsh or fish",
    load: async () => (await import("./completion.ts")).completionCommand,
  },
]
