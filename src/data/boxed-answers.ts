/** Prompts that give their answer away in a box. */
import { DataError } from "../errors.ts"

const OPEN = "\\boxed{"
/** Characters of a box that are looked at. */
const LONGEST_BOX = 1000

/** Contents of the boxes of a text whose braces close. */
function boxesOf(text: string): string[] {
  const boxes: string[] = []
  for (let at = text.indexOf(OPEN); at >= 0; at = text.indexOf(OPEN, at + OPEN.length)) {
    const start = at + OPEN.length
    let depth = 1
    let end = start
    for (; depth > 0 && end < Math.min(text.length, start + LONGEST_BOX); end++) {
      if (text[end] === "{") depth++
      else if (text[end] === "}") depth--
    }
    if (depth === 0) boxes.push(text.slice(start, end - 1))
  }
  return boxes
}

function evened(answer: string): string {
  return answer.replace(/[\s$]+/g, "").replace(/\.$/, "")
}

/** Rows whose prompt has a certain box. */
interface BoxCount {
  /** Those whose ground truth it is. */
  own: number
  others: number
  /** Place of the first of `own`. */
  place: string
}

/**
 * Looks for ground truths that stand boxed in their own prompts. A box that most prompts have whatever their answer is,
 * is an example of the form and gives nothing away.
 */
export class BoxedAnswers {
  readonly #boxes = new Map<string, BoxCount>()

  /** @param texts  what the row puts into its prompt */
  observe(place: string, texts: readonly string[], golds: readonly string[]): void {
    const found = new Set(texts.flatMap(boxesOf).map(evened))
    if (found.size === 0) return
    const own = new Set(golds.map(evened))
    for (const box of found) {
      const count = this.#boxes.get(box) ?? { own: 0, others: 0, place }
      if (!own.has(box)) count.others++
      else if (count.own++ === 0) count.place = place
      this.#boxes.set(box, count)
    }
  }

  /** @throws DataError  with the number of rows whose prompt holds the answer, and the first */
  finish(name: string): void {
    const leaks = [...this.#boxes].filter(([box, { own, others }]) => box !== "" && own > others)
    const first = leaks[0]
    if (first === undefined) return
    const rows = leaks.reduce((sum, [, { own }]) => sum + own, 0)
    throw new DataError(
      `data set ${name}: expected prompts without their answer, got ${rows} with the ground truth in a box (first: ` +
        `${first[1].place}, ${OPEN}${first[0].slice(0, 100)}}). Take the solution out of the ` +
        "prompt, or leave the rows out by task.filter.",
    )
  }
}
