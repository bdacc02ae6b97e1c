/** The program that a Python process runs: reads a job, shuts itself in, runs the code of the response and its tests. */
import { pythonSandbox } from "./python-sandbox.ts"

/**
 * Descriptor 3 carries one line with the job to the process and lines with reports back. Reports begin with the job's
 * token. Tests of functions run in the process of the response: code that hunts for the token could fake a report; what a
 * program prints is compared outside.
 */
export const pythonHarness: string = `${pythonSandbox}
import json

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
        return [plain(one, depth + 1) for one in list.__iter__(value)] if issubclass(kind, list) else [plain(one, depth + 1) for one in tuple.__iter__(value)]
    raise TypeError("the result is a %s, not plain data" % kind.__name__)

def same(given, expected):
    if isinstance(expected, float) and isinstance(given, (int, float)):
        return given == expected or abs(given - expected) <= 1e-9 * max(1.0, abs(given), abs(expected))
    if isinstance(given, float) and isinstance(expected, int):
        return given == expected
    if isinstance(given, list) and isinstance(expected, list):
        return len(given) == len(expected) and all(same(a, b) for a, b in zip(given, expected))
    if isinstance(given, dict) and isinstance(expected, dict):
        return given.keys() == expected.keys() and all(same(one, expected[key]) for key, one in given.items())
    return type(given) == type(expected) and given == expected

def short(value):
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."

def described(error):
    text = "".join("%s" % (error,)).strip().split("\\n")[-1]
    name = type(error).__name__
    return ("%s: %s" % (name, text) if text else name)[:300]

def lookup(namespace, name):
    if name in namespace:
        return namespace[name]
    solution = namespace.get("Solution")
    if solution is not None and hasattr(solution, name):
        return getattr(solution(), name)
    raise NameError("the response defines no %s" % name)

def run_test(job, namespace, index):
    if job["kind"] == "asserts":
        exec(compile(job["tests"][index], "<test %d>" % (index + 1), "exec"), namespace)
        return None
    call = job["calls"][index]
    expected = json.loads(call["expected"])
    result = plain(lookup(namespace, job["function"])(*json.loads(call["args"])))
    if same(result, expected) or (isinstance(expected, list) and len(expected) == 1 and same(result, expected[0])):
        return None
    return "expected %s, got %s" % (short(expected), short(result))

def run_tests(job, report):
    import types
    silence = os.open("/dev/null", os.O_WRONLY)
    os.dup2(silence, 1)
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    namespace = module.__dict__
    try:
        exec(compile(job["source"], "solution.py", "exec"), namespace)
        if job["kind"] == "asserts":
            exec(compile(job["setup"], "<setup>", "exec"), namespace)
    except BaseException as error:
        report({"error": described(error)})
        return
    count = len(job["tests"] if job["kind"] == "asserts" else job["calls"])
    for index in range(count):
        try:
            problem = run_test(job, namespace, index)
        except BaseException as error:
            problem = described(error)
            if isinstance(error, AssertionError) and job["kind"] == "asserts" and problem == "AssertionError":
                problem = "AssertionError: %s" % job["tests"][index].strip()[:200]
        report({"test": index, "problem": problem})
        if problem is not None and job["stopEarly"]:
            break

def run_program(job):
    import types
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(job["source"], "solution.py", "exec"), module.__dict__)

def main():
    if sys.argv[1:] == ["probe"]:
        limits = {"cpuSeconds": 5, "memoryBytes": 1 << 29, "fileBytes": 1 << 20}
        print(json.dumps({"executable": sys.executable, "missing": sandbox(os.getcwd(), limits)}))
        return
    data = b""
    while not data.endswith(b"\\n"):
        chunk = os.read(3, 1 << 16)
        if not chunk:
            return
        data += chunk
    job = json.loads(data)
    token, write = job.pop("token"), os.write
    def report(line):
        text = memoryview((token + json.dumps(line) + "\\n").encode("utf-8", "backslashreplace"))
        while len(text) > 0:
            text = text[write(3, text):]
    import random
    random.seed(0)
    missing = sandbox(os.getcwd(), job["limits"])
    report({"missing": missing})
    if missing and not job["allowUnisolated"]:
        return
    if job["kind"] == "program":
        run_program(job)
        return
    run_tests(job, report)
    report({"end": True})
    os._exit(0)

main()
`
