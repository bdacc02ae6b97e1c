/** IFEval's instructions on form: lists, sections, titles, beginnings and ends. */
import { parseJson } from "../structure/json-value.ts"
import { countMatches, countOf, escapePattern, textOf } from "./instruction.ts"
import type { InstructionTable } from "./instruction.ts"

const CONSTRAINED_ANSWERS: readonly string[] = ["My answer is yes.", "My answer is no.", "My answer is maybe."]
const RESPONSE_SEPARATOR = "******"

function countHighlights(response: string): number {
  const single = [...response.matchAll(/\*[^\n*]*\*/gu)].filter(([match]) => match.replaceAll("*", "").trim() !== "")
  const double = [...response.matchAll(/\*\*[^\n*]*\*\*/gu)].filter(([match]) => match.slice(2, -2).trim() !== "")
  return single.length + double.length
}

function hasPostscript(response: string, marker: string): boolean {
  const text = response.toLowerCase()
  if (marker === "P.P.S") return /p\.\s?p\.\s?s/u.test(text)
  if (marker === "P.S.") return /p\.\s?s\./u.test(text)
  return text.includes(marker.toLowerCase())
}

/** A line with text between `<<` and `>>`. */
function hasTitle(response: string): boolean {
  return response.split("\n").some((line) => {
    const [start, end] = [line.indexOf("<<"), line.lastIndexOf(">>")]
    return (
      start >= 0 &&
      end > start + 2 &&
      line
        .slice(start + 2, end)
        .replaceAll(/[<>]/gu, "")
        .trim() !== ""
    )
  })
}

/** JSON, in a code fence or without one. */
function isJson(response: string): boolean {
  const text = response
    .trim()
    .replace(/^```(?:json)?/iu, "")
    .replace(/```$/u, "")
    .trim()
  return parseJson(text) !== undefined
}

/** Exactly two different responses with six stars between them; empty parts only at the ends. */
function isTwoResponses(response: string): boolean {
  const parts = response.split(RESPONSE_SEPARATOR).map((part) => part.trim())
  if (parts.slice(1, -1).includes("")) return false
  const [first, second, ...others] = parts.filter((part) => part !== "")
  return second !== undefined && others.length === 0 && first !== second
}

export const formatChecks: InstructionTable = {
  "detectable_content:number_placeholders": (response, given) =>
    countMatches(response, /\[[^\n[\]]*\]/gu) >= countOf(given, "num_placeholders"),
  "detectable_content:postscript": (response, given) =>
    hasPostscript(response, textOf(given, "postscript_marker").trim()),
  "detectable_format:number_bullet_lists": (response, given) =>
    response.split("\n").filter((line) => /^\s*(?:\*[^*]|-)/u.test(`${line}\n`)).length ===
    countOf(given, "num_bullets"),
  "detectable_format:constrained_response": (response) =>
    CONSTRAINED_ANSWERS.some((answer) => response.includes(answer)),
  "detectable_format:number_highlighted_sections": (response, given) =>
    countHighlights(response) >= countOf(given, "num_highlights"),
  "detectable_format:multiple_sections": (response, given) => {
    const marker = escapePattern(textOf(given, "section_spliter").trim())
    return countMatches(response, new RegExp(String.raw`\s?${marker}\s?\d+\s?`, "gu")) >= countOf(given, "num_sections")
  },
  "detectable_format:json_format": isJson,
  "detectable_format:title": hasTitle,
  "combination:two_responses": isTwoResponses,
  "combination:repeat_prompt": (response, given) =>
    response.trim().toLowerCase().startsWith(textOf(given, "prompt_to_repeat").trim().toLowerCase()),
  "startend:end_checker": (response, given) =>
    response
      .trim()
      .replaceAll(/^"+|"+$/gu, "")
      .toLowerCase()
      .endsWith(textOf(given, "end_phrase").trim().toLowerCase()),
  "startend:quotation": (response) => /^".*"$/su.test(response.trim()) && response.trim().length > 1,
}
