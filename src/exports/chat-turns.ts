/**
 * What a chat template puts around messages, found out by rendering: for programs that read no Jinja.
 */
import type { ChatMessage } from "../model/chat-template.ts"
import type { Tokenizer } from "../model/tokenizer.ts"

/** The text around each message. Whoever writes the prompt adds the begin-of-text token. */
export interface ChatTurns {
  readonly user: Surroundings
  /** What opens the assistant's turn stands behind the user's message, as in a prompt; before it is what only a past answer has. */
  readonly assistant: Surroundings
  /** Undefined when the template takes no system message. */
  readonly system: SystemTurn | undefined
  /** The system message that the template adds where none is given. */
  readonly defaultSystem: string | undefined
}

export interface Surroundings {
  readonly before: string
  readonly after: string
}

/** A turn of its own, or within the first turn of the user, whose opening it shares. */
export interface SystemTurn extends Surroundings {
  readonly withinUser: boolean
}

/** Stand for messages: texts that no template has. */
const [S, U, A, V, B, W] = ["\u2460s", "\u2461u", "\u2462a", "\u2463v", "\u2464b", "\u2465w"]

const user = (content: string): ChatMessage => ({ role: "user", content })
const assistant = (content: string): ChatMessage => ({ role: "assistant", content })
const system = (content: string): ChatMessage => ({ role: "system", content })

/**
 * @returns undefined when there is no template, or it does more than to put text around messages: what it does with them by
 *          turns, dates and settings cannot be told from outside
 */
export function chatTurns(tokenizer: Tokenizer): ChatTurns | undefined {
  const render = renderer(tokenizer)
  const plain = render([user(U), assistant(A), user(V)])
  const pieces = plain === undefined ? undefined : between(plain, [U, A, V])
  if (plain === undefined || pieces === undefined) return undefined
  const [start, toAssistant, toUser, end] = pieces
  if (start === undefined || toAssistant === undefined || toUser === undefined || end === undefined || !toAssistant.startsWith(end)) return undefined
  const outer = { start, userAfter: end, assistantBefore: toAssistant.slice(end.length), toUser }
  const given = render([system(S), user(U), assistant(A), user(V)])
  const ends = tokenizer.decode(tokenizer.eosTokens)
  const found = given === undefined ? withoutSystem(outer) : withSystem(outer, between(given, [S, U, A, V]) ?? [], ends)
  return found !== undefined && holds(found, render) ? found : undefined
}

/** The text that the turns make of messages. */
export function renderTurns(turns: ChatTurns, messages: readonly ChatMessage[]): string {
  const { system: systemTurn, defaultSystem } = turns
  const first = messages[0]?.role === "system" ? messages[0].content : defaultSystem
  const rest = messages[0]?.role === "system" ? messages.slice(1) : messages
  const around = ({ before, after }: Surroundings, content: string): string => `${before}${content}${after}`
  const opened = first === undefined || systemTurn === undefined ? "" : around(systemTurn, first)
  const within = systemTurn?.withinUser === true && opened !== ""
  const texts = rest.map(({ role, content }, i) => {
    if (role === "assistant") return around(turns.assistant, content)
    return i === 0 && within ? `${turns.user.before}${opened}${content}${turns.user.after}` : around(turns.user, content)
  })
  return (within ? "" : opened) + texts.join("")
}

/** The text around the messages of a conversation without a system message. */
interface Outer {
  /** Before the first message of the user: with the default system message, if there is any. */
  readonly start: string
  readonly userAfter: string
  readonly assistantBefore: string
  /** Between an answer and the next message of the user. */
  readonly toUser: string
}

function withoutSystem({ start, userAfter, assistantBefore, toUser }: Outer): ChatTurns | undefined {
  const assistantAfter = withoutEnding(toUser, start)
  if (assistantAfter === undefined) return undefined
  return { user: { before: start, after: userAfter }, assistant: { before: assistantBefore, after: assistantAfter }, system: undefined, defaultSystem: undefined }
}

