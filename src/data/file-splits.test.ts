import { describe, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { chooseFiles, splitOfPath, subsetsOf } from "./file-splits.ts"

const choice = { name: "set", split: undefined, subset: undefined, path: "task.split" }

describe("the split of a path", () => {
  test.each([
    ["data/train-00000-of-00002.parquet", "train"],
    ["test/part-1.jsonl", "test"],
    ["gsm8k_dev.csv", "validation"],
    ["main/validation.parquet", "validation"],
    ["train/test.jsonl", "test"],
    ["data/hard-00000-of-00001.parquet", "hard"],
    ["data/hard-00000-of-00001.jsonl.gz", "hard"],
    ["train.json", "train"],
    ["rows.jsonl", undefined],
    ["contest/latest.jsonl", undefined],
  ])("%s is %s", (path, split) => {
    expect(splitOfPath(path)).toBe(split)
  })
})

describe("the files of a split", () => {
  const paths = ["README.md", ".cache/train.jsonl", "b/train.jsonl", "a/train.jsonl", "a/test.csv", "val.tsv"]

  test("are all of them in order, whatever the folder; train when nothing is said", () => {
    expect(chooseFiles(paths, choice)).toEqual(["a/train.jsonl", "b/train.jsonl"])
    expect(chooseFiles(paths, { ...choice, split: "dev" })).toEqual(["val.tsv"])
  })

  test("of a folder without splits are all files", () => {
    expect(chooseFiles(["x.jsonl", "y/z.parquet"], choice)).toEqual(["x.jsonl", "y/z.parquet"])
  })

  test("of a subset are below its folder, whose own name does not count", () => {
    expect(
      chooseFiles(["test-a/train.jsonl", "test-a/dev.jsonl", "b/train.jsonl"], { ...choice, subset: "test-a/" }),
    ).toEqual(["test-a/train.jsonl"])
  })

  test("must not hold the same rows in two forms", () => {
    expect(() => chooseFiles(["data/train.csv", "data/train.parquet"], choice)).toThrow(
      /one form, got data\/train\.csv and data\/train\.parquet/,
    )
    expect(() => chooseFiles(["train.jsonl", "train.jsonl.gz"], choice)).toThrow(/one form/)
  })

  test("that are not there are named with those that are", () => {
    const missing = (): unknown => chooseFiles(paths, { ...choice, split: "hard" })
    expect(missing).toThrow(ConfigError)
    expect(missing).toThrow(/split "hard", got test, train, validation/)
    expect(() => chooseFiles(["README.md"], choice)).toThrow(/got none/)
    const saved = ["dataset_info.json", "state.json", "data-00000-of-00001.arrow"]
    expect(() => chooseFiles(saved, choice)).toThrow(/got data-00000-of-00001\.arrow\. Arrow files are not read/)
  })
})

test("the parts of a data set are its folders beside data and splits", () => {
  expect(subsetsOf(["main/train.parquet", "socratic/train.parquet"])).toEqual(["main", "socratic"])
  expect(subsetsOf(["data/train-00000-of-00001.parquet", "train/x.parquet"])).toEqual([""])
})
