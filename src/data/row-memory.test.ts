import { expect, test } from "vitest"
import { DataError } from "../errors.ts"
import { RowMemory } from "./row-memory.ts"

test("rows are counted with their texts in all depths, and the first that is too much is named", () => {
  const memory = new RowMemory(10_000)
  const take = (place: string, row: Record<string, unknown>): void => memory.take("a.jsonl", { row, place })
  take("line 1", { question: "x".repeat(4000) })
  take("line 2", { messages: [{ content: "x".repeat(4000) }] })
  expect(() => take("line 3", { list: [["x".repeat(1000)]] })).toThrow(DataError)
  expect(() => take("line 3", { a: 1 })).toThrow(/a\.jsonl, line 3: expected rows that fit into/)
})

test("a list that holds too much is not walked to its end", () => {
  let read = 0
  const list = Array.from({ length: 1000 }, () => "x".repeat(100))
  const counted = new Proxy(list, { get: (target, key) => (read++, Reflect.get(target, key)) })
  expect(() => new RowMemory(1).take("a.jsonl", { row: { first: "x".repeat(100), counted }, place: "line 1" })).toThrow(
    DataError,
  )
  expect(read).toBe(0)
})
