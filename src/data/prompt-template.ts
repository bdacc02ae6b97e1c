/** Prompts made from the columns of a data set. */
import { ConfigError } from "../errors.ts"
import type { ChatMessage, Problem } from "./task.ts"

/**
 * Text with placeholders: `{prompt}` is the question, `{any_column}` the column of that name. `{{name}}` is `{name}`
 * itself; braces around anything but a name stay as they are, so that `\boxed{}` needs no care.
 */
export type PromptTemplate = string | { readonly system?: string | undefined; readonly user: string }

const PLACEHOLDER = /\{\{([\w.-]+)\}\}|\{([A-Za-z_][\w.-]*)\}/g

/** Names between braces of a template, each once. */
export function placeholders(template: PromptTemplate): readonly string[] {
  const texts = typeof template === "string" ? [template] : [template.system ?? "", template.user]
  const names = texts.flatMap((text) => [...text.matchAll(PLACEHOLDER)].map((match) => match[2]))
  return [...new Set(names.filter((name) => name !== undefined))]
}

/**
 * Refuses templates that make all prompts the same, or show the model the answer.
 * @param hidden  columns that hold the answer
 * @throws ConfigError  at `task.template`
 */
export function checkTemplate(template: PromptTemplate, hidden: readonly string[]): void {
  const names = placeholders(template)
  if (names.length === 0) {
    const message = "data set: expected a template with the question in it, got no placeholder. Write {prompt} where it goes."
    throw new ConfigError([{ path: "task.template", message }])
  }
  const shown = names.find((name) => hidden.some((column) => column === name || column.startsWith(`${name}.`)))
  if (shown === undefined) return
  const message =
    `data set: expected a template without the answer, got {${shown}}, which holds it. ` +
    `Remove it, or write {{${shown}}} if the braces are meant as they stand.`
  throw new ConfigError([{ path: "task.template", message }])
}

function fill(text: string, valueOf: (name: string) => string): string {
  return text.replace(PLACEHOLDER, (_, literal: string | undefined, name: string | undefined) =>
    name === undefined ? `{${literal}}` : valueOf(name),
  )
}

/**
 * The prompt of a row. A question that is a list of chat messages stays one: the template is then applied to the last
 * message, and its system message goes in front of a list that has none.
 * @param valueOf  text of a placeholder other than `{prompt}`
 */
export function renderPrompt(
  template: PromptTemplate | undefined,
  question: string | readonly ChatMessage[],
  valueOf: (name: string) => string,
): Problem["prompt"] {
  if (template === undefined) return question
  const user = typeof template === "string" ? template : template.user
  const system = typeof template === "string" ? undefined : template.system
  const render = (text: string, prompt: string): string => fill(text, (name) => (name === "prompt" ? prompt : valueOf(name)))
  if (typeof question === "string" && typeof template === "string") return render(user, question)
  const messages: readonly ChatMessage[] = typeof question === "string" ? [{ role: "user", content: question }] : question
  const last = messages[messages.length - 1]
  const rendered = [...messages.slice(0, -1), { role: last.role, content: render(user, last.content) }]
  if (system === undefined || rendered[0].role === "system") return rendered
  return [{ role: "system", content: render(system, last.content) }, ...rendered]
}
