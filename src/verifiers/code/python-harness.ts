/** The program that a Python process runs: it reads a job, shuts itself in, and runs the code of the response. */
import { pythonCodeSide } from "./python-code-side.ts"
import { pythonExchange } from "./python-exchange.ts"
import { pythonSandbox } from "./python-sandbox.ts"
import { pythonTestSide } from "./python-test-side.ts"

/**
 * Descriptor 3 carries one line with the job to the process and lines back; the first says what could not be isolated,
 * and is written before any line of the response is read.
 * - `program`: the response is the program; what it prints is compared outside.
 * - `calls`: arguments come in, results go out as JSON text and are compared outside.
 * - `asserts`: the process forks before it reads the job. The child gets the code, over a pipe; the tests stay with the
 *   parent, which alone keeps descriptor 3.
 */
export const pythonHarness: string = `${pythonSandbox}${pythonExchange}${pythonCodeSide}${pythonTestSide}${String.raw`
def read_job():
    data = b""
    while not data.endswith(b"\n"):
        chunk = os.read(3, 1 << 16)
        if not chunk:
            os._exit(1)
        data += chunk
    return json.loads(data)

def write_line(text, write=os.write):
    data = memoryview((text + "\n").encode("utf-8", "backslashreplace"))
    while len(data) > 0:
        data = data[write(3, data):]

def report(message):
    write_line(json.dumps(message))

def take_installation(job):
    """What the site module would set up, as it was found once for all runs, without its .pth files each time."""
    sys.path[:] = job["path"]
    sys.prefix, sys.exec_prefix = job["prefixes"]
    import site
    for name in ("setquit", "setcopyright", "sethelper"):
        getattr(site, name)()
    import random
    random.seed(0)

def silence(descriptors):
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(null, descriptor)
    os.close(null)

def plain(value, depth=0):
    kind = type(value)
    if depth > 50:
        raise TypeError("the result is nested too deep")
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return [plain(one, depth + 1) for one in value]
    if kind in (set, frozenset):
        return sorted((plain(one, depth + 1) for one in value), key=repr)
    if issubclass(kind, dict):
        return {str(plain(key, depth + 1)): plain(one, depth + 1) for key, one in dict.items(value)}
    if hasattr(kind, "tolist"):
        return plain(value.tolist(), depth + 1)
    if issubclass(kind, (list, tuple)):
        parts = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        return [plain(one, depth + 1) for one in parts]
    raise TypeError("the result is a %s, not plain data" % kind.__name__)

def lookup(namespace, name):
    if name in namespace:
        return namespace[name]
    solution = namespace.get("Solution")
    if solution is not None and hasattr(solution, name):
        return getattr(solution(), name)
    raise NameError("the response defines no %s" % name)

def run_calls(job):
    import types
    silence((1,))
    token = job["token"]
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    namespace = module.__dict__
    try:
        exec(compile(job["source"], "solution.py", "exec"), namespace)
    except BaseException as error:
        write_line("%s error %s" % (token, json.dumps(described(error))))
        return
    for index, args in enumerate(job["calls"]):
        try:
            kind, text = "result", json.dumps(plain(lookup(namespace, job["function"])(*json.loads(args))))
        except BaseException as error:
            kind, text = "raised", json.dumps(described(error))
        write_line("%s %s %d %s" % (token, kind, index, text))

def run_program(job):
    import types
    os.close(3)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(job["source"], "solution.py", "exec"), module.__dict__)

def run_asserts():
    import signal
    to_code, to_tests = os.pipe(), os.pipe()
    code = os.fork()
    source, sink = (to_code[0], to_tests[1]) if code == 0 else (to_tests[0], to_code[1])
    for end in to_code + to_tests:
        if end not in (source, sink):
            os.close(end)
    channel = Channel(source, sink)
    if code == 0:
        # The child is set up by the parent's first message; it holds nothing of the tests.
        os.close(3)
        job = channel.receive()
        take_installation(job)
        silence((0, 1))
        channel.send({"missing": sandbox(os.getcwd(), job["limits"], {source, sink})})
        try:
            serve(channel)
        except CodeEnded:
            os._exit(0)
    job = read_job()
    channel.send({name: job[name] for name in ("path", "prefixes", "limits")})
    take_installation(job)
    # Tests import nothing from the folder, in which the code writes.
    sys.path[:] = [path for path in sys.path if path not in ("", os.getcwd())]
    silence((0, 1))
    missing = channel.receive()["missing"]
    missing = missing + [one for one in sandbox(os.getcwd(), job["limits"], {3, source, sink}) if one not in missing]
    report({"missing": missing})
    if not missing or job["allowUnisolated"]:
        run_tests(job, channel, report)
    if channel.ended:
        report_end(code)
    else:
        # Where the system does not end it with its parent.
        try:
            os.kill(code, signal.SIGKILL)
        except OSError:
            pass
    os._exit(0)

def report_end(code):
    """Which signal ended the code; nothing when it went by itself, or only closed its channel."""
    import signal, time
    for _ in range(50):
        ended, status = os.waitpid(code, os.WNOHANG)
        if ended == code:
            if os.WIFSIGNALED(status):
                report({"killer": signal.Signals(os.WTERMSIG(status)).name})
            return
        time.sleep(0.02)

def probe():
    limits = {"cpuSeconds": 5, "memoryBytes": 1 << 29, "fileBytes": 1 << 20}
    paths = {"path": sys.path, "prefixes": [sys.prefix, sys.exec_prefix]}
    missing = sandbox(os.getcwd(), limits, set())
    print(json.dumps(dict(paths, executable=sys.executable, missing=missing, harness=HARNESS)))

def main(mode):
    if mode == "probe":
        return probe()
    if mode == "asserts":
        return run_asserts()
    job = read_job()
    take_installation(job)
    missing = sandbox(os.getcwd(), job["limits"], {3})
    report({"missing": missing})
    if missing and not job["allowUnisolated"]:
        return
    if mode == "program":
        return run_program(job)
    run_calls(job)
    os._exit(0)

main(sys.argv.pop())
`}`

/** Program for `python -c`: compiles the harness from standard input once, and lets it probe and print itself. */
export const harnessCompiler: string = `import binascii, marshal, sys
code = compile(sys.stdin.read(), "<harness>", "exec", optimize=2)
HARNESS = binascii.b2a_base64(marshal.dumps(code), newline=False).decode()
exec(code)`

/** Program for `python -c`: reads the compiled harness from descriptor 3, as many bytes as the argument says. */
export const harnessLoader: string = `import marshal, os, sys
size, data = int(sys.argv.pop()), b""
while len(data) < size:
    data += os.read(3, size - len(data)) or sys.exit("the harness was cut")
exec(marshal.loads(data))`
