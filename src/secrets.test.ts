import { assert, property, stringMatching } from "fast-check"
import { expect, test } from "vitest"
import { ConfigError, DataError } from "./errors.ts"
import { keepSecret, withoutSecrets } from "./secrets.ts"

test.each([
  ["got http://me:hunter2@host:80/v1.", "got http://[secret]@host:80/v1."],
  ['got "https://hunter2@host"', 'got "https://[secret]@host"'],
  ["http://me:hun@ter2@host/a@b", "http://[secret]@host/a@b"],
  // No address, since 80hunter2 is no port: the reason for an error that quotes it.
  ["http://me:80hun/ter2@host", "http://[secret]@host"],
  ["http://host/v1?api_key=hunter2&x=1", "http://host/v1?api_key=[secret]&x=1"],
  ["https://host/a?X-Amz-Signature=hunter2#b", "https://host/a?X-Amz-Signature=[secret]#b"],
  [
    "a proxy socks5://u:hunter2@10.0.0.1:1080 and http://a:b@c",
    "a proxy socks5://[secret]@10.0.0.1:1080 and http://[secret]@c",
  ],
])("%s is shown without its secret", (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown)
})

test.each([
  "http://localhost:8000/v1/models?limit=3",
  "https://hub.example/owner/name@main",
  "http://host:8000/name@main",
  "mail me@example.com, or see docs://x",
  "hub:owner/name@rev",
  "http://[::1]:8000/name@main",
])("%s holds no secret and stays as it is", (text) => {
  expect(withoutSecrets(text)).toBe(text)
})

test("a value that was told to be secret is in no error, whichever kind it is and whoever quotes it", () => {
  const key = "sk-0123456789-and-more"
  keepSecret(key)
  keepSecret("sk-0123456789")
  keepSecret("port")
  const issue = { path: "engine", message: `the server said: bad key ${key} at the port` }
  const error = new ConfigError([issue])
  for (const text of [error.message, error.issues[0]!.message, error.stack!, new DataError(`no ${key}`).message]) {
    expect(text).toContain("[secret]")
    expect(text).not.toMatch(/sk-0123|and-more/)
  }
  expect(error.message).toContain("at the port")
})

test("user and password of an address never stand in an error, whatever they are", () => {
  const part = stringMatching(/^[!-~]{4,30}$/).map((text) => encodeURIComponent(`é${text}`))
  assert(
    property(part, part, (user, password) => {
      const shown = new DataError(`x: expected an answer, got http://${user}:${password}@host/path. Do it.`).message
      expect(shown).toBe("x: expected an answer, got http://[secret]@host/path. Do it.")
    }),
  )
})

test("takes time linear in a hostile text", () => {
  const started = performance.now()
  for (const piece of ["a://b:c", "?a_key_key", "x://", "a://b@"]) withoutSecrets(piece.repeat(20_000))
  expect(performance.now() - started).toBeLessThan(10_000)
})
