/** Collects how far computed numbers are from the recorded ones. */

/** Elements below this share of their array's largest magnitude are measured against that share of it. */
const FLOOR = 1e-3

export class Comparison {
  worst = 0
  where = ""
  /** Why the entry is compared otherwise than by its recorded numbers. */
  documented = ""

  scalar(name: string, got: number, expected: number): void {
    this.row(name, [got], [expected])
  }

  /** Element by element, each relative to its own magnitude. */
  row(name: string, got: ArrayLike<number>, expected: readonly number[]): void {
    if (got.length !== expected.length) {
      this.#note(Infinity, `${name} has length ${got.length}, not ${expected.length}`)
      return
    }
    const finite = expected.filter(Number.isFinite).map(Math.abs)
    const largest = finite.reduce((a, b) => Math.max(a, b), 0)
    for (let i = 0; i < expected.length; i++) {
      const [a, b] = [got[i]!, expected[i]!]
      if (Object.is(a, b) || a === b) continue
      const scale = Math.max(Math.abs(b), largest * FLOOR) || 1
      const error = Math.abs(a - b) / scale
      this.#note(Number.isNaN(error) ? Infinity : error, name)
    }
  }

  rows(name: string, got: readonly ArrayLike<number>[], expected: readonly (readonly number[])[]): void {
    if (got.some((row, i) => row.length !== expected[i]?.length)) this.#note(Infinity, `${name} has another shape`)
    this.row(
      name,
      got.flatMap((row) => Array.from(row)),
      expected.flat(),
    )
  }

  claim(name: string, holds: boolean): void {
    if (!holds) this.#note(Infinity, name)
  }

  #note(error: number, where: string): void {
    if (error > this.worst) {
      this.worst = error
      this.where = where
    }
  }
}
