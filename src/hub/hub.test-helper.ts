/** A server on the loopback that answers like the Hugging Face hub. */
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll } from "vitest"

type Kind = "dataset" | "model"
type Files = Readonly<Record<string, string | Uint8Array>>

export interface HubRequestSeen {
  readonly method: string
  readonly path: string
  readonly token: string | undefined
  readonly range: string | undefined
}

export interface FakeHub {
  readonly url: string
  readonly requests: HubRequestSeen[]
  /** Files of the repository named first; may be changed. */
  readonly files: Map<string, string | Uint8Array>
  /** Of every repository: what main is. */
  commit: string
  /** Further revisions, beside main and the commit. */
  readonly tags: string[]
  /** Answers a request in place of the hub when it returns true. */
  intercept: (path: string, response: ServerResponse, request: IncomingMessage) => boolean
  /** Adds a repository. */
  add(kind: Kind, name: string, files: Files): void
}

/** The repository of `fakeHub`. */
export const hubName = "owner/set"

const checksum = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex")
const gitChecksum = (content: Uint8Array): string => createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex")

/** Files as the hub lists them: weights and tables are kept by Git LFS. */
function listed(files: ReadonlyMap<string, string | Uint8Array>): object[] {
  return [...files].map(([path, text]) => {
    const content = Buffer.from(text)
    const file = { type: "file", path, size: content.length, oid: gitChecksum(content) }
    if (!/\.(?:safetensors|gguf|parquet|bin)$/.test(path)) return file
    return { ...file, oid: "0".repeat(40), lfs: { oid: checksum(content), size: content.length, pointerSize: 130 } }
  })
}

/** Starts the server with one repository; it stops when the test file ends. */
export async function fakeHub(files: Files, kind: Kind = "dataset", name: string = hubName): Promise<FakeHub> {
  const first = new Map(Object.entries(files))
  const repositories = new Map([[`${kind}s/${name}`, first]])
  const hub: FakeHub & { url: string } = {
    url: "",
    requests: [],
    files: first,
    commit: "a".repeat(40),
    tags: [],
    intercept: () => false,
    add: (kind, name, files) => void repositories.set(`${kind}s/${name}`, new Map(Object.entries(files))),
  }

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://hub")
    const path = decodeURIComponent(pathname)
    hub.requests.push({ method: request.method ?? "", path, token: request.headers.authorization, range: request.headers.range })
    if (hub.intercept(path, response, request)) return
    const json = (value: unknown): void => {
      response.setHeader("content-type", "application/json")
      response.end(JSON.stringify(value))
    }
    const refuse = (status: number, code: string): void => {
      response.statusCode = status
      response.setHeader("x-error-code", code)
      json({ error: code })
    }
    const api = /^\/api\/(models|datasets)(?:\/([^/]+\/[^/]+)\/(revision|tree|refs)(?:\/(.+))?)?$/.exec(path)
    if (api !== null && api[2] === undefined) {
      const author = `${api[1]}/${searchParams.get("author")}/`
      return json([...repositories.keys()].filter((key) => key.startsWith(author)).map((key) => ({ id: key.slice(key.indexOf("/") + 1) })))
    }
    const file = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path)
    const key = api === null ? `${file?.[1] ?? "models/"}${file?.[2]}` : `${api[1]}/${api[2]}`
    const found = repositories.get(key)
    // The hub does not tell strangers whether a name exists.
    if (found === undefined) return refuse(request.headers.authorization === undefined ? 401 : 404, "RepoNotFound")
    if (api?.[3] === "refs") return json({ branches: [{ name: "main" }], tags: hub.tags.map((tag) => ({ name: tag })) })
    if (api !== null && !["main", hub.commit, ...hub.tags].includes(api[4] ?? "")) return refuse(404, "RevisionNotFound")
    if (api?.[3] === "revision") return json({ _id: "1", id: api[2], sha: hub.commit, lastModified: 0 })
    if (api?.[3] === "tree") return json(listed(found))
    const content = file?.[3] === hub.commit ? found.get(file[4]!) : undefined
    if (content === undefined) return refuse(404, "EntryNotFound")
    send(Buffer.from(content), request, response)
  }

  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  hub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return hub
}

/** A file, or what a Range asks of it. */
export function send(bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? -1)
  response.setHeader("content-length", bytes.length - Math.max(0, start))
  if (start >= 0) {
    response.statusCode = 206
    response.setHeader("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`)
  }
  response.end(bytes.subarray(Math.max(0, start)))
}
