/** The local server behind `pirl watch`. It reads run folders and writes nothing. */
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { gzipSync } from "node:zlib"
import { ConfigError } from "../../errors.ts"
import { isLoopback, refuse, tokenCookie } from "./access.ts"
import type { AccessRules } from "./access.ts"
import { readApp } from "./app-files.ts"
import type { AppFiles } from "./app-files.ts"
import { Catalogue } from "./catalogue.ts"
import { LiveUpdates } from "./live.ts"
import { RequestError, route } from "./routes.ts"
import type { RouteContext } from "./routes.ts"

/** First port that is tried when none is given, and how many after it. */
const defaultPort = 4747
const triedPorts = 50
/** Below this size packing costs more than it saves. */
const packedBytes = 2048

export interface DashboardOptions {
  /** Runs, or folders with runs below them. */
  readonly roots: readonly string[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Absent: 4747 or the next that is free. 0: any. */
  readonly port?: number
  /** The built page; that of the package when absent. */
  readonly app?: AppFiles
}

/** A server that listens. */
export interface Dashboard {
  /** Link for a browser, with the token where one is needed. */
  readonly url: string
  readonly port: number
  /** The port that was wanted but taken; undefined when it was free. */
  readonly takenPort: number | undefined
  close(): Promise<void>
}

/**
 * Starts the server.
 * @throws ConfigError  when the port that was asked for is in use, or the address cannot be listened on
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { roots, host = "127.0.0.1", port } = options
  const rules: AccessRules = { host, token: isLoopback(host) ? null : randomBytes(24).toString("base64url") }
  const catalogue = new Catalogue(roots)
  const live = new LiveUpdates(catalogue)
  const context: RouteContext = { app: options.app ?? readApp(), catalogue, live }
  const server = createServer((request, response) => void answer(request, response, rules, context))
  const first = port ?? defaultPort
  await listen(server, host, first, port === undefined ? triedPorts : 0)
  const { port: taken } = server.address() as AddressInfo
  const query = rules.token === null ? "" : `?token=${rules.token}`
  const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host
  return {
    url: `http://${shown}:${taken}/${query}`,
    port: taken,
    takenPort: first === 0 || taken === first ? undefined : first,
    close: () =>
      new Promise((resolve) => {
        live.close()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function listen(server: Server, host: string, port: number, more: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(port, host, () => {
        server.off("error", reject)
        resolve()
      })
    })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "EADDRINUSE" && more > 0) return listen(server, host, port + 1, more - 1)
    const got = code === "EADDRINUSE" ? `port ${port}, which is in use` : `${host}:${port} (${code})`
    const hint = code === "EADDRINUSE" ? "Leave --port out to take the next free one." : "Check --host and --port."
    throw new ConfigError([{ path: "", message: `dashboard: expected an address to listen on, got ${got}. ${hint}` }], { cause: error })
  }
}

const securityHeaders = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
} as const

async function answer(request: IncomingMessage, response: ServerResponse, rules: AccessRules, context: RouteContext): Promise<void> {
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value)
  try {
    const url = urlOf(request)
    const refusal = refuse(request, url, rules)
    if (refusal !== undefined) {
      if (refusal.status === 405) response.setHeader("allow", "GET, HEAD")
      return fail(response, refusal.status, refusal.reason)
    }
    // The link's token goes into a cookie, so that the page's own requests carry it and its address need not.
    if (rules.token !== null && url.pathname === "/") response.setHeader("set-cookie", `${tokenCookie}=${rules.token}; HttpOnly; SameSite=Strict; Path=/`)
    const found = await route(url, response, context)
    if (found !== undefined) send(request, response, 200, found.type, found.body)
  } catch (error) {
    if (error instanceof RequestError) return fail(response, error.status, error.message)
    fail(response, 500, error instanceof Error ? error.message : String(error))
  }
}

function urlOf({ url = "/" }: IncomingMessage): URL {
  if (!URL.canParse(url, "http://server")) throw new RequestError(400, "the address cannot be read")
  return new URL(url, "http://server")
}

function fail(response: ServerResponse, status: number, error: string): void {
  if (response.headersSent) {
    response.end()
    return
  }
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" })
  response.end(JSON.stringify({ error }))
}

function send(request: IncomingMessage, response: ServerResponse, status: number, type: string, body: string): void {
  const isPacked = body.length > packedBytes && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))
  const bytes = isPacked ? gzipSync(body, { level: 1 }) : Buffer.from(body)
  response.writeHead(status, { "content-type": type, "content-length": bytes.length, ...(isPacked ? { "content-encoding": "gzip" } : {}) })
  response.end(request.method === "HEAD" ? undefined : bytes)
}
