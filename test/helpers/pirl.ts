/** The program as a process of its own. */
import { spawn, type ChildProcess } from "node:child_process"
import { compiledProgram, compiledProgramWithPage } from "./compiled.ts"

const PATIENCE_MS = 60_000

/** How a process ended. */
export interface Outcome {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that runs. */
export interface Running {
  readonly pid: number
  /** Resolves once one of the two outputs matches. Rejects when the process ends before. */
  printed(pattern: RegExp): Promise<void>
  /** The same, with the match. */
  matched(pattern: RegExp): Promise<RegExpExecArray>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<Outcome>
}

/** Where and how a process runs. */
export interface ProcessOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** With the built page of the dashboard. */
  readonly page?: boolean
  /** Killed after this time; a minute when absent. */
  readonly patienceMs?: number
}

/** Starts `pirl` with arguments; it is killed when it takes longer than its time. */
export function startPirl(args: readonly string[], options: ProcessOptions = {}): Running {
  return follow(process.execPath, [options.page === true ? compiledProgramWithPage() : compiledProgram(), ...args], options)
}

/** Runs `pirl` to its end. */
export function pirl(args: readonly string[], options: ProcessOptions = {}): Promise<Outcome> {
  return startPirl(args, options).ended
}

/** Runs `pirl` in a shell whose files cannot grow past a size, as on a full disk. */
export function pirlWithFileLimit(args: readonly string[], kibibytes: number): Promise<Outcome> {
  // The signal of the limit is ignored, so that the write itself fails.
  const script = `trap '' XFSZ; ulimit -f ${kibibytes}; exec "$0" "$@"`
  return follow("bash", ["-c", script, process.execPath, compiledProgram(), ...args], {}).ended
}

function follow(command: string, args: readonly string[], { cwd, env, patienceMs = PATIENCE_MS }: ProcessOptions): Running {
  const child: ChildProcess = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: patienceMs,
    killSignal: "SIGKILL",
  })
  let [stdout, stderr] = ["", ""]
  const waiting = new Set<() => void>()
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
    for (const check of waiting) check()
  })
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
    for (const check of waiting) check()
  })
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  const matched = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const match = pattern.exec(stdout) ?? pattern.exec(stderr)
        if (match === null) return
        waiting.delete(check)
        resolve(match)
      }
      waiting.add(check)
      check()
      void ended.then(() => reject(new Error(`the process ended before it printed ${pattern}:\n${stdout}${stderr}`)))
    })
  const printed = async (pattern: RegExp): Promise<void> => void (await matched(pattern))
  return { pid: child.pid!, printed, matched, kill: (signal) => void child.kill(signal), ended }
}
