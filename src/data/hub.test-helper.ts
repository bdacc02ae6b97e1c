/** A server on the loopback that answers like the Hugging Face hub, for one data set. */
import { createServer } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll } from "vitest"

export interface FakeHub {
  readonly url: string
  /** Method, path and token of every request. */
  readonly requests: { readonly method: string; readonly path: string; readonly token: string | undefined }[]
  /** Files of the data set; may be changed. */
  readonly files: Map<string, string>
  commit: string
  /** Answers a request in place of the hub when it returns true. */
  intercept: (path: string, response: ServerResponse) => boolean
}

export const hubName = "owner/set"

function answer(hub: FakeHub, request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://hub").pathname)
  hub.requests.push({ method: request.method ?? "", path, token: request.headers.authorization })
  if (hub.intercept(path, response)) return
  const json = (value: unknown): void => {
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(value))
  }
  const info = `/api/datasets/${hubName}/revision/`
  const tree = `/api/datasets/${hubName}/tree/`
  const file = `/datasets/${hubName}/resolve/${hub.commit}/`
  if (path.startsWith(info)) return json({ _id: "1", id: hubName, sha: hub.commit, lastModified: 0 })
  if (path.startsWith(tree)) {
    return json(
      [...hub.files].map(([name, content]) => ({
        type: "file",
        path: name,
        size: Buffer.byteLength(content),
        oid: "0",
      })),
    )
  }
  const content = path.startsWith(file) ? hub.files.get(path.slice(file.length)) : undefined
  if (content === undefined) {
    response.statusCode = 404
    return json({ error: "not found" })
  }
  const bytes = Buffer.from(content)
  const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "")
  const part = range === null ? bytes : bytes.subarray(Number(range[1]), Number(range[2]) + 1)
  response.statusCode = range === null ? 200 : 206
  response.setHeader("etag", '"e"')
  if (range !== null)
    response.setHeader("content-range", `bytes ${range[1]}-${Number(range[1]) + part.length - 1}/${bytes.length}`)
  response.end(part)
}

/** Starts the server; it stops when the test file ends. */
export async function fakeHub(files: Readonly<Record<string, string>>): Promise<FakeHub> {
  const hub: FakeHub & { url: string } = {
    url: "",
    requests: [],
    files: new Map(Object.entries(files)),
    commit: "a".repeat(40),
    intercept: () => false,
  }
  const server = createServer((request, response) => answer(hub, request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  hub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return hub
}
