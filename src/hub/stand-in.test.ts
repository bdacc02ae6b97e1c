import { describe, expect, test } from "vitest"
import { formatSize } from "../amounts.ts"
import { standInFor } from "./stand-in.ts"

describe("what stands in for a file", () => {
  test.each([
    ["version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 269060552\n", /^a Git LFS pointer that stands for 269 MB$/],
    ["version https://git-lfs.github.com/spec/v1\n", /^a Git LFS pointer$/],
    ["<!DOCTYPE html>\n<html>", /^a web page$/],
    ["\ufeff\n <!doctype HTML>", /^a web page$/],
    ["<html lang=en>", /^a web page$/],
  ])("is recognised by its start: %j", (text, what) => {
    expect(standInFor(Buffer.from(text))?.what).toMatch(what)
  })

  test.each(["", "{}", "<htmlish>", "version 2", "GGUF"])("is not seen in %j", (text) => {
    expect(standInFor(Buffer.from(text))).toBeUndefined()
  })
})

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.00 kB"],
  [99_949, "99.9 kB"],
  [99_950, "100 kB"],
  [999_499, "999 kB"],
  [999_500, "1.00 MB"],
  [538_090_408, "538 MB"],
  [2_100_000_000, "2.10 GB"],
])("%i bytes are %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})
