/** The process of the code when tests call it, as Python source: it runs the code and answers requests of the tests. */

/**
 * Defines `serve(channel)`. The process holds no test and no expected value: a request names a function or an object
 * and brings arguments. All of it shares an interpreter with the code, so what it answers is the code's output, whoever
 * wrote it.
 */
export const pythonCodeSide: string = String.raw`
import io

KEPT_OUTPUT = 1 << 16
UNARY = {
    "str": str, "repr": repr, "bool": bool, "len": len, "int": int, "float": float, "complex": complex, "hash": hash,
    "iter": iter, "next": next, "abs": abs, "neg": lambda value: -value, "pos": lambda value: +value,
    "invert": lambda value: ~value, "round": lambda value, *digits: round(value, *digits),
    "index": lambda value: value.__index__(), "trunc": lambda value: value.__trunc__(), "reversed": reversed,
    "enter": lambda value: value.__enter__(), "exit": lambda value: value.__exit__(None, None, None),
}

class Printed(io.RawIOBase):
    """What the code prints in a call, for tests that look at it; no more than 64 KiB of it."""
    def __init__(self):
        self.bytes = bytearray()
    def writable(self):
        return True
    def write(self, data):
        data = bytes(data)
        self.bytes += data[:max(0, KEPT_OUTPUT - len(self.bytes))]
        return len(data)

class Given:
    """Stands for a function or an iterator that a test has passed."""
    def __init__(self, peer, number):
        self.__peer, self.__number = peer, number
    def __ask(self, op, *args):
        request = self.__peer.write(list(args))
        request.update(op=op, on=self.__number)
        answer = self.__peer.ask(request)
        if "raised" in answer:
            raise EXCEPTIONS.get(answer["raised"], RuntimeError)(answer["text"])
        return self.__peer.read(answer)
    def __call__(self, *args):
        return self.__ask("call", *args)
    def __iter__(self):
        return self
    def __next__(self):
        return self.__ask("next")
    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self.__ask("getattr", name)
    def __number_of__(self):
        return self.__number

EXCEPTIONS = {name: kind for name, kind in vars(__import__("builtins")).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)}

class CodeSide(Peer):
    def __init__(self, channel, namespace):
        Peer.__init__(self, channel, namespace)
        self.printed = Printed()
        sys.stdout = io.TextIOWrapper(self.printed, encoding="utf-8", errors="backslashreplace", write_through=True)

    def refer(self, value):
        kind = type(value)
        if kind is Given:
            return {"mine": value.__number_of__()}
        what, bases = "object", []
        if isinstance(value, type) and issubclass(value, BaseException):
            builtin = [base.__name__ for base in value.__mro__ if EXCEPTIONS.get(base.__name__) is base]
            what, bases = "exception", builtin
        elif kind.__name__ == "coroutine":
            what = "coroutine"
        return {"far": [self.keep(value), what, str(getattr(value, "__name__", kind.__name__)), bases]}

    def stand_for(self, number, *what):
        return Given(self, number)

    def load(self, definitions, source):
        for text in definitions:
            try:
                exec(compile(text, "<setup>", "exec"), self.near)
            except Exception:
                # The code may need none of it.
                pass
        self.classes = own_classes(self.near)
        exec(compile(source, "solution.py", "exec"), self.near)

    def perform(self, op, on, args, names):
        if op == "load":
            return self.load(args[0], args[1])
        if op == "globals":
            return {name: self.near[name] for name in args if name in self.near}
        if op == "global":
            return self.near[args[0]]
        if op == "call":
            return on(*args, **names)
        if op in ("getattr", "setattr", "delattr", "isinstance", "issubclass"):
            return getattr(__import__("builtins"), op)(on, *args)
        if op == "await":
            import asyncio
            return asyncio.run(on)
        if op in UNARY:
            return UNARY[op](on, *args)
        return getattr(__import__("operator"), op)(on, *args)

    def answer(self, request):
        before = request.get("value")
        self.printed.bytes = bytearray()
        try:
            args, names = self.read(request) or ([], {})
            on = request.get("on")
            result = self.perform(request["op"], self.kept[on] if on is not None else None, args, names)
            same = [i for i, one in enumerate(args) if one is result and self.is_mutable(one)]
            answer = {"same": same[0]} if same else self.write(result)
            if request["op"] in ("call", "setitem", "delitem") and any(self.is_mutable(one) for one in args):
                after = self.write(args)
                if "records" in after or after["value"] != before["tuple"][0]:
                    answer["after"] = after
        except CodeEnded:
            raise
        except BaseException as error:
            bases = [base.__name__ for base in type(error).__mro__ if EXCEPTIONS.get(base.__name__) is base]
            try:
                answer = self.write(list(error.args))
            except Exception:
                answer = {"value": ["".join("%s" % (error,))]}
            answer.update(raised=type(error).__name__, bases=bases, text=described(error))
        if self.printed.bytes:
            answer["printed"] = self.printed.bytes.decode("utf-8", "replace")
        return answer

def serve(channel):
    import types
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    side = CodeSide(channel, module.__dict__)
    while True:
        channel.send(side.answer(channel.receive()))
`
