/** Which files are data, by the endings of their names. */

/** Endings of text, each of which may be followed by `.gz`. */
const TEXT_ENDINGS: readonly string[] = [".jsonl", ".ndjson", ".json", ".csv", ".tsv"]

/** The endings that are read. */
export const dataFileEndings: readonly string[] = [
  ".parquet",
  ...TEXT_ENDINGS,
  ...TEXT_ENDINGS.map((one) => `${one}.gz`),
]

/** The endings in words. */
export const dataEndingsText: string = `.parquet, ${TEXT_ENDINGS.join(", ")}, or of these texts with .gz`

/** Files of this name tell of a data set or a program and hold no rows. */
const METADATA: ReadonlySet<string> = new Set([
  "dataset_info.json",
  "dataset_infos.json",
  "dataset_dict.json",
  "state.json",
  "config.json",
  "croissant.json",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
])

const UNPACK = "Unpack it, or pack it with gzip."

/** Forms in which data sets are found and that are not read, with what to do. */
const REFUSED: Readonly<Record<string, string>> = {
  ".arrow": "Arrow files are not read. Write it as parquet: datasets.load_from_disk(FOLDER).to_parquet(FILE).",
  ".feather": "Feather files are not read. Write it as parquet: pandas.read_feather(FILE).to_parquet(NEW).",
  ".pkl": "Pickles are programs and are not read. Write it as parquet or JSON lines.",
  ".pickle": "Pickles are programs and are not read. Write it as parquet or JSON lines.",
  ".xlsx": "Spreadsheets are not read. Save it as CSV.",
  ".xls": "Spreadsheets are not read. Save it as CSV.",
  ".zst": `Zstandard is not read. ${UNPACK}`,
  ".xz": `xz is not read. ${UNPACK}`,
  ".bz2": `bzip2 is not read. ${UNPACK}`,
  ".zip": `Archives are not read. ${UNPACK}`,
  ".tar": `Archives are not read. ${UNPACK}`,
  ".tgz": `Archives are not read. ${UNPACK}`,
}

/** The ending of a data file, in small letters; undefined for other files. */
export function dataEnding(file: string): string | undefined {
  const name = file.toLowerCase()
  if (METADATA.has(name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1))) return undefined
  return dataFileEndings.find((ending) => name.endsWith(ending))
}

/** A path without the ending of its file. */
export function withoutEnding(file: string): string {
  const ending = dataEnding(file)
  return ending === undefined ? file.replace(/\.[^./]*$/, "") : file.slice(0, -ending.length)
}

/** What to do about a file in a form of data that is not read; undefined for others. */
export function refusedForm(file: string): string | undefined {
  const name = file.toLowerCase()
  const ending = Object.keys(REFUSED).find((one) => name.endsWith(one))
  return ending === undefined ? undefined : REFUSED[ending]
}
