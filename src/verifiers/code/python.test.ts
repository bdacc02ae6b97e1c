import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { ConfigError } from "../../errors.ts"
import type { Verdict } from "../verifier.ts"
import { verifyHere } from "../pool/deadline.ts"
import { pythonCodeVerifier } from "./python.ts"
import { pythonInstallation } from "./python-process.ts"

const missing = pythonInstallation("python3").missing
const isolated = describe.skipIf(missing.length > 0)

const limits = { seconds: 1, memoryMb: 200, outputBytes: 10_000, fileBytes: 100_000, fileCount: 20 }
const asserts = JSON.stringify(["assert f(1) == 2", "assert f(2) == 3"])
const right = "def f(x): return x + 1"

async function judge(
  source: string,
  gold: string = asserts,
  options: object = {},
  signal?: AbortSignal,
): Promise<Verdict> {
  return await pythonCodeVerifier({ ...limits, ...options }).verify(
    { gold, completion: `\`\`\`python\n${source}\n\`\`\`` },
    signal,
  )
}

async function expectStopped(source: string, reason: RegExp): Promise<void> {
  const verdict = await judge(`${source}\n${right}`)
  expect(verdict).toMatchObject({ status: "incorrect", reward: 0 })
  expect(verdict.reason).toMatch(reason)
}

