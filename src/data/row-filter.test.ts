import { describe, expect, test } from "vitest"
import { DataError } from "../errors.ts"
import { RowFilter, rowConditionSchema } from "./row-filter.ts"
import type { RowCondition } from "./row-filter.ts"

const rows = [
  { level: 1, type: "Algebra", answer: "1", extra: { tags: ["a"] } },
  { level: "3", type: "Geometry", answer: " ", extra: { tags: [] } },
  { level: 5, type: "Number Theory", answer: null, extra: { tags: ["a", "b"] } },
]

function kept(...conditions: readonly RowCondition[]): unknown[] {
  const filter = new RowFilter(conditions)
  return rows
    .filter((row, i) => filter.accepts("f.jsonl", { row, place: `line ${i + 1}` }))
    .map(({ level }) => Number(level))
}

describe("a condition", () => {
  test.each<[RowCondition, number[]]>([
    [{ column: "level", equals: "3" }, [3]],
    [{ column: "level", equals: 3 }, [3]],
    [{ column: "level", notEquals: 3 }, [1, 5]],
    [{ column: "type", in: ["Algebra", "Geometry"] }, [1, 3]],
    [{ column: "type", notIn: ["Algebra"] }, [3, 5]],
    [{ column: "level", min: 3 }, [3, 5]],
    [{ column: "level", min: 2, max: 4 }, [3]],
    [{ column: "type", contains: "eo" }, [3, 5]],
    [{ column: "answer", notEmpty: true }, [1]],
    [{ column: "answer", notEmpty: false }, [3, 5]],
    [{ column: "answer", minLength: 1 }, [1, 3]],
    [{ column: "answer", notEquals: "1" }, [3, 5]],
    [{ column: "extra.tags", minLength: 1, maxLength: 1 }, [1]],
  ])("%j keeps the levels %j", (condition, levels) => {
    expect(kept(condition)).toEqual(levels)
  })

  test("beside another must hold too", () => {
    expect(kept({ column: "level", min: 2 }, { column: "type", contains: "y" })).toEqual([3, 5])
  })

  test("on a text that is no number has no bounds", () => {
    expect(() => kept({ column: "type", min: 3 })).toThrow(
      /f\.jsonl, line 1: expected a number in column "type".*got "Algebra"/,
    )
  })

  test("on a column that no row has is an error and not an empty data set", () => {
    const filter = new RowFilter([{ column: "levle", min: 3 }])
    filter.accepts("f.jsonl", { row: rows[0], place: "line 1" })
    expect(() => filter.finish("set")).toThrow(DataError)
    expect(() => filter.finish("set")).toThrow(/Did you mean level\?/)
  })

  test("without anything to compare is refused", () => {
    expect(rowConditionSchema.safeParse({ column: "level" }).success).toBe(false)
    expect(rowConditionSchema.safeParse({ column: "level", above: 3 }).success).toBe(false)
  })
})
