/** Who may ask: a page of our own, from a name of our own, with the token where one is needed. */
import { timingSafeEqual } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { isIP } from "node:net"
import { hostname } from "node:os"

const loopbackNames = new Set(["localhost", "127.0.0.1", "[::1]"])
/** The cookie that carries the token after the first page. */
export const tokenCookie = "pirl-token"

export interface AccessRules {
  /** Address that the server was told to listen on. */
  readonly host: string
  /** Null: none is needed, since only this machine can connect. */
  readonly token: string | null
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: 401 | 403 | 405
  readonly reason: string
}

/** True when only this machine can connect to the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))
}

/** Undefined when the request may be answered. */
export function refuse(request: IncomingMessage, url: URL, rules: AccessRules): Refusal | undefined {
  const { method, headers } = request
  if (method !== "GET" && method !== "HEAD") return { status: 405, reason: "expected GET or HEAD" }
  if (headers.host === undefined || !isOwnName(headers.host, rules)) return { status: 403, reason: "the Host is not a name of this server" }
  const site = headers["sec-fetch-site"]
  if (site !== undefined && site !== "same-origin" && site !== "none") return { status: 403, reason: "another site asks" }
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) return { status: 403, reason: "another site asks" }
  if (rules.token !== null && !hasToken(request, url, rules.token)) return { status: 401, reason: "the token is missing or wrong; open the link that pirl watch printed" }
  return undefined
}

/** Names by which the server may be asked: a page of another name that resolves to our address is not ours. */
function isOwnName(header: string, { host, token }: AccessRules): boolean {
  const name = header.replace(/:\d+$/, "").toLowerCase()
  if (loopbackNames.has(name) || name === host.toLowerCase() || name === `[${host.toLowerCase()}]`) return true
  // Bound to every address, the server has the names of the machine; the token is needed in any case.
  const isAnyAddress = host === "0.0.0.0" || host === "::"
  return isAnyAddress && token !== null && (isIP(name.replace(/^\[|\]$/g, "")) !== 0 || name === hostname().toLowerCase())
}

function hasToken(request: IncomingMessage, url: URL, token: string): boolean {
  const bearer = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "")?.[1]
  const cookie = (request.headers.cookie ?? "").split(/;\s*/).find((pair) => pair.startsWith(`${tokenCookie}=`))?.slice(tokenCookie.length + 1)
  return [url.searchParams.get("token"), bearer, cookie].some((given) => typeof given === "string" && isEqual(given, token))
}

/** Takes the same time however much of it is right. */
function isEqual(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}