test("a system without isolation refuses to run code and says what is missing, unless it is told otherwise", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pirl-python-"))
  const script = join(folder, "python")
  // An interpreter whose system has no Landlock: the rest of the harness runs as it is.
  const found = pythonInstallation("python3")
  const { executable } = found
  const answer = JSON.stringify({
    ...found,
    executable: script,
    missing: ["files (Landlock: Function not implemented)"],
  })
  writeFileSync(
    script,
    `#!/bin/sh\nfor last; do :; done\n[ "$last" = probe ] && { echo '${answer}'; exit; }\nexec ${executable} "$@"\n`,
    { mode: 0o755 },
  )
  try {
    expect(() => pythonCodeVerifier({ python: script })).toThrow(ConfigError)
    expect(() => pythonCodeVerifier({ python: script })).toThrow(
      /shut Python code in, got none for files \(Landlock.*allowUnisolated: true/su,
    )
    expect(await judge(right, asserts, { python: script, allowUnisolated: true, seconds: 5 })).toMatchObject({
      status: "correct",
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test("a missing interpreter is an error of the config that names it", () => {
  expect(() => pythonCodeVerifier({ python: "/no/python/here" })).toThrow(ConfigError)
  expect(() => pythonCodeVerifier({ python: "/no/python/here" })).toThrow(/\/no\/python\/here.*Install it/su)
})

isolated("Python code is stopped and reported, and the host unharmed, when it", () => {
  test("loops for ever", async () => expectStopped("while True: pass", /processor time|ran longer/u))

  test("sleeps for ever", async () => expectStopped("import time\ntime.sleep(1000)", /ran longer than 3 s/u))

  test("ignores the signal of its limit", async () =>
    expectStopped(
      "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
      /processor time|ran longer/u,
    ))

  test("allocates without end", async () =>
    expectStopped("kept = []\nwhile True: kept.append(bytearray(10 ** 7))", /MemoryError/u))

  test("forks, starts programs or threads without end", async () => {
    await expectStopped("import os\nos.fork()", /not permitted/u)
    await expectStopped("import subprocess\nsubprocess.run(['true'])", /not permitted/u)
    await expectStopped("import os\nos.execv('/bin/sh', ['sh'])", /not permitted|denied/iu)
    await expectStopped(
      "import threading\nstop = threading.Event()\nwhile True: threading.Thread(target=stop.wait).start()",
      /can't start new thread|MemoryError|ran longer/u,
    )
  })

  test("writes or reads outside its folder", async () => {
    const target = join(tmpdir(), `pirl-escape-${process.pid}`)
    await expectStopped(`open(${JSON.stringify(target)}, "w").write("x")`, /PermissionError/u)
    await expectStopped(
      `import os\nos.symlink(${JSON.stringify(tmpdir())}, "out")\nopen("out/pirl-escape-${process.pid}", "w")`,
      /PermissionError/u,
    )
    await expectStopped(`import os\nos.mkdir(${JSON.stringify(target)})`, /PermissionError/u)
    await expectStopped(`open(${JSON.stringify(import.meta.filename)}).read()`, /PermissionError/u)
    await expectStopped(`import os\nos.chmod(${JSON.stringify(import.meta.filename)}, 0)`, /PermissionError/u)
    expect(existsSync(target)).toBe(false)
    rmSync(target, { force: true, recursive: true })
  })

  test("opens a socket", async () => {
    let connections = 0
    const server = createServer((socket) => {
      connections++
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    try {
      const { port } = server.address() as AddressInfo
      await expectStopped(`import socket\nsocket.create_connection(("127.0.0.1", ${port}))`, /PermissionError/u)
      await expectStopped("import socket\nsocket.socket(socket.AF_UNIX)", /PermissionError/u)
      await expectStopped("import socket\nsocket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)", /PermissionError/u)
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
    expect(connections).toBe(0)
  })

  test("sends signals, raises its limits, traces or mounts", async () => {
    await expectStopped(`import os\nos.kill(${process.pid}, 9)`, /PermissionError/u)
    await expectStopped("import os\nos.kill(-1, 9)", /PermissionError/u)
    await expectStopped(
      "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
      /not permitted|not allowed/u,
    )
    const call =
      "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.%s != -1 or ctypes.get_errno() != 1, 'refused'"
    await expectStopped(call.replace("%s", "ptrace(16, 1, 0, 0)"), /refused/u)
    await expectStopped(call.replace("%s", "mount(b'x', b'/', b'tmpfs', 0, 0)"), /refused/u)
    await expectStopped(call.replace("%s", "unshare(0x10000000)"), /refused/u)
  })

  test("writes more than its share of output or files", async () => {
    const program = '{"inputs": [""], "outputs": ["x"]}'
    expect((await judge("while True: print('x' * 1000)", program)).reason).toMatch(/bytes of output/u)
    await expectStopped("open('a', 'wb').write(b'x' * 10 ** 6)", /File too large/u)
    await expectStopped("import time\nfor i in range(1000): open(str(i), 'w').close()\ntime.sleep(2)", /20 files/u)
  })

  test("ends the process, so that its tests cannot fail", async () => {
    await expectStopped("import os\nos._exit(0)", /before the tests were done/u)
    await expectStopped("import sys\nsys.exit(0)", /SystemExit/u)
    await expectStopped("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", /SIGSEGV/u)
    await expectStopped("import os\nos.write(3, b'{\"test\": 0, \"problem\": null}')", /Bad file descriptor/u)
  })
})

isolated("tests of Python code", () => {
  test("pass for right code, and the first that fails is named", async () => {
    expect(await judge(right)).toMatchObject({ status: "correct", reward: 1, reason: "2 of 2 tests pass" })
    expect((await judge("def f(x): return 2")).reason).toContain("test 2: AssertionError: assert f(2) == 3")
    expect((await judge("def f(x: return x")).reason).toContain("SyntaxError")
  })

  test("of slow programs end together, and count as wrong before the deadline of the pool", async () => {
    const programs = JSON.stringify({ inputs: Array(20).fill("1"), outputs: ["1", ...Array(19).fill("2")] })
    const source = "import time\nx = input()\ntime.sleep(0.5)\nprint(x)"
    const verifier = pythonCodeVerifier({ ...limits, seconds: 0.4, reward: "share" })
    const verdict = await verifyHere(verifier, { gold: programs, completion: `\`\`\`python\n${source}\n\`\`\`` }, 9000)
    expect(verdict.status).toBe("incorrect")
    expect(verdict.reward).toBeLessThan(0.1)
    const endless = pythonCodeVerifier({ ...limits, seconds: 0.4, reward: "share" })
    const slept = { gold: programs, completion: "```python\nimport time\ntime.sleep(60)\n```" }
    expect(await verifyHere(endless, slept, 9000)).toMatchObject({ status: "incorrect", reward: 0 })
  }, 30_000)

  test("give the share that passes where that is asked for", async () => {
    expect(await judge("def f(x): return 2", asserts, { reward: "share" })).toMatchObject({
      status: "incorrect",
      reward: 0.5,
    })
    expect(await judge("def f(x): return 2")).toMatchObject({ reward: 0 })
  })

  test("of functions compare exact data: long integers, tuples as lists, methods of a Solution", async () => {
    const gold =
      '{"fn_name": "f", "inputs": [[12345678901234567890], [[1, 2]]], "outputs": [12345678901234567891, [2, 3]]}'
    const source = "class Solution:\n  def f(self, x): return x + 1 if isinstance(x, int) else tuple(y + 1 for y in x)"
    expect(await judge(source, gold)).toMatchObject({ status: "correct" })
    expect(await judge(source.replace("x + 1 if", "float(x + 1) if"), gold)).toMatchObject({ status: "incorrect" })
  })

  test("are not fooled by a result that calls itself equal", async () => {
    const gold = '{"fn_name": "f", "inputs": [[1]], "outputs": [2]}'
    expect(
      (await judge("class E(int):\n  def __eq__(self, other): return True\ndef f(x): return E()", gold)).reason,
    ).toContain("not plain data")
  })

  test("of programs compare what is printed, apart from white space at the ends of lines", async () => {
    const gold = '{"inputs": ["1 2\\n", "3 4\\n"], "outputs": ["3\\n", "7"]}'
    expect(await judge("print(sum(map(int, input().split())), '')", gold)).toMatchObject({ status: "correct" })
    expect((await judge("print(3)", gold)).reason).toContain('test 2: expected line 1 of the output to be "7", got "3"')
    expect((await judge("print(1 / 0)", gold)).reason).toContain("ZeroDivisionError")
  })

  test("may use what harmless code uses: threads, event loops, temporary files, deep recursion", async () => {
    const source = [
      "import asyncio, sys, tempfile, threading",
      "async def later(): await asyncio.sleep(0.001); return 1",
      "def depth(n): return 0 if n == 0 else 1 + depth(n - 1)",
      "def f(x):",
      "  sys.setrecursionlimit(20000)",
      "  threading.stack_size(2 ** 25)",
      "  found = []",
      "  thread = threading.Thread(target=lambda: found.append(depth(10000)))",
      "  thread.start()",
      "  thread.join()",
      "  with tempfile.TemporaryFile() as file: file.write(b'x')",
      "  return x + asyncio.run(later()) if found == [10000] else None",
    ].join("\n")
    const verdict = await judge(source, asserts, { seconds: 5 })
    expect(verdict, verdict.reason).toMatchObject({ status: "correct" })
  })

  test("give the same result every time: hashes and random numbers are fixed", async () => {
    const source = "import random\nprint(hash('a'), random.random(), list({'x', 'y', 'z'}))"
    const first = (await judge(source, '{"inputs": [""], "outputs": ["?"]}')).reason
    expect((await judge(source, '{"inputs": [""], "outputs": ["?"]}')).reason).toBe(first)
  })

  test("see an empty folder of their own and none of our environment", async () => {
    process.env["PIRL_TEST_SECRET"] = "secret"
    const source =
      "import os\nassert os.listdir('.') == []\nassert 'PIRL_TEST_SECRET' not in os.environ\nopen('a', 'w').write('x')"
    expect(await judge(`${source}\n${right}`)).toMatchObject({ status: "correct" })
    delete process.env["PIRL_TEST_SECRET"]
  })

  test("stop when the signal is aborted, and leave no folder behind", async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 300)
    const verdict = await judge("while True: pass", asserts, { seconds: 60 }, controller.signal)
    expect(verdict.reason).toContain("stopped at the deadline")
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`pirl-code-${process.pid}`))).toEqual([])
  })
})
