import { expect, test } from "vitest"
import { tabAfterKey } from "./tab-bar.ts"

test("arrow keys go round the tabs, Home and End to the first and last, other keys nowhere", () => {
  const after = (from: string, key: string): string | undefined => tabAfterKey(["a", "b", "c"], from, key)
  expect([after("a", "ArrowRight"), after("c", "ArrowRight"), after("a", "ArrowLeft"), after("b", "Home"), after("b", "End"), after("a", "x")]).toEqual(["b", "a", "c", "a", "c", undefined])
})