/**
 * @param pieces  before, between and behind a system message, a user's, an assistant's, a user's
 * @param end     the token that ends a turn; a new one opens behind it
 */
function withSystem(outer: Outer, pieces: readonly string[], end: string): ChatTurns | undefined {
  const { start, userAfter, assistantBefore, toUser } = outer
  const [systemBefore, systemToUser] = pieces
  if (systemBefore === undefined || systemToUser === undefined) return undefined
  if (systemBefore === start && !systemToUser.endsWith(start)) {
    const without = withoutSystem(outer)
    return without === undefined ? undefined : { ...without, system: { before: "", after: systemToUser, withinUser: true } }
  }
  // What opens a user's turn is behind the system message as it is behind the assistant's.
  const before = opening(commonEnding(commonEnding(systemToUser, toUser), start), end)
  const opened = withoutEnding(start, before) ?? ""
  const after = withoutEnding(systemToUser, before) ?? ""
  const isDefault = opened !== "" && opened.startsWith(systemBefore) && opened.endsWith(after)
  if (opened !== "" && !isDefault) return undefined
  return {
    user: { before, after: userAfter },
    assistant: { before: assistantBefore, after: withoutEnding(toUser, before) ?? "" },
    system: { before: systemBefore, after, withinUser: false },
    defaultSystem: isDefault ? opened.slice(systemBefore.length, opened.length - after.length) : undefined,
  }
}

/** Whether the turns give what the template gives, for conversations of several kinds. */
function holds(turns: ChatTurns, render: (messages: readonly ChatMessage[]) => string | undefined): boolean {
  const conversations = [[user(U)], [user(U), assistant(A), user(V)], [user(U), assistant(A), user(V), assistant(B), user(W)]]
  const all = turns.system === undefined ? conversations : [...conversations, ...conversations.map((messages) => [system(S), ...messages])]
  return all.every((messages) => render(messages) === renderTurns(turns, messages))
}

/** The prompt of a conversation, without begin-of-text; undefined where the template refuses it. */
function renderer(tokenizer: Tokenizer): (messages: readonly ChatMessage[]) => string | undefined {
  const bos = tokenizer.bosToken === undefined ? "" : tokenizer.decode([tokenizer.bosToken])
  // ChatML models name the opening of every turn as their begin-of-text token; it is not added to the text then.
  const added = tokenizer.bosToken !== undefined && tokenizer.encode("")[0] === tokenizer.bosToken
  return (messages) => {
    try {
      const text = tokenizer.renderChat(messages, { addGenerationPrompt: true })
      return added && text.startsWith(bos) ? text.slice(bos.length) : text
    } catch {
      return undefined
    }
  }
}

/** The text before, between and behind the marks; undefined unless each is there once, in this order. */
function between(text: string, marks: readonly string[]): string[] | undefined {
  const pieces: string[] = []
  let rest = text
  for (const mark of marks) {
    const at = rest.indexOf(mark)
    if (at < 0) return undefined
    pieces.push(rest.slice(0, at))
    rest = rest.slice(at + mark.length)
  }
  return marks.some((mark) => rest.includes(mark) || pieces.some((piece) => piece.includes(mark))) ? undefined : [...pieces, rest]
}

/** What stands behind the end of a turn, and the line break that belongs to it. */
function opening(text: string, end: string): string {
  const at = end === "" ? -1 : text.lastIndexOf(end)
  return at < 0 ? text : text.slice(at + end.length).trimStart()
}

function withoutEnding(text: string, ending: string): string | undefined {
  return text.endsWith(ending) ? text.slice(0, text.length - ending.length) : undefined
}

function commonEnding(a: string, b: string): string {
  let length = 0
  while (length < Math.min(a.length, b.length) && a.at(-1 - length) === b.at(-1 - length)) length++
  return a.slice(a.length - length)
}
