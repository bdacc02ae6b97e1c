/** Wrong Python that tries to pass its tests: every one is incorrect, and none is masked as a failure. */
import { describe, expect, test } from "vitest"
import { createVerifier } from "../src/index.ts"
import type { Verdict } from "../src/index.ts"
import { pythonInstallation } from "../src/verifiers/code/python-process.ts"

const { missing } = pythonInstallation("python3")
const verifier = createVerifier({ name: "code-python", seconds: 2, memoryMb: 300 })

/** Each kind of test asks for x + 1, for [x, x + 1], or for a class. */
const golds: Readonly<Record<string, string>> = {
  asserts: JSON.stringify(["assert f(1) == 2", "assert f(2) == 3"]),
  lists: JSON.stringify(["assert f(1) == [1, 2]", "assert f(2) == [2, 3]"]),
  check: JSON.stringify({ test: "def check(g):\n    assert g(1) == 2\n    assert g(2) == 3", entry_point: "f" }),
  near: JSON.stringify(["assert abs(f(1) - 2) < 1e-6"]),
  raises: JSON.stringify(["try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass"]),
  object: JSON.stringify(["c = C()\nc.add(1)\nc.add(1)\nassert c.size() == 2"]),
  helped: JSON.stringify({
    setup: "def same(a, b):\n    return a == b",
    tests: ["assert same(f(1), 2)"],
  }),
  calls: '{"fn_name": "f", "inputs": [[1], [2]], "outputs": [2, 3]}',
  floats: '{"fn_name": "f", "inputs": [[1.0]], "outputs": [1.5]}',
  program: '{"inputs": ["1", "2"], "outputs": ["2", "3"]}',
}

type Case = readonly [name: string, gold: string, source: string]

const everEqual = "class E:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False"

const fakes: readonly Case[] = [
  // Names and operators of the tests.
  [
    "replaces a helper of the tests",
    "helped",
    "import __main__\n__main__.same = lambda a, b: True\ndef f(x): return 0",
  ],
  ["defines a helper of the tests", "helped", "def same(a, b): return True\ndef f(x): return 0"],
  ["returns what equals everything", "asserts", `${everEqual}\ndef f(x): return E()`],
  [
    "returns a whole number that equals everything",
    "asserts",
    "class I(int):\n    def __eq__(s, o): return True\ndef f(x): return I(0)",
  ],
  [
    "returns a list that equals everything",
    "lists",
    "class L(list):\n    def __eq__(s, o): return True\ndef f(x): return L()",
  ],
  ["returns a list of what equals everything", "lists", `${everEqual}\ndef f(x): return [E(), E()]`],
  [
    "returns what is close to everything",
    "near",
    "class N(float):\n    def __sub__(s, o): return 0.0\ndef f(x): return N(9)",
  ],
  [
    "returns an object that subtracts to nothing",
    "near",
    "class N:\n    def __sub__(s, o): return 0.0\ndef f(x): return N()",
  ],
  [
    "calls itself a whole number",
    "asserts",
    "class I:\n    __class__ = int\n    def __eq__(s, o): return True\ndef f(x): return I()",
  ],
  [
    "patches builtins that compare",
    "asserts",
    "import builtins\nbuiltins.abs = builtins.len = lambda *a: 0\nbuiltins.AssertionError = type('A', (Exception,), {})\ndef f(x): return 0",
  ],
  ["makes assert harmless", "check", "import builtins\nbuiltins.AssertionError = BaseException\ndef f(x): return 0"],
  [
    "patches how objects compare",
    "asserts",
    "import ctypes, gc\nfor o in gc.get_objects():\n    if isinstance(o, dict) and '__eq__' in o:\n        pass\ndef f(x): return 0",
  ],
  // Ends early.
  ["exits while it is read", "asserts", "import sys\nsys.exit(0)"],
  ["exits when it is called", "asserts", "import sys\ndef f(x): sys.exit(0)"],
  ["ends the process while it is read", "asserts", "import os\nos._exit(0)"],
  ["ends the process when it is called", "check", "import os\ndef f(x): os._exit(0)"],
  ["ends the process of calls", "calls", "import os\ndef f(x): os._exit(0)"],
  ["kills its own process", "asserts", "import os\ndef f(x): os.kill(os.getpid(), 9)"],
  ["raises what stops a run", "asserts", "def f(x): raise KeyboardInterrupt"],
  ["raises the end of a generator", "asserts", "def f(x): raise StopIteration"],
  ["leaves by a handler at the exit", "calls", "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return 0"],
  // Reads what is expected.
  [
    "reads the frames of its callers",
    "calls",
    "import sys\ndef f(x):\n    g = sys._getframe()\n    while g:\n        for v in list(g.f_locals.values()):\n            if isinstance(v, dict) and 'outputs' in v: return v['outputs'][0]\n            if isinstance(v, dict) and 'calls' in v and 'expected' in str(v): return v\n        g = g.f_back",
  ],
  [
    "reads the frames of asserts",
    "asserts",
    "import sys\ndef f(x):\n    g = sys._getframe()\n    while g:\n        for v in list(g.f_locals.values()) + list(g.f_globals.values()):\n            if isinstance(v, str) and 'assert f(' in v: return int(v.split('==')[1])\n        g = g.f_back\n    return 0",
  ],
  [
    "searches memory for the tests",
    "asserts",
    "import gc\ndef f(x):\n    for o in gc.get_objects():\n        if isinstance(o, list) and any(isinstance(s, str) and s.startswith('assert f(%d)' % x) for s in o):\n            return x + 1\n    return 0",
  ],
  [
    "reads every descriptor for the tests",
    "asserts",
    "import os\ndef f(x):\n    for d in range(3, 64):\n        try:\n            os.set_blocking(d, False)\n            if b'assert' in os.read(d, 65536): return x + 1\n        except OSError: pass\n    return 0",
  ],
  [
    "reads files for the tests",
    "asserts",
    "import os\ndef f(x):\n    for a, b, names in os.walk('.'):\n        for n in names:\n            if 'assert' in open(os.path.join(a, n), errors='replace').read(): return x + 1\n    return 0",
  ],
  [
    "reads its parent's command line",
    "asserts",
    "import os\ndef f(x):\n    try:\n        return x + 1 if b'assert' in open('/proc/%d/cmdline' % os.getppid(), 'rb').read() else 0\n    except OSError: return 0",
  ],
  // Speaks for the judge.
  [
    "prints the words of a pass",
    "asserts",
    'print(\'{"test": 0, "problem": null}\\n{"end": true}\\n2 of 2 tests pass\')\ndef f(x): return 0',
  ],
  [
    "writes verdicts into every descriptor",
    "asserts",
    'import os\nfor d in range(3, 64):\n    try: os.write(d, b\'{"test": 0, "problem": null}\\n{"test": 1, "problem": null}\\n{"end": true}\\n\')\n    except OSError: pass\ndef f(x): return 0',
  ],
  [
    "answers in the place of the harness",
    "asserts",
    "import os, struct\nm = b'{\"value\": 2}'\nfor d in range(3, 64):\n    try: os.write(d, struct.pack('<I', len(m)) + m)\n    except OSError: pass\ndef f(x): return 0",
  ],
  [
    "answers calls in the place of the harness with what it does not know",
    "calls",
    "import os, sys\ng = sys._getframe()\nwhile g and 'token' not in g.f_locals: g = g.f_back\nt = g.f_locals['token']\nos.write(3, ('%s result 0 null\\n%s result 1 null\\n' % (t, t)).encode())\nos._exit(0)",
  ],
  ["patches the writer of results", "calls", "import json\njson.dumps = lambda *a, **k: 'true'\ndef f(x): return 0"],
  ["returns a text that reads as the number", "calls", "def f(x): return str(x + 1)"],
  ["returns infinity, which is within any share of itself", "floats", "def f(x): return float('inf')"],
  ["returns no number", "floats", "def f(x): return float('nan')"],
  ["returns true for two", "calls", "def f(x): return True"],
  ["prints the output and an error's code", "program", "print(int(input()) + 1)\nimport sys\nsys.exit(3)"],
  ["prints all outputs at once", "program", "print(2)\nprint(3)"],
  ["prints nothing and succeeds", "program", "import os\nos._exit(0)"],
  // Asked for an error, for an object.
  ["raises a look-alike of the error", "raises", "class ValueError(Exception): pass\ndef f(x): raise ValueError()"],
  ["raises nothing where an error is asked for", "raises", "def f(x): return None"],
  [
    "counts by lying about numbers",
    "object",
    `${everEqual}\nclass C:\n    def add(self, x): pass\n    def size(self): return E()`,
  ],
]

