/** One HTTP exchange, by Node's fetch or through a proxy: the part of the client that can be exchanged. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http"
import { request as httpsRequest } from "node:https"
import { isIP, type Socket } from "node:net"
import { connect as tlsConnect, type TLSSocket } from "node:tls"
import { ConfigError } from "../errors.ts"

export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE"
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export interface HttpReply {
  readonly status: number
  header(name: string): string | undefined
  text(): Promise<string>
  /** The body in pieces, for large files. */
  pieces(): AsyncIterable<Uint8Array>
}

/** Follows no redirects: one could take the key elsewhere. Rejects when no answer comes. */
export type HttpFunction = (request: HttpRequest) => Promise<HttpReply>

export const fetchHttp: HttpFunction = async ({ method, url, headers, body, signal }) => {
  const response = await fetch(url, { method, headers, signal, redirect: "manual", ...(body === undefined ? {} : { body }) })
  return {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    text: () => response.text(),
    async *pieces() {
      if (response.body !== null) yield* response.body
    },
  }
}

function replyOf(message: IncomingMessage): HttpReply {
  return {
    status: message.statusCode ?? 0,
    header(name) {
      const value = message.headers[name.toLowerCase()]
      return Array.isArray(value) ? value[0] : value
    },
    async text() {
      const parts: Buffer[] = []
      for await (const part of message) parts.push(part as Buffer)
      return Buffer.concat(parts).toString("utf8")
    },
    pieces: () => message,
  }
}

function send(request: typeof httpRequest, target: string | URL, options: RequestOptions, body: string | undefined): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const sent = request(target, options, (message) => resolve(replyOf(message)))
    sent.on("error", reject)
    sent.end(body)
  })
}

function secured(socket: Socket, host: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // Names of servers are names; an address has none.
    const secure = tlsConnect({ socket, host, ...(isIP(host) === 0 ? { servername: host } : {}) }, () => resolve(secure))
    secure.on("error", reject)
  })
}

/** Sends requests for `http:` by the proxy's own means, those for `https:` through a tunnel that the proxy cannot look into. */
export function proxyHttp(proxy: URL): HttpFunction {
  const login = proxy.username === "" ? {} : { "proxy-authorization": `Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString("base64")}` }
  const place = { host: proxy.hostname, port: proxy.port === "" ? 80 : Number(proxy.port) }

  const tunnel = (host: string, signal: AbortSignal): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const asked = httpRequest({ ...place, method: "CONNECT", path: host, headers: { host, ...login }, signal })
      asked.on("connect", (reply, socket) => {
        if (reply.statusCode === 200) return resolve(socket)
        socket.destroy()
        reject(new Error(`the proxy ${place.host}:${place.port} refused with status ${reply.statusCode}`))
      })
      asked.on("error", reject)
      asked.end()
    })

  return async ({ method, url, headers, body, signal }) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }
    if (url.protocol === "http:") {
      return send(httpRequest, `http://${place.host}:${place.port}`, { method, path: url.href, headers: { ...headers, ...length, ...login, host: url.host }, signal }, body)
    }
    const port = url.port === "" ? "443" : url.port
    const socket = await tunnel(`${url.hostname}:${port}`, signal)
    const secure = await secured(socket, url.hostname)
    return send(httpsRequest, url, { method, headers: { ...headers, ...length }, signal, agent: false, createConnection: () => secure }, body)
  }
}

/**
 * The transport of a client.
 * @param proxy  "environment" reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY; a URL is taken as it is; undefined uses none
 */
export function chooseHttp(target: URL, proxy: string | undefined, environment: Readonly<Record<string, string | undefined>>): HttpFunction {
  const chosen = proxy === "environment" ? proxyOfEnvironment(target, environment) : proxy
  if (chosen === undefined || chosen === "") return fetchHttp
  const url = URL.parse?.(chosen) ?? (URL.canParse(chosen) ? new URL(chosen) : null)
  if (url === null || url.protocol !== "http:") {
    throw new ConfigError([{ path: "proxy", message: "tinker: expected a proxy like http://proxy.example:3128, got another address. Correct it, or leave it out." }])
  }
  return proxyHttp(url)
}

function proxyOfEnvironment(target: URL, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const read = (name: string): string | undefined => environment[name] ?? environment[name.toLowerCase()]
  const excepted = (read("NO_PROXY") ?? "").split(/[\s,]+/).filter((entry) => entry !== "")
  const host = target.hostname.toLowerCase()
  const isExcepted = excepted.some((entry) => {
    const name = entry.toLowerCase().replace(/^\*?\./, "").replace(/:\d+$/, "")
    return entry === "*" || host === name || host.endsWith(`.${name}`)
  })
  if (isExcepted) return undefined
  return target.protocol === "https:" ? read("HTTPS_PROXY") : read("HTTP_PROXY")
}
