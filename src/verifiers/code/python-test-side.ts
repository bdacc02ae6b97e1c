/** The process of the tests, as Python source: it runs the tests of the ground truth and never a line of the code. */

/**
 * Defines `run_tests(job, channel, report)`. A name of the tests that the code defines is bound to a stand-in: calling
 * it sends the arguments to the process of the code and gives back plain data. Objects that are no data stay there; a
 * stand-in passes on what a test asks of it, with two exceptions: it never equals plain data, and no operator hands it
 * a plain value of the test. So an object cannot call itself equal to what is expected, nor learn it.
 */
export const pythonTestSide: string = String.raw`
import builtins

class Remote:
    """Stands for an object in the process of the code."""
    def __init__(self, side, number):
        object.__setattr__(self, "_remote", (side, number))
    def __getattr__(self, name):
        return ask(self, "getattr", name)
    def __setattr__(self, name, value):
        ask(self, "setattr", name, value)
    def __delattr__(self, name):
        ask(self, "delattr", name)
    def __call__(self, *args, **names):
        side, number = object.__getattribute__(self, "_remote")
        return side.request("call", number, args, names)
    def __contains__(self, wanted):
        return any(one is wanted or one == wanted for one in self)
    def __exit__(self, *error):
        return ask(self, "exit")
    def __instancecheck__(self, value):
        return type(value) is Remote and ask(self, "isinstance_of", value)
    def __eq__(self, other):
        return self is other or (type(other) is Remote and ask(self, "eq", other) is True)
    def __ne__(self, other):
        return not self == other

def ask(remote, op, *args):
    side, number = object.__getattribute__(remote, "_remote")
    return side.request(op, number, args, {})

def pass_on(method, op, kinds=(), plain=True):
    """plain: arguments may be values of the test. kinds: what the answer must be."""
    def passing(self, *args):
        if not plain and any(type(one) is not Remote for one in args):
            return NotImplemented
        answer = ask(self, op, *args)
        if kinds and type(answer) not in kinds:
            raise TypeError("__%s__ of an object of the response returned %s" % (method, type(answer).__name__))
        return answer
    setattr(Remote, "__%s__" % method, passing)

for method, kinds in (("str", (str,)), ("repr", (str,)), ("bool", (bool,)), ("len", (int,)), ("int", (int,)),
        ("hash", (int,)), ("float", (float,)), ("complex", (complex,)), ("index", (int,)), ("iter", ()), ("next", ()),
        ("abs", ()), ("neg", ()), ("pos", ()), ("invert", ()), ("round", ()), ("trunc", ()), ("reversed", ()),
        ("enter", ())):
    pass_on(method, method, kinds)
for method in ("getitem", "setitem", "delitem"):
    pass_on(method, method)
for method, op in (("lt", "lt"), ("le", "le"), ("gt", "gt"), ("ge", "ge"), ("add", "add"), ("sub", "sub"),
        ("mul", "mul"), ("matmul", "matmul"), ("truediv", "truediv"), ("floordiv", "floordiv"), ("mod", "mod"),
        ("pow", "pow"),
        ("and", "and_"), ("or", "or_"), ("xor", "xor"), ("lshift", "lshift"), ("rshift", "rshift")):
    pass_on(method, op, (), False)

class TestSide(Peer):
    def __init__(self, channel, namespace):
        Peer.__init__(self, channel, namespace)
        self.remotes, self.exceptions = {}, {}

    def request(self, op, number, args, names):
        if self.channel.ended:
            raise CodeEnded()
        if op == "isinstance_of":
            op, number, args = "isinstance", object.__getattribute__(args[0], "_remote")[1], (self.remotes[number],)
        message = self.write((list(args), names))
        message.update(op=op, on=number)
        answer = self.ask(message)
        printed = answer.get("printed")
        if isinstance(printed, str):
            sys.stdout.write(printed)
        if "raised" in answer:
            raise self.error(answer)
        if "after" in answer:
            after = self.read(answer["after"])
            for old, new in zip(args, after if type(after) is list else []):
                self.renew(old, new)
        return args[answer["same"]] if "same" in answer else self.read(answer)

    def renew(self, old, new):
        """An argument becomes what the code has made of it."""
        if type(old) is not type(new):
            return
        if isinstance(old, (list, bytearray)):
            old[:] = new
        elif isinstance(old, (dict, set)):
            old.clear()
            old.update(new)
        elif type(old).__name__ == "deque":
            old.clear()
            old.extend(new)
        elif self.is_record(old):
            for name, value in attributes(new).items():
                object.__setattr__(old, name, value)

    def refer(self, value):
        if type(value) is Remote:
            return {"mine": object.__getattribute__(value, "_remote")[1]}
        # Exception classes of the code have their numbers there.
        for number, kind in self.exceptions.items():
            if kind is value:
                return {"mine": number}
        if callable(value) or hasattr(value, "__next__") or type(value).__module__ == "solution":
            return {"far": [self.keep(value), "given", "", []]}
        raise TypeError("a test passes %s, which cannot be given to the code" % type(value).__name__)

    def stand_for(self, number, what, name, bases):
        if type(number) is not int:
            raise Broken("expected a number")
        if what == "exception":
            if number not in self.exceptions:
                self.exceptions[number] = self.exception_class(name, bases)
            return self.exceptions[number]
        if number not in self.remotes:
            self.remotes[number] = Remote(self, number)
        remote = self.remotes[number]
        if what != "coroutine":
            return remote
        async def waited():
            return self.request("await", number, (), {})
        return waited()

    def exception_class(self, name, bases):
        for base in bases:
            kind = vars(builtins).get(base) if isinstance(base, str) else None
            if isinstance(kind, type) and issubclass(kind, BaseException):
                if base == name:
                    return kind
                known = [made for made in self.exceptions.values() if made.__name__ == name and issubclass(made, kind)]
                return known[0] if known else type(str(name), (kind,), {})
        return RuntimeError

    def error(self, answer):
        kind = self.exception_class(answer["raised"], answer["bases"])
        args = self.read(answer)
        error = kind.__new__(kind, *args)
        error.args = tuple(args)
        error.of_code = str(answer["text"])[:300]
        return error

    def answer(self, request):
        """The code calls or reads what a test has given to it, and nothing else."""
        try:
            args, value = self.read(request), self.kept[request["on"]]
            if request["op"] == "call":
                return self.write(value(*args))
            if request["op"] == "next":
                return self.write(next(value))
            name = args[0]
            is_own = type(value).__module__ == "solution" and not isinstance(value, type)
            if type(name) is str and not name.startswith("_") and is_own:
                return self.write(getattr(value, name))
            raise AttributeError("the test gives no %s" % (name,))
        except CodeEnded:
            raise
        except BaseException as error:
            return {"raised": type(error).__name__, "text": "".join("%s" % (error,))}

def global_names(sources):
    """Names that the sources read as globals and do not define."""
    import symtable
    used, defined = set(), set()
    def walk(table, is_top):
        for symbol in table.get_symbols():
            is_global = is_top or symbol.is_global()
            if is_global and symbol.is_referenced():
                used.add(symbol.get_name())
            is_made = symbol.is_assigned() or symbol.is_imported()
            if is_top and is_made or symbol.is_declared_global() and symbol.is_assigned():
                defined.add(symbol.get_name())
        for child in table.get_children():
            walk(child, False)
    for source in sources:
        try:
            walk(symtable.symtable(source, "<test>", "exec"), True)
        except (SyntaxError, ValueError):
            pass
    return used - defined

def tested_builtin(sources, names):
    """A function of the code with the name of a builtin: the first that a test passes alone, or calls innermost."""
    import ast
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        calls.sort(key=lambda node: (node.lineno, node.col_offset))
        for call in calls:
            is_check = isinstance(call.func, ast.Name) and call.func.id == "check"
            if is_check and call.args and isinstance(call.args[0], ast.Name) and call.args[0].id in names:
                return [call.args[0].id]
        for call in calls:
            inside = [node for part in call.args for node in ast.walk(part)]
            inner = [node for node in inside if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
            if isinstance(call.func, ast.Name) and call.func.id in names and not inner:
                return [call.func.id]
    return []

def definitions(setup):
    """The imports and classes of the setup, which the code may need; its functions and values may hold the answers."""
    import ast
    try:
        nodes = [node for node in ast.parse(setup).body if isinstance(node, (ast.Import, ast.ImportFrom, ast.ClassDef))]
    except (SyntaxError, ValueError):
        return []
    return [ast.unparse(node) if hasattr(ast, "unparse") else ast.get_source_segment(setup, node) for node in nodes]

def solution_module(side):
    """What a test imports by that name: its own names, then those of the code."""
    import types
    class Solution(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return side.request("global", None, (name,), {})
    return Solution("solution")

def run_tests(job, channel, report):
    side = TestSide(channel, {})
    module = solution_module(side)
    sys.modules["solution"] = module
    namespace = side.near = module.__dict__
    sources = [job["setup"]] + job["tests"]
    try:
        side.request("load", None, (definitions(job["setup"]), job["source"]), {})
        used = global_names(sources)
        names = sorted(name for name in used if not hasattr(builtins, name) and not name.startswith("__"))
        names = names or tested_builtin(job["tests"], {name for name in used if hasattr(builtins, name)})
        found = side.request("globals", None, names, {}) if names else {}
        namespace.update((name, value) for name, value in found.items() if name in names)
        exec(compile(job["setup"], "<setup>", "exec"), namespace)
        side.classes = own_classes(namespace)
    except CodeEnded:
        return
    except BaseException as error:
        report({"error": getattr(error, "of_code", None) or described(error)})
        return
    for index, test in enumerate(job["tests"]):
        problem = None
        try:
            exec(compile(test, "<test %d>" % (index + 1), "exec"), namespace)
        except BaseException as error:
            problem = getattr(error, "of_code", None) or described(error)
            if isinstance(error, AssertionError) and problem == "AssertionError":
                problem = "AssertionError: %s" % test.strip()[:200]
        if channel.ended:
            return
        report({"test": index, "problem": problem})
        if problem is not None and job["stopEarly"]:
            break
    report({"end": True})
`
