/** One run of the Python harness in a process of its own: started, fed, watched, killed, cleaned up. */
import { spawn, spawnSync } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { randomUUID } from "node:crypto"
import { mkdtemp, opendir, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { VerifierError } from "../../errors.ts"
import { pythonHarness } from "./python-harness.ts"

export interface PythonLimits {
  /** Processor seconds of one run; twice as much and a second on the clock. */
  readonly seconds: number
  readonly memoryMb: number
  /** Standard output, in bytes. */
  readonly outputBytes: number
  /** All files of a run together, in bytes. */
  readonly fileBytes: number
  readonly fileCount: number
}

/** What runs in the process. */
export type PythonJob =
  | { readonly kind: "program"; readonly source: string }
  | {
      readonly kind: "asserts"
      readonly source: string
      readonly setup: string
      readonly tests: readonly string[]
      readonly stopEarly: boolean
    }
  | {
      readonly kind: "calls"
      readonly source: string
      readonly function: string
      /** Arguments (a list) and result as JSON texts. */
      readonly calls: readonly { readonly args: string; readonly expected: string }[]
      readonly stopEarly: boolean
    }

/** A line that the harness reports. */
export interface PythonReport {
  readonly missing?: readonly string[]
  readonly error?: string
  readonly test?: number
  readonly problem?: string | null
  readonly end?: boolean
}

export interface PythonRun {
  readonly reports: readonly PythonReport[]
  readonly stdout: string
  /** The last lines of standard error. */
  readonly stderr: string
  readonly exitCode: number | null
  /** Why the process was stopped, in words; absent when it ended by itself. */
  readonly stopped?: string
}

/** How Python runs on this machine. */
export interface PythonInstallation {
  /** Path of the interpreter itself, behind version managers. */
  readonly executable: string
  /** What cannot be isolated; empty when everything is. */
  readonly missing: readonly string[]
}

const STDERR_CHARACTERS = 4000
const WATCH_MS = 50
/** How long output may still come after the end of the process. */
const DRAIN_MS = 1000
const PROBE_MS = 20_000
const PYTHON_FLAGS: readonly string[] = ["-s", "-B", "-X", "utf8", "-c", pythonHarness]
const installations = new Map<string, PythonInstallation>()

/** Nothing of our own environment reaches the code; hashes do not change from run to run. */
function environment(folder: string): Record<string, string> {
  const path = process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
  return {
    PATH: path,
    HOME: folder,
    TMPDIR: folder,
    LANG: "C.UTF-8",
    PYTHONHASHSEED: "0",
    OMP_NUM_THREADS: "1",
    OPENBLAS_NUM_THREADS: "1",
  }
}

/**
 * Starts Python once to see that it is there and what can be isolated. Answers are kept.
 * @param command  name or path of the interpreter
 * @throws VerifierError  when it does not start
 */
export function pythonInstallation(command: string): PythonInstallation {
  const known = installations.get(command)
  if (known !== undefined) return known
  const { stdout, stderr, error, status } = spawnSync(command, [...PYTHON_FLAGS, "probe"], {
    cwd: tmpdir(),
    // Version managers look for their settings at home.
    env: { ...environment(tmpdir()), ...(process.env["HOME"] === undefined ? {} : { HOME: process.env["HOME"] }) },
    encoding: "utf8",
    timeout: PROBE_MS,
  })
  try {
    // Null when the program was not found.
    const installation = JSON.parse(stdout ?? "") as PythonInstallation
    installations.set(command, installation)
    return installation
  } catch (cause) {
    const reason = error?.message ?? ((stderr ?? "").trim().split("\n").at(-1) || `exit code ${status}`)
    throw new VerifierError(
      `code: expected Python 3 as ${command}, got ${reason}. Install it, or set \`python\` to its path.`,
      { cause },
    )
  }
}

/** Bytes and files of a folder, counted no further than past the limits. */
async function folderUse(folder: string, limits: PythonLimits): Promise<{ bytes: number; files: number }> {
  const use = { bytes: 0, files: 0 }
  const walk = async (directory: string): Promise<void> => {
    for await (const entry of await opendir(directory)) {
      use.files++
      if (use.files > limits.fileCount || use.bytes > limits.fileBytes) return
      const path = join(directory, entry.name)
      if (entry.isDirectory()) await walk(path)
      else if (entry.isFile()) use.bytes += (await stat(path)).size
    }
  }
  // What vanishes while it is counted was removed by the code.
  await walk(folder).catch(() => undefined)
  return use
}

/** Kills the process and what it may have started. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, "SIGKILL")
  } catch {
    child.kill("SIGKILL")
  }
}

/**
 * Runs a job in an empty folder that is removed afterwards.
 * @param input  standard input of a program
 * @throws VerifierError  when the process does not start
 */
export async function runPython(
  installation: PythonInstallation,
  job: PythonJob,
  input: string,
  limits: PythonLimits,
  allowUnisolated: boolean,
  signal?: AbortSignal,
): Promise<PythonRun> {
  const folder = await mkdtemp(join(tmpdir(), `pirl-code-${process.pid}-`))
  try {
    return await runIn(folder, installation, job, input, limits, allowUnisolated, signal)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function runIn(
  folder: string,
  { executable }: PythonInstallation,
  job: PythonJob,
  input: string,
  limits: PythonLimits,
  allowUnisolated: boolean,
  signal: AbortSignal | undefined,
): Promise<PythonRun> {
  const child = spawn(executable, PYTHON_FLAGS, {
    cwd: folder,
    env: environment(folder),
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    detached: true,
  })
  const [stdin, stdout, stderr, control] = child.stdio as unknown as [Duplex, Duplex, Duplex, Duplex]
  const token = randomUUID()
  let stopped: string | undefined
  const stop = (reason: string): void => {
    stopped ??= reason
    killGroup(child)
  }
  // The process may end before it has read everything.
  for (const stream of [stdin, stdout, stderr, control]) stream.on("error", () => undefined)
  let [outputBytes, controlText, errorText] = [0, "", ""]
  const output: Buffer[] = []
  stdout.on("data", (bytes: Buffer) => {
    outputBytes += bytes.length
    if (outputBytes <= limits.outputBytes) output.push(bytes)
    else stop(`wrote more than ${limits.outputBytes} bytes of output`)
  })
  stderr.on("data", (bytes: Buffer) => (errorText = (errorText + bytes.toString("utf8")).slice(-STDERR_CHARACTERS)))
  control.on("data", (bytes: Buffer) => {
    controlText += bytes.toString("utf8")
    if (controlText.length > limits.outputBytes) stop("wrote to the harness's own channel")
  })
  const wallMs = limits.seconds * 2000 + 1000
  const clock = setTimeout(() => stop(`ran longer than ${wallMs / 1000} s`), wallMs)
  const watch = setInterval(() => {
    void folderUse(folder, limits).then(({ bytes, files }) => {
      if (bytes > limits.fileBytes || files > limits.fileCount)
        stop(`wrote more than ${limits.fileBytes} bytes or ${limits.fileCount} files`)
    })
  }, WATCH_MS)
  const abort = (): void => stop("was stopped at the deadline")
  signal?.addEventListener("abort", abort)
  try {
    const closed = new Promise<{ exitCode: number | null; killer: string | null }>((resolve, reject) => {
      child.on("error", (cause) =>
        reject(new VerifierError(`code: expected Python to start, got ${cause.message}. Check \`python\`.`, { cause })),
      )
      // Where processes are not stopped, one that outlives its parent can hold the pipes open.
      child.on("exit", () =>
        setTimeout(() => [stdout, stderr, control].forEach((stream) => stream.destroy()), DRAIN_MS).unref(),
      )
      child.on("close", (exitCode, killer) => resolve({ exitCode, killer }))
    })
    const { seconds, memoryMb, fileBytes } = limits
    const processLimits = { cpuSeconds: Math.max(1, Math.ceil(seconds)), memoryBytes: memoryMb * 2 ** 20, fileBytes }
    control.write(`${JSON.stringify({ ...job, token, limits: processLimits, allowUnisolated })}\n`)
    stdin.end(input)
    if (signal?.aborted === true) abort()
    const { exitCode, killer } = await closed
    const reason = stopped ?? (killer === null ? undefined : killerReason(killer, limits))
    const reports = controlText
      .split("\n")
      .filter((line) => line.startsWith(token))
      .map((line) => JSON.parse(line.slice(token.length)) as PythonReport)
    const run = { reports, stdout: Buffer.concat(output).toString("utf8"), stderr: errorText, exitCode }
    return reason === undefined ? run : { ...run, stopped: reason }
  } finally {
    clearTimeout(clock)
    clearInterval(watch)
    signal?.removeEventListener("abort", abort)
    killGroup(child)
  }
}

function killerReason(signal: string, limits: PythonLimits): string {
  if (signal === "SIGXCPU" || signal === "SIGKILL") return `used more than ${limits.seconds} s of processor time`
  if (signal === "SIGXFSZ") return `wrote a file of more than ${limits.fileBytes} bytes`
  return `was ended by ${signal}`
}
