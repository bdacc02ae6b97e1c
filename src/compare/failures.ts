/** failures.json: why runs failed, for those whose own folder cannot say it. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DataError } from "../errors.ts"
import { writeFileAtomic } from "../runs/index.ts"
import { runName, type RunKey } from "./results.ts"

interface Failure {
  readonly reason: string
  /** The run itself failed and would again; false when its worker died or its start could not be made. */
  readonly final: boolean
}

const fileName = "failures.json"

function readFailures(path: string): Map<string, Failure> {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(path, "utf8")) as Record<string, Failure>))
  } catch (cause) {
    throw new DataError(`${path}: expected the reasons of failed runs as JSON, got ${cause instanceof Error ? cause.message : String(cause)}. Remove the file: runs that failed are then tried again.`, { cause })
  }
}

/** The failed runs of a comparison. */
export class Failures {
  readonly #path: string
  readonly #failures: Map<string, Failure>

  /** @throws DataError  when the file is damaged */
  constructor(out: string) {
    this.#path = join(out, fileName)
    this.#failures = existsSync(this.#path) ? readFailures(this.#path) : new Map()
  }

  reasonOf(run: RunKey): string | undefined {
    return this.#failures.get(runName(run))?.reason
  }

  /** True for a run that would fail the same way again. */
  isFinal(run: RunKey): boolean {
    return this.#failures.get(runName(run))?.final === true
  }

  add(run: RunKey, failure: Failure): void {
    this.#failures.set(runName(run), failure)
    this.#write()
  }

  remove(run: RunKey): void {
    if (this.#failures.delete(runName(run))) this.#write()
  }

  #write(): void {
    writeFileAtomic(this.#path, `${JSON.stringify(Object.fromEntries([...this.#failures].sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`)
  }
}