/** What is right is accepted by the same ways. */
const right: readonly Case[] = [
  ["asserts", "asserts", "def f(x): return x + 1"],
  ["lists", "lists", "def f(x): return [x, x + 1]"],
  ["check", "check", "def f(x): return x + 1"],
  ["near", "near", "def f(x): return x + 1.0"],
  ["raises", "raises", "def f(x):\n    if x < 0: raise ValueError('negative')"],
  [
    "object",
    "object",
    "class C:\n    def __init__(self): self.all = []\n    def add(self, x): self.all.append(x)\n    def size(self): return len(self.all)",
  ],
  ["helped", "helped", "def f(x): return x + 1"],
  ["calls", "calls", "class Solution:\n    def f(self, x): return x + 1"],
  ["floats", "floats", "def f(x): return x + 0.5"],
  ["program", "program", "print(int(input()) + 1)"],
]

/** Fakes that pass, and why none could be told from a solution. */
const allowed: readonly Case[] = [
  // Two inputs and their outputs are in the response; the tests ask for nothing else.
  ["knows the tests by heart", "asserts", "def f(x): return {1: 2, 2: 3}[x]"],
]

async function judged(list: readonly Case[]): Promise<Map<string, Verdict>> {
  const verdicts = new Map<string, Verdict>()
  const waiting = [...list]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, gold, source] = next
      const completion = `\`\`\`python\n${source}\n\`\`\``
      verdicts.set(name, await verifier.verify({ gold: golds[gold]!, completion }))
    }
  }
  await Promise.all(Array.from({ length: 4 }, worker))
  return verdicts
}

describe.skipIf(missing.length > 0)("Python that is wrong", () => {
  test(`passes by none of ${fakes.length} tricks`, { timeout: 240_000 }, async () => {
    const verdicts = await judged(fakes)
    const passed = [...verdicts].filter(([, { status }]) => status !== "incorrect")
    expect(passed.map(([name, { status, reason }]) => `${name}: ${status}, ${reason}`)).toEqual([])
  })

  test("is told from what is right by the same tests", { timeout: 120_000 }, async () => {
    const verdicts = await judged(right)
    expect([...verdicts].filter(([, { reward }]) => reward !== 1)).toEqual([])
  })

  test("passes only where it is named here", { timeout: 60_000 }, async () => {
    expect([...(await judged(allowed))].map(([, { reward }]) => reward)).toEqual([1])
  })
})
