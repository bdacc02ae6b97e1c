/** One run of the Python harness in a process of its own: started, fed, watched, killed, cleaned up. */
import { spawn, spawnSync } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { mkdtemp, opendir, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { VerifierError } from "../../errors.ts"
import { harnessCompiler, harnessLoader, pythonHarness } from "./python-harness.ts"

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

/** What runs in the process; what it may not know stays out of it. */
export type PythonJob =
  | { readonly mode: "program"; readonly source: string }
  | {
      /** The tests stay with the parent of the process that runs the source. */
      readonly mode: "asserts"
      readonly source: string
      readonly setup: string
      readonly tests: readonly string[]
      readonly stopEarly: boolean
    }
  | {
      readonly mode: "calls"
      readonly source: string
      readonly function: string
      /** Lists of arguments as JSON texts. */
      readonly calls: readonly string[]
      /** Begins every line that the harness writes, apart from what the code may write there by accident. */
      readonly token: string
    }

export interface PythonRun {
  /** What could not be isolated; undefined when the process ended before it said so, and thus before the code began. */
  readonly missing: readonly string[] | undefined
  /**
   * Lines of the harness after that. With `calls`, they come from the code's own process: outputs, and nothing else.
   */
  readonly lines: readonly string[]
  readonly stdout: string
  /** The last lines of standard error. */
  readonly stderr: string
  readonly exitCode: number | null
  /** Why the process was stopped, in words; absent when it ended by itself. */
  readonly stopped?: string
}

export interface PythonRequest {
  readonly job: PythonJob
  /** Standard input of a program. */
  readonly input?: string
  readonly limits: PythonLimits
  /** Runs the code also where something could not be isolated. */
  readonly allowUnisolated: boolean
  /** Milliseconds by the clock, where fewer are left than the limits give. */
  readonly leftMs?: number
  readonly signal?: AbortSignal | undefined
  /** Sees each line as it comes; true when enough is known, and the process is ended. */
  readonly isEnough?: (line: string) => boolean
}

/** How Python runs on this machine. */
export interface PythonInstallation {
  /** Path of the interpreter itself, behind version managers. */
  readonly executable: string
  /** What cannot be isolated; empty when everything is. */
  readonly missing: readonly string[]
  /** Where modules are looked for (sys.path). */
  readonly path: readonly string[]
  /** sys.prefix and sys.exec_prefix. */
  readonly prefixes: readonly string[]
  /** The harness as this interpreter's byte code, in base 64: compiling it would take longer than most runs. */
  readonly harness: string
}

/** `stopped` of a run whose signal was aborted. */
export const DEADLINE = "was stopped at the deadline"
/** `stopped` of a run for which less time was left than it may take. */
export const NO_TIME_LEFT = "ran out of the time of all programs"
const STDERR_CHARACTERS = 4000
const WATCH_MS = 50
/** How long output may still come after the end of the process. */
const DRAIN_MS = 1000
const PROBE_MS = 20_000
/** Results of all calls of a run together. */
const RESULT_BYTES = 2 ** 26
const FLAGS: readonly string[] = ["-s", "-B", "-X", "utf8"]
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
  const { stdout, stderr, error, status } = spawnSync(command, [...FLAGS, "-c", harnessCompiler, "probe"], {
    input: pythonHarness,
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
 * @throws VerifierError  when the process does not start
 */
export async function runPython(installation: PythonInstallation, request: PythonRequest): Promise<PythonRun> {
  const folder = await mkdtemp(join(tmpdir(), `pirl-code-${process.pid}-`))
  try {
    return await runIn(folder, installation, request)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** The lines that a stream brings, without the last when it has no end. */
function collectLines(stream: Duplex, onLine: (line: string) => void): void {
  let open = ""
  stream.setEncoding("utf8")
  stream.on("data", (text: string) => {
    const lines = (open + text).split("\n")
    open = lines.pop() ?? ""
    for (const line of lines) onLine(line)
  })
}

async function runIn(
  folder: string,
  { executable, path, prefixes, harness }: PythonInstallation,
  { job, input = "", limits, allowUnisolated, leftMs = Number.POSITIVE_INFINITY, signal, isEnough }: PythonRequest,
): Promise<PythonRun> {
  // Without the site module, whose work is done by the harness from what the probe has found.
  const code = Buffer.from(harness, "base64")
  const child = spawn(executable, [...FLAGS, "-S", "-c", harnessLoader, job.mode, String(code.length)], {
    cwd: folder,
    env: environment(folder),
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    detached: true,
  })
  const [stdin, stdout, stderr, control] = child.stdio as unknown as [Duplex, Duplex, Duplex, Duplex]
  let stopped: string | undefined
  const stop = (reason: string): void => {
    stopped ??= reason
    killGroup(child)
  }
  // The process may end before it has read everything.
  for (const stream of [stdin, stdout, stderr, control]) stream.on("error", () => undefined)
  let [outputBytes, controlBytes, errorText] = [0, 0, ""]
  const output: Buffer[] = []
  stdout.on("data", (bytes: Buffer) => {
    outputBytes += bytes.length
    if (outputBytes <= limits.outputBytes) output.push(bytes)
    else stop(`wrote more than ${limits.outputBytes} bytes of output`)
  })
  stderr.on("data", (bytes: Buffer) => (errorText = (errorText + bytes.toString("utf8")).slice(-STDERR_CHARACTERS)))
  // The first line is written before any line of the response is read.
  let missing: readonly string[] | undefined
  const lines: string[] = []
  let enough = false
  collectLines(control, (line) => {
    controlBytes += line.length
    if (missing === undefined) {
      missing = (JSON.parse(line) as { readonly missing: readonly string[] }).missing
      return
    }
    if (enough || stopped !== undefined) return
    if (controlBytes > RESULT_BYTES) return stop(`returned more than ${RESULT_BYTES} bytes of results`)
    lines.push(line)
    enough = isEnough?.(line) ?? false
    if (enough) killGroup(child)
  })
  const wallMs = limits.seconds * 2000 + 1000
  const late = leftMs < wallMs ? NO_TIME_LEFT : `ran longer than ${wallMs / 1000} s`
  const clock = setTimeout(() => stop(late), Math.min(wallMs, leftMs))
  const watch = setInterval(() => {
    void folderUse(folder, limits).then(({ bytes, files }) => {
      if (bytes > limits.fileBytes || files > limits.fileCount)
        stop(`wrote more than ${limits.fileBytes} bytes or ${limits.fileCount} files`)
    })
  }, WATCH_MS)
  const abort = (): void => stop(DEADLINE)
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
    control.write(code)
    control.write(`${JSON.stringify({ ...job, path, prefixes, limits: processLimits, allowUnisolated })}\n`)
    stdin.end(input)
    if (signal?.aborted === true) abort()
    const { exitCode, killer } = await closed
    const reason = stopped ?? (killer === null || enough ? undefined : killerReason(killer, limits))
    const run = { missing, lines, stdout: Buffer.concat(output).toString("utf8"), stderr: errorText, exitCode }
    return reason === undefined ? run : { ...run, stopped: reason }
  } finally {
    clearTimeout(clock)
    clearInterval(watch)
    signal?.removeEventListener("abort", abort)
    killGroup(child)
  }
}

/** What a signal that ended the code says about it. */
export function killerReason(signal: string, limits: PythonLimits): string {
  if (signal === "SIGXCPU" || signal === "SIGKILL") return `used more than ${limits.seconds} s of processor time`
  if (signal === "SIGXFSZ") return `wrote a file of more than ${limits.fileBytes} bytes`
  return `was ended by ${signal}`
}
