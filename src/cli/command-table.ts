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
    name: "runs",
    summary: "List runs with their state and accuracy",
    load: async () => (await import("./runs.ts")).runsCommand,
  },
]
