/**
 * The part of a response that may hold its answer: without reasoning, inside a closed `<answer>`. Linear in the text.
 */

// The closing tags of reasoning count for every opening one: models mix them.
const reasoningTag =
  /<(\/?)(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning|begin_of_thought)\s{0,3}>|<\|?(?:begin|(end))_of_thought\|?>|\[(\/?)THINK\]|◁(\/?)think▷/giu

const mayBeReasoningTag = /<[/|a-z]|\[\/?THINK|◁/iu

const answerTag = /<(\/?)answer\s{0,3}>/giu

/**
 * The response without what stands in reasoning tags. A closing tag without an opening one ends reasoning that the
 * prompt began; an opening one that never closes takes the rest of the response with it.
 */
export function withoutReasoning(response: string): string {
  if (!mayBeReasoningTag.test(response)) return response
  let said = ""
  // Where the text that may be said begins; undefined within reasoning.
  let from: number | undefined = 0
  for (const match of response.matchAll(reasoningTag)) {
    const [tag, slash, end, bracket, triangle] = match
    const closes = slash === "/" || end !== undefined || bracket === "/" || triangle === "/"
    if (!closes) {
      if (from !== undefined) said += `${response.slice(from, match.index)}\n`
      from = undefined
    } else {
      if (from !== undefined) said = ""
      from = match.index + tag.length
    }
  }
  return from === undefined ? said : said + response.slice(from)
}

export interface AnswerTag {
  /** What the last closed `<answer>` that is not empty holds, trimmed. */
  readonly content?: string
  /** Where an `<answer>` begins that never closes. */
  readonly open?: number
}

/** The `<answer>` tags of a text. */
export function answerTags(text: string): AnswerTag {
  if (!text.includes("<")) return {}
  let content: string | undefined
  let open: number | undefined
  for (const match of text.matchAll(answerTag)) {
    if (match[1] === "") open = match.index
    else if (open !== undefined) {
      const inside = text.slice(text.indexOf(">", open) + 1, match.index).trim()
      if (inside !== "") content = inside
      open = undefined
    }
  }
  return { ...(content === undefined ? {} : { content }), ...(open === undefined ? {} : { open }) }
}

/** The content of the last closed `<answer>`, else the text before one that never closes: there it was cut off. */
export function answerPart(text: string): { readonly text: string; readonly tagged: boolean } {
  const { content, open } = answerTags(text)
  if (content !== undefined) return { text: content, tagged: true }
  return { text: open === undefined ? text : text.slice(0, open), tagged: false }
}

/** What stands after GSM8K's mark on the last line of a gold ("... #### 12"); a gold without the mark is itself. */
export function markedGold(gold: string): string {
  return /(?:^|\n)[ \t]{0,8}####[ \t]*([^\n#][^\n]*)\s*$/.exec(gold)?.[1] ?? gold
}
