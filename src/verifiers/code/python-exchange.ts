/**
 * How the process of the tests and the process of the code talk, as Python source. Values cross as plain data, written
 * anew on the other side; nothing that crosses is ever executed there. What is no data stays where it is and crosses as
 * a number that stands for it.
 */

/**
 * Defines `Peer`, one end of the conversation. Data: the built-in types, and of the standard library Decimal, Fraction,
 * dates, Counter, deque, ...; arrays of NumPy; named tuples; objects of classes that both sides have (`records`).
 * Subclasses cross as the plain value they hold. A request is answered before the next one of the same side.
 */
export const pythonExchange: string = String.raw`
import json, struct

MAXIMUM_MESSAGE = 1 << 26
MAXIMUM_DEPTH = 100
HEX_BITS = 10000
TYPES = {kind.__name__: kind for kind in (
    int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, object,
    type(None))}
# Modules and functions that tests may use by the names under which the code has imported them: each side takes its own.
SHARED = set("math cmath statistics itertools functools operator collections re string heapq bisect random copy "
    "decimal fractions datetime time json typing numpy".split())

class CodeEnded(BaseException):
    pass

class Broken(Exception):
    pass

class Channel:
    def __init__(self, source, sink):
        self.source, self.sink, self.ended = source, sink, False

    def send(self, message):
        text = json.dumps(message).encode()
        if len(text) > MAXIMUM_MESSAGE:
            raise TypeError("the data is longer than %d bytes" % MAXIMUM_MESSAGE)
        data = memoryview(struct.pack("<I", len(text)) + text)
        try:
            while len(data) > 0:
                data = data[os.write(self.sink, data):]
        except OSError:
            self.end()

    def read(self, size):
        parts = []
        while size > 0:
            part = os.read(self.source, min(size, 1 << 16))
            if not part:
                self.end()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def end(self):
        self.ended = True
        raise CodeEnded()

    def receive(self):
        size = struct.unpack("<I", self.read(4))[0]
        if size > MAXIMUM_MESSAGE:
            self.end()
        message = json.loads(self.read(size))
        if type(message) is not dict:
            raise Broken("expected an object")
        return message

def described(error):
    text = "".join("%s" % (error,)).strip().split("\n")[-1]
    name = type(error).__name__
    return ("%s: %s" % (name, text) if text else name)[:300]

class Peer:
    """One end. near: the namespace of this side; classes: names of its classes that the other side has too."""
    def __init__(self, channel, near):
        self.channel, self.near, self.classes = channel, near, set()
        self.kept, self.numbers = [], {}

    def ask(self, request):
        self.channel.send(request)
        while True:
            message = self.channel.receive()
            if "op" not in message:
                return message
            self.channel.send(self.answer(message))

    def keep(self, value):
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.kept)
            self.kept.append(value)
        return number

    def is_record(self, value):
        name = type(value).__name__
        return name in self.classes and self.near.get(name) is type(value)

    def is_mutable(self, value):
        is_container = isinstance(value, (list, dict, set, bytearray)) or type(value).__name__ == "deque"
        return is_container or self.is_record(value)

    def write(self, value):
        """The value and the records that it leads to, as JSON."""
        records, numbers = [], {}
        def one(value, depth):
            kind = type(value)
            if depth > MAXIMUM_DEPTH:
                raise TypeError("the data is nested too deep")
            if value is None or kind in (bool, float, str):
                return value
            if kind is int and value.bit_length() <= HEX_BITS:
                return value
            def each(values):
                return [one(part, depth + 1) for part in values]
            def pairs(value):
                return [[one(key, depth + 1), one(part, depth + 1)] for key, part in dict.items(value)]
            if kind.__module__ == "numpy":
                written = foreign(value, kind, each)
                if written is not None:
                    return written
            if isinstance(value, int):
                value = int.__int__(value)
                return value if value.bit_length() <= HEX_BITS else {"hex": hex(value)}
            if isinstance(value, float):
                return float.__float__(value)
            if isinstance(value, str):
                return str.__str__(value)
            if isinstance(value, list):
                return each(list.__iter__(value))
            if isinstance(value, tuple):
                fields = getattr(kind, "_fields", None)
                if kind is not tuple and isinstance(fields, tuple) and len(fields) == tuple.__len__(value):
                    return {"named": [str(kind.__name__), each(fields), each(tuple.__iter__(value))]}
                return {"tuple": each(tuple.__iter__(value))}
            if isinstance(value, dict):
                family = kind.__name__ if kind.__module__ == "collections" else "dict"
                return {family if family in ("Counter", "OrderedDict", "defaultdict") else "dict": pairs(value)}
            if isinstance(value, (set, frozenset)):
                return {"set" if isinstance(value, set) else "frozenset": each(list(value))}
            if isinstance(value, (bytes, bytearray)):
                return {"bytes" if isinstance(value, bytes) else "bytearray": value.decode("latin-1")}
            if kind is complex:
                return {"complex": [value.real, value.imag]}
            if kind is range:
                return {"range": each([value.start, value.stop, value.step])}
            if kind.__name__ in ("dict_keys", "dict_items", "dict_values") and kind.__module__ == "builtins":
                return {kind.__name__: each(list(value))}
            if kind is type and TYPES.get(value.__name__) is value:
                return {"type": value.__name__}
            written = foreign(value, kind, each)
            if written is not None:
                return written
            if self.is_record(value):
                if id(value) not in numbers:
                    numbers[id(value)] = len(numbers)
                    waiting.append(value)
                return {"record": numbers[id(value)]}
            return self.refer(value)
        waiting = []
        text = one(value, 0)
        while waiting:
            holder = waiting.pop(0)
            records.append([type(holder).__name__, {name: one(part, 0) for name, part in attributes(holder).items()}])
        return {"value": text, "records": records} if records else {"value": text}

    def read(self, message):
        """The value that the other side wrote."""
        listed = message.get("records", [])
        records = []
        for name, _ in listed:
            if name not in self.classes or not isinstance(self.near.get(name), type):
                raise Broken("no class %s here" % name)
            records.append(object.__new__(self.near[name]))
        def pairs(parts):
            return [(one(key), one(part)) for key, part in parts]
        def one(text):
            kind = type(text)
            if kind is list:
                return [one(part) for part in text]
            if kind is not dict:
                return text
            (tag, body), = [pair for pair in text.items() if pair[0] in READERS]
            if tag == "record":
                return records[body]
            if tag == "far":
                return self.stand_for(*body)
            if tag == "mine":
                return self.kept[body]
            return READERS[tag](body, one, pairs)
        for record, (_, fields) in zip(records, listed):
            for name, part in fields.items():
                object.__setattr__(record, name, one(part))
        return one(message.get("value"))

def attributes(holder):
    slots = [name for kind in type(holder).__mro__ for name in getattr(kind, "__slots__", ()) if hasattr(holder, name)]
    held = [(name, getattr(holder, name)) for name in slots if not name.startswith("__")]
    return dict(held, **getattr(holder, "__dict__", {}))

# Names of the classes that the code, or a test's setup, has made.
def own_classes(namespace):
    return {name for name, value in namespace.items() if isinstance(value, type) and value.__module__ == "solution"}

def foreign(value, kind, each):
    """Data of the standard library and of NumPy."""
    module, name = kind.__module__, kind.__name__
    if module == "decimal" and name == "Decimal":
        return {"Decimal": str(value)}
    if module == "fractions" and name == "Fraction":
        return {"Fraction": each([value.numerator, value.denominator])}
    if module == "collections" and name == "deque":
        return {"deque": [each(value), value.maxlen]}
    if module == "datetime" and name in ("date", "datetime", "time") and getattr(value, "tzinfo", None) is None:
        return {name: value.isoformat()}
    if module == "datetime" and name == "timedelta":
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    if module == "numpy" and hasattr(value, "dtype") and value.dtype.kind in "biufcU":
        if name == "ndarray":
            return {"array": [value.dtype.str, list(value.shape), each(value.ravel().tolist())]}
        return {"number": [value.dtype.str, each([value.item()])[0]]}
    shared = getattr(value, "__name__", None)
    if kind.__name__ == "module":
        return {"module": shared} if isinstance(shared, str) and shared.split(".")[0] in SHARED else None
    origin = getattr(value, "__module__", None)
    if isinstance(origin, str) and isinstance(shared, str) and origin in SHARED:
        if getattr(sys.modules.get(origin), shared, None) is value:
            return {"import": [origin, shared]}
    return None

def imported(module, name=None):
    import importlib
    if not isinstance(module, str) or module.split(".")[0] not in SHARED:
        raise Broken("no module %s is shared" % module)
    found = importlib.import_module(module)
    if name is None:
        return found
    found = getattr(found, name)
    if getattr(found, "__module__", None) != module:
        raise Broken("no %s of its own in %s" % (name, module))
    return found

def named(name, fields, values):
    return imported("collections", "namedtuple")(name, fields)._make(values)

def defaultdict(pairs):
    made = imported("collections", "defaultdict")()
    made.update(pairs)
    return made

READERS = {
    "record": None, "far": None, "mine": None,
    "hex": lambda body, one, pairs: int(body, 16),
    "tuple": lambda body, one, pairs: tuple(one(body)),
    "named": lambda body, one, pairs: named(body[0], one(body[1]), one(body[2])),
    "dict": lambda body, one, pairs: dict(pairs(body)),
    "Counter": lambda body, one, pairs: imported("collections", "Counter")(dict(pairs(body))),
    "OrderedDict": lambda body, one, pairs: imported("collections", "OrderedDict")(pairs(body)),
    "defaultdict": lambda body, one, pairs: defaultdict(pairs(body)),
    "set": lambda body, one, pairs: set(one(body)),
    "frozenset": lambda body, one, pairs: frozenset(one(body)),
    "bytes": lambda body, one, pairs: body.encode("latin-1"),
    "bytearray": lambda body, one, pairs: bytearray(body.encode("latin-1")),
    "complex": lambda body, one, pairs: complex(*body),
    "range": lambda body, one, pairs: range(*one(body)),
    "dict_keys": lambda body, one, pairs: dict.fromkeys(one(body)).keys(),
    "dict_values": lambda body, one, pairs: dict(enumerate(one(body))).values(),
    "dict_items": lambda body, one, pairs: dict(one(body)).items(),
    "type": lambda body, one, pairs: TYPES[body],
    "Decimal": lambda body, one, pairs: imported("decimal", "Decimal")(body),
    "Fraction": lambda body, one, pairs: imported("fractions", "Fraction")(*one(body)),
    "deque": lambda body, one, pairs: imported("collections", "deque")(one(body[0]), body[1]),
    "date": lambda body, one, pairs: imported("datetime", "date").fromisoformat(body),
    "datetime": lambda body, one, pairs: imported("datetime", "datetime").fromisoformat(body),
    "time": lambda body, one, pairs: imported("datetime", "time").fromisoformat(body),
    "timedelta": lambda body, one, pairs: imported("datetime", "timedelta")(*body),
    "array": lambda body, one, pairs: imported("numpy", "array")(one(body[2]), dtype=body[0]).reshape(body[1]),
    "number": lambda body, one, pairs: imported("numpy", "dtype")(body[0]).type(one(body[1])),
    "module": lambda body, one, pairs: imported(body),
    "import": lambda body, one, pairs: imported(*body),
}
`
